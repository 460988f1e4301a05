"""Several results side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from evaluation.display import Table, number
from evaluation.errors import EstimationError
from evaluation.result import Result

__all__ = ["compare_results"]


def compare_results(results: Mapping[str, Result] | Sequence[Result], *, level: float = 0.95) -> Table:
    """Results in columns: estimate, standard error in parentheses, interval in brackets; sample below.

    There are no stars. Terms are matched by name.

    Parameters
    ----------
    results : mapping of str to Result, or sequence of Result
        Names of columns; those of the methods when absent.
    level : float
        Of the pointwise intervals.

    Returns
    -------
    Table
        A data frame with ``to_latex``, ``to_markdown``, ``to_excel`` and ``to_word``.

    Raises
    ------
    EstimationError
        No result.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, GroupTime, Imputation, Panel, compare_results
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> design = Design("rate", "first_treated")
    >>> fits = {m.__name__: m().fit(panel, design).aggregate("simple") for m in (GroupTime, Imputation)}
    >>> print(compare_results(fits).head(5).to_markdown())
    |              | GroupTime        | Imputation        |
    |:-------------|:-----------------|:------------------|
    | ATT          | 0.4725           | 0.1087            |
    |              | (0.1967)         | (0.2027)          |
    |              | [0.0870, 0.8579] | [-0.2886, 0.5060] |
    | Observations | 550              | 550               |
    | Units        | 50               | 50                |
    """
    named: dict[str, Result] = {}
    pairs = results.items() if isinstance(results, Mapping) else [(r.method, r) for r in results]
    for name, result in pairs:
        key, again = name, 2
        while key in named:
            key, again = f"{name} ({again})", again + 1
        named[key] = result
    if not named:
        raise EstimationError("there is no result to compare", expected="one result or more")
    columns: dict[str, dict[str, str]] = {}
    terms: list[str] = []
    for name, result in named.items():
        column: dict[str, str] = {}
        for row in result.tidy(level).to_dict("records"):
            term = str(row["term"])
            column[term] = number(row["estimate"])
            column[f"{term}\0error"] = f"({number(row['std_error'])})"
            column[f"{term}\0interval"] = f"[{number(row['ci_low'])}, {number(row['ci_high'])}]"
            terms += [] if term in terms else [term]
        sample = result.sample
        column |= {
            "Observations": str(sample.observations),
            "Units": str(sample.units),
            "Treated units": str(sample.treated),
            "Clusters": " by ".join(map(str, sample.clusters)) or "–",
            "Inference": result.inference or "–",
        }
        columns[name] = column
    keys = [k for term in terms for k in (term, f"{term}\0error", f"{term}\0interval")]
    keys += ["Observations", "Units", "Treated units", "Clusters", "Inference"]
    out: dict[str, Any] = {"": [key if "\0" not in key else "" for key in keys]}
    out |= {name: [column.get(key, "") for key in keys] for name, column in columns.items()}
    return Table(pd.DataFrame(out))
