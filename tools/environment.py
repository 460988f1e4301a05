"""Write environment.yml, for conda users, from pyproject.toml.

Run as ``python tools/environment.py``. A test holds the two files equal.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = {"studies": "pages", "import": "files of other programs", "tables": "tables", "formula": "formulas"}
"""Extras that a conda environment carries."""

GROUPS = {"test": "tests", "lint": "checks", "peers": "other packages, as yardsticks in tests and benchmarks"}
"""Dependency groups that a conda environment carries; the build group serves `make` alone."""

CONDA_NAMES = {
    "matplotlib": "matplotlib-base",
    "nbconvert": "nbconvert-core",
    "playwright": "playwright-python",
}
"""Where conda-forge has the package under another name."""

PIP_ONLY = {
    "axe-playwright-python",
    "causaldata",
    "csdid",
    "diff-diff",
    "pyfixest",
    "pylopdf-fonts-zh-cn",
}
"""What conda-forge is not known to have."""

REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*([<>=!~].*)?")


def conda_requirement(requirement: str) -> str:
    """A conda match specification for a requirement without extras or markers."""
    match = REQUIREMENT.fullmatch(requirement.strip())
    if match is None:
        raise SystemExit(
            f"pyproject.toml: {requirement!r} has an extra or a marker, which tools/environment.py cannot map"
        )
    name, version = match.group(1), match.group(2) or ""
    return f"{CONDA_NAMES.get(name, name)} {version}".strip()


def render(pyproject: str) -> str:
    """Text of environment.yml.

    Parameters
    ----------
    pyproject : str
        Text of pyproject.toml.
    """
    settings = tomllib.loads(pyproject)
    project = settings["project"]
    extras = project["optional-dependencies"]
    sections = [("the library", project["dependencies"])]
    sections += [(words, extras[extra]) for extra, words in EXTRAS.items()]
    sections += [(words, settings["dependency-groups"][group]) for group, words in GROUPS.items()]
    lines = [
        "# Generated from pyproject.toml by tools/environment.py: edit that, then `make environment`.",
        "# For exact versions use `make`, which installs requirements.lock.",
        f"name: {project['name']}",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        f"  - python {project['requires-python']}",
        "  - pip",
    ]
    with_pip: list[str] = []
    listed: set[str] = set()
    for words, requirements in sections:
        requirements = [one for one in requirements if one not in listed]
        listed |= set(requirements)
        names = {requirement: REQUIREMENT.match(requirement) for requirement in requirements}
        pip_only = [r for r, match in names.items() if match and match.group(1) in PIP_ONLY]
        with_pip += pip_only
        conda = sorted(conda_requirement(r) for r in requirements if r not in pip_only)
        if conda:
            lines += [f"  # {words}", *(f"  - {requirement}" for requirement in conda)]
    lines += [
        "  - pip:",
        *(f"      - {requirement}" for requirement in sorted(with_pip)),
        "      - --editable .",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / "environment.yml").write_text(
        render((ROOT / "pyproject.toml").read_text(encoding="utf-8")), encoding="utf-8"
    )
