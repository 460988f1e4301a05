"""A study of one place that nobody made a claim about has a whole page: the rule answers its headline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.pipeline.run import run

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("simulated", "said"),
    [
        (False, "By the rule printed below, that is more"),
        pytest.param(True, "cannot be tested", marks=pytest.mark.slow),
    ],
)
def test_a_page_without_a_claim(project: Any, levels: list[str], simulated: bool, said: str) -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, len(levels))
    rows = [
        f"{row.rpartition(',')[0]},{float(row.rpartition(',')[2]) + e:.2f}"
        for row, e in zip(levels, noise, strict=True)
    ]
    project.table(rows)
    manifest = project.root / "data" / "manifest.toml"
    manifest.write_text(manifest.read_text().replace("simulated = true", f"simulated = {simulated}".lower()))
    project.study(**{"level = 0.1": "level = 0.2"})
    shutil.copy(ROOT / "notebooks" / "pollution_enforcement.ipynb", project.root / "notebooks" / "tiny.ipynb")
    (done,) = run(["tiny"], root=project.root, reports=project.reports, jobs=1, languages=("en",))
    assert done.exit_status == 0, done.failures
    result = json.loads((project.reports / "results" / "tiny.json").read_text())
    assert result["claims"] == []
    assert said in result["answer"]["en"]
    page = (project.reports / "en" / "tiny.html").read_text(encoding="utf-8")
    assert result["answer"]["en"].split(".")[-2] in page
    assert "The claims beside the data" not in page
    assert "What independent data say of each claim" not in page
    assert "Can the claimed figure" not in page
    assert ("The rule asks for 1 tests of the change" in page) is not simulated
