"""A data frame evaluated as a study of it would be, without a file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from evaluation.analysis.choice import Choice
from evaluation.analysis.results import ResultFile
from evaluation.analysis.staggered import StaggeredCase, checks, findings, result_file
from evaluation.analysis.staggered.findings import Findings
from evaluation.analysis.staggered.methods import ask
from evaluation.analysis.staggered.prepare import prepare_staggered
from evaluation.errors import DesignError, StudyError, shortlist
from evaluation.result import Result
from evaluation.sources.manifest import UNSTATED, Plain, TableInfo, described
from evaluation.study.base import languages_of
from evaluation.study.staggered import StaggeredStudy

NAME = "frame"


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a study of a data frame finds.

    Attributes
    ----------
    case : StaggeredCase
        The study, resolved from the data, with its table.
    """

    case: StaggeredCase = field(repr=False)

    def __repr__(self) -> str:
        lead, panel = self.case.lead, self.case.rows(self.case.lead)
        units = panel[self.case.study.data.unit].nunique()
        how = f"{self.choice.estimator}, {self.choice.inference}"
        return f"Evaluation({lead.column}: {how}; {self.choice.treated} of {units} units treated)"

    def _repr_html_(self) -> str:
        """The estimates, for a notebook."""
        return self.table.to_html(max_rows=20, border=0)

    @property
    def choice(self) -> Choice:
        """What the design chose for the leading outcome, and why."""
        return self.case.choice

    @cached_property
    def result(self) -> Result:
        """The leading estimate of the leading outcome, as its estimator gives it.

        Its standard error is the estimator's own; inference that holds for the design is in `table`.
        """
        return ask(self.case, self.case.lead, self.choice.estimator).fit()

    @cached_property
    def found(self) -> Findings:
        """Everything that a page of the study says."""
        return findings(self.case)

    @property
    def table(self) -> pd.DataFrame:
        """Every outcome by every estimator, with the inference that holds; see `staggered.estimates`."""
        return self.found.estimates

    @cached_property
    def file(self) -> ResultFile:
        """The result file that a run of the study would write."""
        path = self.found.paths.get(self.case.lead.id)
        made = {} if path is None else checks(self.case, path)
        return result_file(self.case, self.found, made.values())

    def page(self, path: str | Path, language: str = "en") -> Path:
        """Write the page that a run of the study would make, but for time, version and history.

        No notebook kernel is started; the extra ``[studies]`` is needed.

        Parameters
        ----------
        path : str or Path
            The file to write.
        language : {"en", "zh"}
            One of the study's: English, unless `evaluate` was given ``languages``.

        Returns
        -------
        Path

        Raises
        ------
        StudyError
            The study has no text in the language.
        OutputError
            The file cannot be written.
        """
        from evaluation.pipeline.render import page_of_case
        from evaluation.pipeline.site import write_whole

        path = Path(path)
        write_whole(path, page_of_case(self.case, language))
        return path


def evaluate(
    frame: pd.DataFrame,
    *,
    unit: str,
    time: str,
    outcome: str | Sequence[str],
    first_treated: str | None = None,
    switched_on: str | None = None,
    treated: Mapping[Any, Any] | None = None,
    exposure: str | None = None,
    model: str | None = None,
    covariates: Sequence[str] = (),
    cluster: str | None = None,
    weights: str | None = None,
    frequency: str | None = None,
    estimator: str | None = None,
    inference: str | None = None,
    title: str = "",
    **keys: Any,
) -> Evaluation:
    """Evaluate a policy on a panel in memory: what a study file with these keys would find.

    Parameters
    ----------
    frame : pandas.DataFrame
        A row a unit and period.
    unit, time : str
        Columns.
    outcome : str or sequence of str
        Columns; the first leads.
    first_treated, switched_on : str, optional
        A column with the first treated period, empty or 0 for never; or one of 0 and 1.
    treated : mapping, optional
        Treated units to the first period of treatment. Exactly one of the three is given.
    exposure : str, optional
        Column of what every outcome is a count over.
    model : str, optional
        Of every outcome: ``"level"`` (the default), ``"share"``, ``"count"``, ``"log"`` or ``"rate"``.
    covariates : sequence of str
        Columns.
    cluster, weights, frequency, estimator, inference, title : str, optional
        As the keys of a study file.
    **keys
        Further keys of a study file, such as ``words``, ``rule`` or ``languages=["en", "zh"]``.

    Returns
    -------
    Evaluation
        With ``result``, ``table``, ``choice``, ``file`` and ``page("out.html")``.

    Raises
    ------
    DesignError
        Not exactly one way of saying who is treated.
    StudyError
        A key that a study file would not take.
    DataError, DesignError
        As `evaluation.analysis.prepare`.
    """
    forms = {"first_treated": first_treated, "switched_on": switched_on, "treated": treated}
    named = {name: value for name, value in forms.items() if value is not None}
    if len(named) != 1:
        raise DesignError(
            "who is treated, and from when, is said in no way"
            if not named
            else f"who is treated is said in {len(named)} ways: {', '.join(named)}",
            expected="one of first_treated, switched_on and treated",
        )
    units = None if treated is None else {str(name): str(when) for name, when in treated.items()}
    dated = {"first_treated": first_treated, "switched_on": switched_on, "units": units}
    columns = [outcome] if isinstance(outcome, str) else list(outcome)
    of_each = {"model": model, "covariates": list(covariates) or None}
    raw: dict[str, Any] = {
        "kind": "staggered",
        "id": NAME,
        "title": title or columns[0],
        "languages": ["en"],
        "data": _given(table=NAME, unit=unit, time=time, frequency=frequency, exposure=exposure),
        "treatment": _given(**dated, cluster=cluster, weights=weights),
        "outcomes": [{"column": name, **_given(**of_each)} for name in columns],
        **_given(estimator=estimator, inference=inference),
        **keys,
    }
    try:
        study = StaggeredStudy.model_validate(raw, context={"languages": languages_of(raw)})
    except ValidationError as error:
        said = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise StudyError("the question cannot be put so", where=shortlist(said, 20)) from None
    frame = frame.reset_index(drop=True)
    digest = hashlib.sha256(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()).hexdigest()
    info = TableInfo(
        name=NAME,
        path="",
        sha256=digest,
        rows=len(frame),
        title=Plain(title or NAME),
        source=UNSTATED["source"],
        licence=UNSTATED["licence"],
        made_by="hand",
        columns=described(frame),
        registered=False,
    )
    return Evaluation(prepare_staggered(study, {}, Path(), (frame, info)))


def _given(**keys: Any) -> dict[str, Any]:
    """The keys that have a value."""
    return {name: value for name, value in keys.items() if value is not None}


__all__ = ["Evaluation", "evaluate"]
