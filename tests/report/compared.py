"""A comparison of five variants with hostile settings, one of them failed; loaded by path (``runpy``)."""

from __future__ import annotations

from typing import Any

from evaluation.report.sections.comparison import Cell, Comparison, Measure, Number

HOSTILE = "<script>alert(1)</script>"
REASON = f"DesignError: the window is too short {HOSTILE}\n  where: design.window"


def number(estimate: float, half: float = 5.0, verdict: str = "not_distinguishable") -> Number:
    """An estimate with a symmetric interval."""
    return Number(estimate, estimate - half, estimate + half, verdict, 65, 19, 42, "imputation")


def comparison(**changes: Any) -> Comparison:
    """Two axes; in 3 of 4 variants the interval excludes no change, and 2 agree with the study."""
    pages = {language: f"../../{language}/sample.html" for language in ("en", "zh")}
    cells = [
        Cell({"design.window": "24", "estimator": "GroupTime"}, numbers(-12.0), pages=pages),
        Cell({"design.window": "24", "estimator": HOSTILE}, numbers(-9.0, "beyond_comparison"), pages=pages),
        Cell({"design.window": "36", "estimator": "GroupTime"}, numbers(-3.0), pages=pages),
        Cell({"design.window": "36", "estimator": HOSTILE}, numbers(-14.0, "beyond_comparison"), pages=pages),
        Cell(
            {"design.window": "1", "estimator": "GroupTime"},
            reason=REASON,
            failure="../../failures/other.html",
        ),
    ]
    made: dict[str, Any] = {
        "study": "sample",
        "title": {"en": f"A study with *stars* and {HOSTILE}", "zh": f"一项带*星号*和{HOSTILE}的研究"},
        "keys": ("design.window", "estimator"),
        "declared": Cell({}, numbers(-13.0, "beyond_comparison"), pages=pages, declared=True),
        "cells": tuple(cells),
        "measures": (
            Measure("killing", {"en": "Killings", "zh": "击毙人数"}, {"en": "%", "zh": "%"}, "mean effect"),
            Measure("theft", {"en": "Theft", "zh": "盗窃"}, {"en": "cases", "zh": "起"}),
        ),
        "provenance": {
            "command": "evaluation run sample --grid design.window=24,36,1 --grid estimator=GroupTime,`x`",
            "generated": "2017-07-25T08:30:00Z",
            "data": [{"name": "levels", "sha256": "a" * 64, "simulated": False}],
        },
        "alternates": {"en": "en.html", "zh": "zh.html"},
    }
    return Comparison(**{**made, **changes})


def numbers(estimate: float, verdict: str = "not_distinguishable") -> dict[str, Number]:
    """Numbers of both measures."""
    return {"killing": number(estimate, verdict=verdict), "theft": number(-estimate / 4, verdict="")}
