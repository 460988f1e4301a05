"""What the library shows at its front door: every example runs, every name is there and quick to load."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import subprocess
import sys

import pytest

import evaluation

OWN = (
    "evaluation.display",
    "evaluation.covariates",
    "evaluation.tables",
    "evaluation.auditing",
    "evaluation",
)
RESULTS = frozenset(
    [
        "ClusterRobust",
        "ClusterTTest",
        "ConformalTest",
        "FewTreated",
        "PlaceboPaths",
        "RandomizationTest",
        "RankSets",
        "Recommendation",
        "StepDown",
        "WildBootstrap",
        "Diagnostic",
        "EventStudy",
        "Sampled",
        "Sampling",
        "Specification",
        "Audit",
        "DataError",
        "DesignError",
        "EstimationError",
    ]
)
"""What functions return or raise: shown in their examples."""


def modules() -> list[str]:
    named = {getattr(evaluation, name).__module__ for name in evaluation.__all__ if name != "__version__"}
    return sorted({*named, *OWN})


@pytest.mark.parametrize("module", modules())
def test_examples_run(module, root, monkeypatch):
    monkeypatch.chdir(root)
    found = doctest.testmod(importlib.import_module(module))
    assert found.failed == 0


@pytest.mark.parametrize("name", sorted({*evaluation.__all__} - {"__version__"}))
def test_every_public_object_has_an_example(name):
    thing = getattr(evaluation, name)
    assert thing.__doc__
    if name not in RESULTS:
        assert "Examples\n" in thing.__doc__
        assert "\n    >>> " in thing.__doc__
    assert name in dir(evaluation)


@pytest.mark.parametrize(
    ("authors", "name"),
    [
        ("Callaway and Sant'Anna", "GroupTime"),
        ("Borusyak, Jaravel and Spiess", "Imputation"),
        ("Sun and Abraham", "InteractionWeighted"),
        ("Wooldridge", "ExtendedTwoWayFixedEffects"),
        ("Cengiz, Dube, Lindner and Zipperer", "Stacked"),
        ("Abadie, Diamond and Hainmueller", "SyntheticControl"),
        ("Arkhangelsky", "SyntheticDiD"),
        ("Goodman-Bacon", "bacon"),
        ("Rambachan and Roth", "sensitivity"),
        ("Cameron, Gelbach and Miller", "wild_cluster_bootstrap"),
    ],
)
def test_a_search_for_the_authors_finds_the_method(authors, name):
    assert authors in getattr(evaluation, name).__doc__.splitlines()[0]


def test_the_names_for_type_checkers_are_those_at_run_time(root):
    tree = ast.parse((root / "src/evaluation/__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("evaluation.")
        for alias in node.names
    }
    assert typed == {*evaluation._HOME}


BLOCKED = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        allowed = {"numpy", "scipy", "pandas", "dateutil", "pytz", "six", "tzdata", "evaluation"}
        if top not in allowed and top not in sys.stdlib_module_names and not top.startswith("_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

import evaluation
heavy = {"numpy", "pandas", "scipy"} & set(sys.modules)
assert not heavy, heavy
sys.meta_path.insert(0, Block())
import pandas as pd
from evaluation import *
panel = Panel(pd.read_csv(sys.argv[1]), unit="state", time="year")
design = Design("rate", "first_treated")
fit = GroupTime().fit(panel, design).aggregate("event_time")
print(fit.summary(), fit.to_latex(), fit.to_markdown())
print(wild_cluster_bootstrap(TwoWayFixedEffects(), panel, design, draws=99, seed=1), recommend, audit)
for do in (
    lambda: fit.plot(), lambda: fit.to_word("x.docx"), lambda: fit.to_excel("x.xlsx"), lambda: evaluation.load("crime_castle"),
    lambda: GroupTime().fit(panel, Design("rate", "first_treated", covariates="~ log(income)")),
):
    try:
        do()
    except EvaluationError as error:
        assert "not installed" in str(error) and "pip install 'reform-evaluation[" in str(error), error
    else:
        raise AssertionError("nothing was missing")
"""


def test_the_library_needs_numpy_scipy_and_pandas_alone(root, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(root / "data/crime/castle_state_year.csv")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root / "src")},
    )
    assert done.returncode == 0, done.stderr
