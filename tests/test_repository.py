"""Promises that the repository makes as a whole."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

MOST_BYTES = 1_500_000


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    try:
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [root / name for name in listing.decode().split("\0") if name and (root / name).is_file()]


@pytest.fixture(scope="module")
def tracked_text(tracked: list[Path]) -> list[tuple[Path, str]]:
    texts = []
    for path in tracked:
        raw = path.read_bytes()
        if b"\0" not in raw[:8192]:
            texts.append((path, raw.decode("utf-8", errors="replace")))
    return texts


@pytest.fixture(scope="module")
def notebooks(root: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    found = sorted((root / "notebooks").glob("*.ipynb"))
    if not found:
        pytest.skip("no notebook yet")
    return [(path.name, json.loads(path.read_text(encoding="utf-8"))["cells"]) for path in found]


def normalised(requirement: str) -> str:
    """Name of a requirement as the lock spells it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None, requirement
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def declared(pyproject: dict[str, Any]) -> set[str]:
    requirements = [*pyproject["project"]["dependencies"], *pyproject["build-system"]["requires"]]
    for group in pyproject["dependency-groups"].values():
        requirements += group
    return {normalised(requirement) for requirement in requirements}


def listed(faults: list[str]) -> str:
    """Faults one a line, which pytest would cut short in a comparison."""
    return "\n" + "\n".join(faults)


# what is installed ------------------------------------------------------------------------------


def test_environment_yml_is_what_pyproject_says(root: Path) -> None:
    spec = importlib.util.spec_from_file_location("environment", root / "tools" / "environment.py")
    assert spec is not None
    assert spec.loader is not None
    environment = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(environment)
    expected = environment.render((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert (root / "environment.yml").read_text(encoding="utf-8") == expected, "run `make environment`"


def test_environment_yml_names_every_dependency_of_the_package(root: Path, pyproject: dict[str, Any]) -> None:
    yaml = pytest.importorskip("yaml")
    environment = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    [pip] = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    names = {normalised(entry) for entry in [*conda, *pip] if not entry.startswith("-")}
    renamed = {"matplotlib": "matplotlib-base", "nbconvert": "nbconvert-core"}
    for requirement in pyproject["project"]["dependencies"]:
        name = normalised(requirement)
        assert renamed.get(name, name) in names
    assert f"python {pyproject['project']['requires-python']}" in conda


def test_lock_holds_no_address(root: Path) -> None:
    lines = (root / "requirements.lock").read_text(encoding="utf-8").splitlines()
    strange = [
        line
        for line in lines
        if not re.fullmatch(
            r"[a-z0-9.-]+==[^ ]+( ; [^\\/]+)?( \\)?|    --hash=sha256:[0-9a-f]{64}( \\)?", line
        )
    ]
    assert strange == []


def test_lock_covers_every_declared_dependency(root: Path, pyproject: dict[str, Any]) -> None:
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9.-]+)==", lock, flags=re.MULTILINE))
    assert declared(pyproject) - locked == set(), "run `make lock`"


def test_the_package_imports_only_what_it_declares(root: Path, pyproject: dict[str, Any]) -> None:
    extras = pyproject["project"]["optional-dependencies"].values()
    requirements = [*pyproject["project"]["dependencies"], *(one for extra in extras for one in extra)]
    allowed = {normalised(requirement) for requirement in requirements}
    distributions = packages_distributions()
    undeclared = set()
    for path in (root / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                modules = [node.module]
            else:
                continue
            for top in {module.partition(".")[0] for module in modules} - {"evaluation"}:
                if top in sys.stdlib_module_names:
                    continue
                owners = {normalised(name) for name in distributions.get(top, [top])}
                if not owners & allowed:
                    undeclared.add(f"{path.relative_to(root)} imports {top}")
    assert not undeclared, listed(sorted(undeclared))


# the shape of the repository --------------------------------------------------------------------


def test_what_an_extra_brings_is_imported_only_where_it_is_used(
    root: Path, pyproject: dict[str, Any]
) -> None:
    """Without the extra everything else works: no module imports it while it is itself imported."""
    every = pyproject["project"]["optional-dependencies"]
    extras = {name: every[name] for name in ("cluster", "formula", "notify", "publish")}
    modules = {normalised(one).replace("-", "_") for extra in extras.values() for one in extra} | {"dask"}
    early = [
        f"{path.relative_to(root)}: {name}"
        for path in (root / "src").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module])
        if name and name.partition(".")[0] in modules
    ]
    assert not early, listed(early)
    locked = (root / "requirements.lock").read_text(encoding="utf-8")
    for extra in extras.values():
        for one in extra:
            assert f"\n{normalised(one)}==" in locked, "the tests need it: name it in the group test too"


def test_make_help_names_every_target(root: Path) -> None:
    makefile = (root / "Makefile").read_text(encoding="utf-8")
    [phony] = re.findall(r"^\.PHONY: (.+)$", makefile, flags=re.MULTILINE)
    public = set(phony.split()) - {"other-python"}
    shown = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z-]+) +\S", shown, flags=re.MULTILINE)) == public
    assert {"help", "report", "test", "lab", "check", "bench", "clean"} <= public


