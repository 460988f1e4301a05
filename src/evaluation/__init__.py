"""From a government's claim to a defensible answer: panels, designs, estimators and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evaluation.design import Design
    from evaluation.errors import EvaluationError
    from evaluation.panel import Panel
    from evaluation.result import Result

__all__ = ["Design", "EvaluationError", "Panel", "Result", "__version__"]
__version__ = "0.1.0"

_HOME = {"Design": "design", "EvaluationError": "errors", "Panel": "panel", "Result": "result"}


def __getattr__(name: str) -> Any:
    # on first use, so that `evaluation --help` does not wait for pandas and scipy
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"evaluation.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
