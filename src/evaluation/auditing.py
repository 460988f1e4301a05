"""One call that puts a design to every check: estimators side by side, weights, trends, few clusters."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation import estimators
from evaluation.design import Design
from evaluation.diagnostics import (
    Diagnostic,
    bacon,
    leave_one_out,
    negative_weights,
    pretrends,
    sensitivity,
)
from evaluation.display import Summary, Table
from evaluation.errors import EstimationError, EvaluationError
from evaluation.estimators import GroupTime, OverallATT, TwoWayFixedEffects
from evaluation.inference import (
    ClusterRobust,
    Recommendation,
    WildBootstrap,
    cluster_robust,
    recommend,
    wild_cluster_bootstrap,
)
from evaluation.panel import Panel
from evaluation.result import Result

__all__ = ["Audit", "audit"]

COLUMNS = ("part", "what", "estimate", "std_error", "ci_low", "ci_high", "p_value", "statistic", "says")


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """What `audit` found.

    Attributes
    ----------
    results : mapping of str to Result
        Average effect on the treated by estimator.
    checks : mapping of str to Diagnostic
    tests : mapping of str to WildBootstrap or ClusterRobust
        Of the two-way estimate.
    recommendation : Recommendation or None
    refused : mapping of str to str
        What could not be done with this design, and why.
    facts : mapping of str to object
        Of the design: ``outcome, units, periods, treated, starts, draws, seed``.
    """

    results: Mapping[str, Result]
    checks: Mapping[str, Diagnostic]
    tests: Mapping[str, WildBootstrap | ClusterRobust]
    recommendation: Recommendation | None
    refused: Mapping[str, str]
    facts: Mapping[str, Any]
    level: float = 0.95

    @property
    def table(self) -> Table:
        """One row an estimate, test or check; ``says`` has the answer, or why there is none."""
        rows: list[dict[str, object]] = []
        for name, result in self.results.items():
            row = result.tidy(self.level).iloc[0]
            same = ("estimate", "std_error", "ci_low", "ci_high", "p_value")
            rows.append({"part": "estimate", "what": name, **{key: row[key] for key in same}})
        for name, test in self.tests.items():
            low, high, reason = test.interval(self.level)
            rows.append(
                {
                    "part": "few clusters",
                    "what": name,
                    "estimate": test.estimate,
                    "std_error": test.std_error,
                    "ci_low": low,
                    "ci_high": high,
                    "p_value": test.p_value,
                    "says": test.reason or reason,
                }
            )
        for name, check in self.checks.items():
            rows.append(
                {
                    "part": "check",
                    "what": name,
                    "p_value": check.p_value,
                    "statistic": check.statistic,
                    "says": check.text["en"],
                }
            )
        if self.recommendation is not None:
            said = self.recommendation.sentence("en")
            rows.append({"part": "inference", "what": "recommended", "says": said})
        rows += [{"part": "refused", "what": name, "says": why} for name, why in self.refused.items()]
        out = pd.DataFrame(rows, columns=list(COLUMNS))
        return Table(out.assign(says=out["says"].fillna("")))

    def summary(self) -> Summary:
        """The numbers as a table, the answers as notes."""
        table = self.table
        facts = {key.capitalize(): str(value) for key, value in self.facts.items()}
        said = table[table["says"] != ""]
        notes = tuple(f"{what}: {says}" for what, says in zip(said["what"], said["says"], strict=True))
        numbers = table[~table["part"].isin(["refused", "inference"])].drop(columns="says")
        return Summary("Audit of a design", facts, numbers, notes)

    def __repr__(self) -> str:
        return (
            f"Audit({self.facts['outcome']}: {len(self.results)} estimates, {len(self.tests)} tests, "
            f"{len(self.checks)} checks, {len(self.refused)} refused)"
        )

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def to_latex(self, path: str | Path | None = None, caption: str = "") -> str:
        """The table in LaTeX (booktabs), without the sentences; written to ``path`` when given."""
        return Table(self._numbers()).to_latex(path, caption=caption)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """The table in Markdown, without the sentences; written to ``path`` when given."""
        return Table(self._numbers()).to_markdown(path)

    def to_excel(self, path: str | Path) -> None:
        """Write the table to an Excel file (needs openpyxl)."""
        self.table.to_excel(path)

    def to_word(self, path: str | Path) -> Path:
        """Write the table, the answers and the methods paragraph to a Word document (needs python-docx)."""
        notes = (*self.summary().notes, self.methods())
        return Table(self._numbers()).to_word(path, title=f"Audit: {self.facts['outcome']}", notes=notes)

    def _numbers(self) -> pd.DataFrame:
        table = self.summary().table
        assert table is not None
        return table

    def methods(self, language: Literal["en", "zh"] = "en") -> str:
        """A paragraph for the methods section of a paper, with its references in BibTeX below.

        Raises
        ------
        EstimationError
            A language other than these.
        """
        words = _words()
        if language not in ("en", "zh"):
            raise EstimationError(f"there is no text in {language!r}", expected="'en' or 'zh'")
        text, cited = words[language], []
        named = [name for name in self.results if name in words["methods"]]
        cited += [key for name in named for key in words["methods"][name]["cite"]]
        parts = [text["start"].format(**self.facts)]
        listed = text["join"].join(words["methods"][name][language] for name in named)
        parts += [text["fits"].format(methods=listed)] if named else []
        apart = [name for name in ("bacon", "negative_weights") if name in self.checks]
        if apart:
            joined = text["and"].join(text[name] for name in apart)
            parts.append(text["checks"].format(bacon_and_weights=joined))
        done = {
            "trends": {"pretrends", "sensitivity"} <= set(self.checks),
            "wild": len(self.tests) == 2,
        }
        parts += [text["trends"]] if done["trends"] else []
        if self.recommendation is not None and self.recommendation.first is not None:
            parts.append(text["few"].format(recommended=self.recommendation.first.name[language]))
        parts += [text["wild"].format(**self.facts)] if done["wild"] else []
        from evaluation import __version__

        parts.append(text["software"].format(version=__version__))
        shown = [*apart, *(name for name, is_done in done.items() if is_done)]
        cited += [key for name in shown for key in words["cite"][name]]
        space = " " if language == "en" else ""
        return space.join(parts) + "\n\n" + "\n".join(words["bibtex"][key] for key in dict.fromkeys(cited))


def audit(panel: Panel, design: Design, *, draws: int = 999, seed: int = 0, level: float = 0.95) -> Audit:
    """Put a design to every estimator and check that takes it (see `Audit.methods` for the papers).

    Estimators are put side by side as average effects on the treated; the static two-way estimate is taken
    apart (Goodman-Bacon; de Chaisemartin and D'Haultfoeuille); trends before treatment are tested with
    the power of the test (Roth), and bounded until the interval reaches zero (Rambachan and Roth); each
    cohort and comparison unit is left out in turn; few clusters are met by CR2 and by a wild bootstrap.
    What a method cannot do is in `Audit.refused` with its reason.

    Parameters
    ----------
    panel : Panel
    design : Design
    draws, seed : int
        Of the wild bootstrap, and of the simulation in `recommend`.
    level : float
        Of the intervals.

    Returns
    -------
    Audit

    Raises
    ------
    EstimationError
        No estimator takes the design: the reasons are named.
    DataError, DesignError
        The design does not fit the panel.

    Examples
    --------
    >>> import pandas as pd
    >>> from evaluation import Design, Panel, audit
    >>> panel = Panel(pd.read_csv("data/crime/castle_state_year.csv"), unit="state", time="year")
    >>> found = audit(panel, Design("rate", "first_treated"), draws=99)
    >>> found
    Audit(rate: 5 estimates, 2 tests, 7 checks, 0 refused)
    >>> table = found.table[["part", "what", "estimate", "std_error"]]
    >>> print(table.head(3).round(3).to_string(index=False))
        part               what  estimate  std_error
    estimate TwoWayFixedEffects     0.135      0.198
    estimate          GroupTime     0.472      0.197
    estimate         Imputation     0.109      0.203
    """
    cohorts = design.cohorts(panel)
    refused: dict[str, str] = {}

    def tried(name: str, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except EvaluationError as error:
            refused[name] = str(error).splitlines()[0]
            return None

    results: dict[str, Result] = {}
    for name in _words()["methods"]:
        estimator = OverallATT(getattr(estimators, name)())
        result = tried(name, lambda one=estimator: one.fit(panel, design))
        if result is not None:
            results[name] = result
    if not results:
        raise EstimationError(
            "no estimator takes this design",
            where="; ".join(f"{name}: {why}" for name, why in refused.items()),
        )
    universal = replace(design, base_period="universal")
    path = tried("event study", lambda: GroupTime().fit(panel, universal).aggregate("event_time"))

    def left_out(what: Literal["cohort", "donor"]) -> Diagnostic:
        return leave_one_out(OverallATT(GroupTime()), panel, design, what=what, inference="standard")

    wanted: dict[str, Callable[[], Diagnostic]] = {
        "bacon": lambda: bacon(panel, design),
        "negative_weights": lambda: negative_weights(panel, design),
        "leave_one_out_cohort": lambda: left_out("cohort"),
        "leave_one_out_donor": lambda: left_out("donor"),
    }
    if path is not None:
        wanted["pretrends"] = lambda: pretrends(path)
        wanted["sensitivity"] = lambda: sensitivity(path)
        wanted["sensitivity_smoothness"] = lambda: sensitivity(path, restriction="smoothness")
    checks = {name: check for name, do in wanted.items() if (check := tried(name, do)) is not None}
    static = TwoWayFixedEffects()
    tests: dict[str, Any] = {
        "wild cluster bootstrap": tried(
            "wild cluster bootstrap",
            lambda: wild_cluster_bootstrap(static, panel, design, variant="31", draws=draws, seed=seed),
        ),
        "CR2": tried("CR2", lambda: cluster_robust(static, panel, design)),
    }
    facts = {
        "outcome": design.outcome,
        "units": panel.n_units,
        "periods": panel.n_periods,
        "treated": int(np.count_nonzero(cohorts.treated)),
        "starts": ", ".join(map(str, cohorts.labels)),
        "draws": draws,
        "seed": seed,
    }
    return Audit(
        results=results,
        checks=checks,
        tests={name: test for name, test in tests.items() if test is not None},
        recommendation=tried("recommend", lambda: recommend(panel, design, seed=seed)),
        refused=refused,
        facts=facts,
        level=level,
    )


@cache
def _words() -> dict[str, Any]:
    text = files("evaluation").joinpath("audit.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
