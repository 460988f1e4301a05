"""Estimators: one file a method, each a frozen dataclass with ``fit(panel, design) -> Result``."""

from evaluation.estimators.two_way import TwoWayFixedEffects

__all__ = [
    "TwoWayFixedEffects",
]