def test_imports_point_down(root: Path) -> None:
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.skip("import-linter is not installed")
    path = {**os.environ, "PYTHONPATH": "data-raw"}
    done = subprocess.run([command, "--no-cache"], cwd=root, env=path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_notebooks_hold_no_outputs(notebooks: list[tuple[str, list[dict[str, Any]]]]) -> None:
    dirty = [
        name
        for name, cells in notebooks
        if any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
    ]
    assert dirty == [], "run `make format`"


def test_no_large_file_is_tracked(root: Path, tracked: list[Path]) -> None:
    large = [str(path.relative_to(root)) for path in tracked if path.stat().st_size > MOST_BYTES]
    assert large == []


@pytest.mark.shared
def test_no_raw_file_is_tracked(root: Path, shared: Path, tracked: list[Path]) -> None:
    raw = {checksum(path) for path in (shared / "data").rglob("*") if path.is_file() and path.stat().st_size}
    assert [str(path.relative_to(root)) for path in tracked if checksum(path) in raw] == []


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_no_path_of_a_machine_is_tracked(root: Path, tracked_text: list[tuple[Path, str]]) -> None:
    folders = "|".join(["work", "root", "home", "Users", "mnt"])
    pattern = re.compile(rf"(?<![\w.~/)}}>-])/(?:{folders})/\w")
    faults = matches(root, tracked_text, pattern)
    assert not faults, listed(faults)


def test_no_address_of_a_package_registry_is_tracked(
    root: Path, tracked_text: list[tuple[Path, str]]
) -> None:
    # in pieces, so that this file does not match
    hosts = ["files.python" + "hosted", "pypi" + ".org", "registry.npm" + "js", "deb.deb" + "ian.org"]
    pattern = re.compile("|".join(re.escape(host) for host in hosts))
    faults = matches(root, tracked_text, pattern)
    assert not faults, listed(faults)


def matches(root: Path, texts: list[tuple[Path, str]], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(root)}:{number}: {line.strip()[:80]}"
        for path, text in texts
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_documents_name_files_that_exist(root: Path) -> None:
    absent = []
    documents = ["CONTRIBUTING.md", "README.md", "README.zh.md", "METHODS.md", "data/README.md"]
    for document in [*documents, *(f"docs/{path.name}" for path in (root / "docs").glob("*.md"))]:
        text = (root / document).read_text(encoding="utf-8")
        named = re.findall(r"`((?:src|tests|docs|data|data-raw|tools|notebooks|benchmarks)/[\w./*-]+)`", text)
        named += [f"src/evaluation/{name}" for name in re.findall(r"`(pipeline/[\w./*-]+)`", text)]
        absent += [f"{document}: {name}" for name in named if not [*root.glob(name)]]
        links = re.findall(r"\]\((?!https?:)([^)#\s]+)\)", text)
        absent += [
            f"{document}: {name}" for name in links if not (root / document).parent.joinpath(name).exists()
        ]
    assert not absent, listed(absent)


def test_contributing_lists_the_layers(root: Path, pyproject: dict[str, Any]) -> None:
    [layers] = [
        contract["layers"]
        for contract in pyproject["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Imports point down"
    ]
    section = (root / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Layers")[2]
    [row] = [part for part in section.split("\n\n") if "→" in part]
    assert re.findall(r"`(\w+)`", row) == [layer.strip("()") for layer in layers]


# docstrings -------------------------------------------------------------------------------------


def undocumented(path: Path) -> Iterator[str]:
    module = ast.parse(path.read_text(encoding="utf-8"))
    if not ast.get_docstring(module):
        yield "the module"
    yield from undocumented_within(module, "")


def undocumented_within(node: ast.Module | ast.ClassDef, prefix: str) -> Iterator[str]:
    attributes = (ast.get_docstring(node) or "") if isinstance(node, ast.ClassDef) else ""
    for child in node.body:
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if child.name.startswith("_"):
            continue
        # a property is an attribute, and may be explained where the class lists those
        explained = is_property(child) and re.search(rf"\b{child.name}\b", attributes)
        if not ast.get_docstring(child) and not explained:
            yield prefix + child.name
        if isinstance(child, ast.ClassDef):
            yield from undocumented_within(child, f"{prefix}{child.name}.")


def is_property(node: ast.stmt) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(isinstance(d, ast.Name) and d.id in ("property", "cached_property") for d in decorators)


def test_everything_public_has_a_docstring(root: Path) -> None:
    package = root / "src" / "evaluation"
    missing = [
        f"{path.relative_to(root)}: {name}"
        for path in sorted(package.rglob("*.py"))
        if not path.name.startswith("_") or path.name == "__init__.py"
        for name in undocumented(path)
    ]
    assert not missing, listed(missing)


# documents --------------------------------------------------------------------------------------


def test_glossary_explains_every_term_in_both_languages(root: Path) -> None:
    lines = (root / "GLOSSARY.md").read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    terms = [row for row in rows if row[0] != "Term" and set(row[0]) != {"-"}]
    assert len(terms) >= 30
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for row in terms:
        assert len(row) == 4, row
        assert all(row), row
        assert [bool(chinese.search(cell)) for cell in row] == [False, True, False, True], row
    names = [row[0] for row in terms]
    assert len(set(names)) == len(names)
