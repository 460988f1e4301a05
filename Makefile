# Needs Python 3.11 or newer and a network; everything else is put into .venv.
# PYTHON=python3.12 chooses the interpreter. ARGS="..." is handed to the command of the target.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

BIN := .venv/bin
LOCK_GROUPS := build test lint peers
NOTEBOOKS := $(wildcard notebooks/*.ipynb)
BENCHMARKS := $(sort $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py)))

# The stamp's name holds a checksum of what set-up depends on, so that a second `make` does none of it and a
# changed lock, a moved checkout or another interpreter does it again, whatever the time stamps say.
KEY := $(shell { cat requirements.lock pyproject.toml tools/setup.sh; printf '%s' "$(CURDIR)"; } | cksum | tr ' ' -)
STAMP := .venv/ready-$(KEY)
ifneq ($(filter command% environment%,$(origin PYTHON)),)
export PYTHON
ifneq ($(shell $(PYTHON) -V 2>/dev/null),$(shell $(BIN)/python -V 2>/dev/null))
$(STAMP): other-python
endif
endif

# What tools keep about themselves stays in the checkout, and what the user keeps elsewhere has no say in a report.
STATE := $(CURDIR)/.venv/state
export IPYTHONDIR := $(STATE)/ipython
export JUPYTER_CONFIG_DIR := $(STATE)/jupyter/config
export JUPYTER_DATA_DIR := $(STATE)/jupyter/data
export JUPYTER_RUNTIME_DIR := $(STATE)/jupyter/runtime
export MPLCONFIGDIR := $(STATE)/matplotlib
export PRE_COMMIT_HOME := $(STATE)/pre-commit
unexport PYTHONPATH PYTHONHOME

.PHONY: help report test lab check bench clean setup slow format environment lock hooks distclean other-python

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

report: setup ## Run every study and write reports/index.html, in English and Chinese
	@$(BIN)/evaluation run --all $(ARGS)

test: setup ## Run the tests, but for the slow simulations
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile $(ARGS)

lab: setup ## Open JupyterLab on the notebooks, with a kernel that has the package
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab --ServerApp.root_dir="$(CURDIR)" --LabApp.default_url=/lab/tree/notebooks $(ARGS)

check: setup ## Lint, formatting, types, layers, data checksums, study files, clean notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=data-raw $(BIN)/lint-imports
	$(BIN)/evaluation check
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --keep-id --verify $(NOTEBOOKS))

bench: setup ## Run the benchmarks beside other packages and print their tables
	@set -e; for file in $(BENCHMARKS); do echo "$$file"; $(BIN)/python "$$file" $(ARGS); done

clean: ## Delete the generated reports and caches; .venv and the history of results stay
	find reports -mindepth 1 -maxdepth 1 ! -name history ! -name .gitkeep -exec rm -rf {} + 2>/dev/null || true
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(wildcard src data-raw tests tools benchmarks notebooks) \( -name __pycache__ -o -name .ipynb_checkpoints \) -prune -exec rm -rf {} +

setup: $(STAMP) ## Make .venv from requirements.lock (every other target does this when it is needed)

slow: setup ## Run the slow simulations
	@$(BIN)/python -m pytest -q -m slow $(ARGS)

format: setup ## Mend what lint and formatting can mend, and strip the notebooks of outputs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --keep-id $(NOTEBOOKS))

environment: setup ## Write environment.yml, for conda, from pyproject.toml
	@$(BIN)/python tools/environment.py

lock: setup ## Write requirements.lock and environment.yml from pyproject.toml; ARGS=--upgrade for newer versions
	$(BIN)/uv pip compile pyproject.toml --all-extras $(LOCK_GROUPS:%=--group %) --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --no-header --quiet --output-file requirements.lock $(ARGS)
	@$(BIN)/python tools/environment.py

hooks: setup ## Check notebooks and code before each git commit in this checkout
	@$(BIN)/pre-commit install

distclean: clean ## Delete .venv too
	rm -rf .venv

$(STAMP):
	@sh tools/setup.sh $@
