"""Values as JSON knows them."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any


def plain(value: Any, digits: int | None = None) -> Any:
    """A value with all that it holds as JSON knows it.

    Parameters
    ----------
    value : mapping, sequence, scalar of Python or of numpy, or None
    digits : int, optional
        Significant digits that numbers are rounded to; all that they have when absent.

    Returns
    -------
    dict, list, str, bool, int, float or None
        None for NaN and infinity, which JSON does not know. Keys of mappings are text.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if hasattr(value, "item"):  # a scalar of numpy
        value = value.item()
    if isinstance(value, float):
        if not isfinite(value):
            return None
        return value if digits is None else float(f"{value:.{digits}g}")
    return value


__all__ = ["plain"]
