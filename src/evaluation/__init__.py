"""From a government's claim to a defensible answer: panels, designs, estimators and reports."""

from evaluation.design import Design
from evaluation.errors import EvaluationError
from evaluation.panel import Panel
from evaluation.result import Result

__all__ = ["Design", "EvaluationError", "Panel", "Result", "__version__"]
__version__ = "0.1.0"
