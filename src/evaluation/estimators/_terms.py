"""Treatment terms as functions of cohort and period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.errors import DesignError, EstimationError, shortlist
from evaluation.estimators._sample import Sample

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Terms:
    """Regressors that depend on cohort and period only.

    Attributes
    ----------
    frame : pandas.DataFrame
        ``term, event_time`` of all terms, references among them (m rows).
    table : ndarray (G + 1, T, k)
        Value of each estimated regressor by cohort (never treated last) and period.
    estimated : ndarray of int (k,)
        Rows of ``frame`` that are estimated; the others are references.
    """

    frame: pd.DataFrame
    table: FloatArray
    estimated: NDArray[np.intp]


def static_term(sample: Sample) -> Terms:
    """One indicator: 1 from the first treated period, less anticipation, on."""
    event = sample.event_time
    table = (event >= -sample.design.anticipation).astype(float)[:, :, None]
    return Terms(pd.DataFrame({"term": ["ATT"]}), table, np.array([0]))


def references(reference: int | tuple[int, ...] | None, anticipation: int) -> tuple[int, ...]:
    """Reference event times: the last period before anything can happen, unless given."""
    if reference is None:
        return (-1 - anticipation,)
    given = reference if isinstance(reference, tuple) else (reference,)
    bad = [r for r in given if isinstance(r, bool) or not isinstance(r, int | np.integer)]
    if bad or not given:
        raise DesignError(
            f"the reference is {reference!r}", expected="an event time such as -1, or a tuple of them"
        )
    return tuple(sorted({int(r) for r in given}))


def event_terms(sample: Sample, *, reference: int | tuple[int, ...] | None, endpoints: str) -> Terms:
    """An indicator for each event time but the references.

    With a window and ``endpoints="bin"`` its first and last term stand for everything beyond them.
    """
    event = sample.event_time
    base = references(reference, sample.design.anticipation)
    window = sample.design.window
    present = np.zeros(event.shape, dtype=bool)
    if sample.complete:
        present[np.bincount(sample.group, minlength=len(event)) > 0] = True
    else:
        present.reshape(-1)[sample.group[sample.unit] * event.shape[1] + sample.time] = True
    low, high = -np.inf, np.inf
    if window is not None:
        low, high = window
        if endpoints == "bin":
            event = np.clip(event, low, high)
    seen = np.unique(event[present & np.isfinite(event)]).astype(int)
    absent = [r for r in base if r not in seen]
    if absent:
        raise DesignError(
            f"no treated unit is observed at the reference event time {shortlist(absent)}",
            where=f"event times {shortlist(seen, 12)} are observed",
            fix="choose a reference among them, or widen the window",
        )
    values = np.array([e for e in seen if e not in base])
    if len(values) == 0:
        raise EstimationError(
            "no event time but the reference is observed", fix="add periods or treated units to the panel"
        )
    every = np.sort(np.concatenate([values, np.array(base)]))
    names = []
    for e in every:
        if endpoints == "bin" and e == low and (sample.event_time[present] < low).any():
            names.append(f"event time <= {e}")
        elif endpoints == "bin" and e == high and (sample.event_time[present] > high).any():
            names.append(f"event time >= {e}")
        else:
            names.append(f"event time {e}")
    table = (event[:, :, None] == values).astype(float)
    frame = pd.DataFrame({"term": names, "event_time": every})
    return Terms(frame, table, np.flatnonzero(np.isin(every, values)))
