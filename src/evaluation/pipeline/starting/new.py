"""A study file from a table and a few column names: short, and right the first time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluation.errors import OutputError, StudyError, shortlist
from evaluation.pipeline.site import shown, write_together, write_whole
from evaluation.pipeline.spec import toml_value
from evaluation.pipeline.starting.tables import Given, drop_others, files_of, lying, require_name
from evaluation.sources.findings import Asked, CannotTell, Findings, find
from evaluation.sources.manifest import load_manifest
from evaluation.sources.shaping import HOW, Shape, period_columns

TREATMENT = "--first-treated COLUMN, --switched-on COLUMN or --treated UNIT=DATE"
Ask = Callable[[CannotTell], str]


@dataclass(frozen=True)
class Request:
    """What the command line says, as it says it; None is what was left out."""

    name: str
    data: Path | None = None
    unit: str | None = None
    time: str | None = None
    outcomes: tuple[str, ...] = ()
    first_treated: str | None = None
    switched_on: str | None = None
    treated: tuple[str, ...] = ()
    weights: str | None = None
    cluster: str | None = None
    covariates: tuple[str, ...] = ()
    exposure: str | None = None
    languages: tuple[str, ...] = ("en",)
    title: str | None = None
    frequency: str | None = None
    better: str | None = None
    aggregate: str | None = None
    wide: bool = False
    sheet: str | None = None
    skip_rows: int = 0
    replace: bool = False
    answers: dict[str, str] = field(default_factory=dict)

    def answered(self, flag: str, answer: str) -> Request:
        """The same with the answer to a question."""
        option = flag.split()[0]
        if flag == TREATMENT:
            return replace(self, answers={"treatment": answer})
        if option == "--outcome":
            return replace(self, outcomes=tuple(filter(None, map(str.strip, answer.split(",")))))
        names = {"--unit": "unit", "--time": "time", "--frequency": "frequency", "--sheet": "sheet"}
        names |= {"--aggregate": "aggregate"}
        changed: dict[str, Any] = {names[option]: answer}
        return replace(self, **changed)

    def given(self) -> list[str]:
        """Options about the data that were given, for a message."""
        named = {
            "--unit": self.unit,
            "--time": self.time,
            "--outcome": self.outcomes,
            "--first-treated": self.first_treated,
            "--switched-on": self.switched_on,
            "--treated": self.treated,
        }
        return [flag for flag, value in named.items() if value]


def begin(root: Path, request: Request, ask: Ask | None = None) -> list[str]:
    """Write a study and its table into the project, both or neither.

    Parameters
    ----------
    root : Path
        The project folder.
    request : Request
    ask : callable, optional
        Answers what cannot be told; without one such a question is an error that names its option.

    Returns
    -------
    list of str
        What was found, and what was written.

    Raises
    ------
    StudyError, DataError
        Whatever is wrong with the request or the table; nothing was written.
    """
    require_name(request.name)
    manifest = load_manifest(root / "data")
    study = root / "studies" / f"{request.name}.toml"
    if not request.replace:
        if study.exists():
            raise _standing("study", shown(study), request.name)
        held = [] if request.data is None else lying(manifest, request.name)
        own = request.data is not None and [path.resolve() for path in held] == [request.data.resolve()]
        entered = request.name in {table.name for table in manifest.tables} | set(manifest.broken)
        if request.data is not None and (entered or (held and not own)):
            raise _standing("table", ", ".join(map(shown, held)) or "data/manifest.toml", request.name)
    if request.data is None:
        if request.given():
            raise CannotTell(f"{request.given()[0]} names a column of no file", "--data FILE")
        write_whole(study, template(request.name))
        return [f"wrote {shown(study)}", f"edit it, then: evaluation check {request.name}"]
    while True:
        try:
            given, asked, found = _look(request)
            break
        except CannotTell as question:
            if ask is None:
                raise
            request = request.answered(question.flag, ask(question))
    entry = given.entry(request.name)
    text = _text(request, asked, found)
    files = files_of(given, manifest, entry)
    write_together({**files, study: text})
    drop_others(manifest, entry)
    said = [f"read {request.data}: {given.how}", *found.lines()]
    wrote = [
        f"wrote {shown(study)}",
        f"wrote {shown(manifest.folder / entry.path)}, sha256 {entry.sha256[:12]}",
    ]
    return [*said, *wrote, f"next: evaluation run {request.name}"]


def _standing(what: str, where: str, name: str) -> StudyError:
    return StudyError(
        f"the {what} {name!r} stands already",
        where=where,
        expected="a new name",
        fix="choose another name, or give --replace to overwrite study and table",
    )


def _look(request: Request) -> tuple[Given, Asked, Findings]:
    """Read the file and look at it as the request would have it."""
    assert request.data is not None
    given = Given.read(request.data, request.sheet, request.skip_rows)
    columns = [str(name) for name in given.frame.columns]
    if request.aggregate and request.aggregate not in HOW:
        raise StudyError(
            f"{request.aggregate!r} combines no rows", where="--aggregate", expected="mean or sum"
        )
    unit = request.unit or _open("which column names the units?", "--unit COLUMN", columns)
    if request.wide:
        return _wide(request, given, unit)
    if not request.time and len(period_columns(columns)) > 2:
        raise StudyError(
            "no column was named as time, and the table has a column a period",
            where=shortlist(period_columns(columns)),
            expected="a row a unit and period, with --time COLUMN; or a column a period, with --wide",
            fix="give --wide, or --time COLUMN",
        )
    rest = [name for name in columns if name != unit]
    time = request.time or _open("which column holds the periods?", "--time COLUMN", rest)
    if request.aggregate and {unit, time} <= set(columns):
        given = given.shaped(Shape(by=(unit, time), aggregate=request.aggregate))
    rest = [name for name in rest if name != time]
    outcomes = request.outcomes or (_open("which column is the outcome?", "--outcome COLUMN", rest),)
    asked = _asked(request, given, unit, time, outcomes)
    return given, asked, find(given.frame, asked)


def _wide(request: Request, given: Given, unit: str) -> tuple[Given, Asked, Findings]:
    """A table with a column a period: time and outcome are names for what is made of it."""
    if len(request.outcomes) > 1:
        raise StudyError("a wide table holds one outcome", where="--wide", expected="one --outcome NAME")
    time = request.time or "time"
    outcome = request.outcomes[0] if request.outcomes else "value"
    shape = Shape(wide=(time, outcome))
    if request.aggregate:
        shape = replace(shape, by=(unit, time), aggregate=request.aggregate)
    given = given.shaped(shape)
    asked = _asked(request, given, unit, time, (outcome,))
    return given, asked, find(given.frame, asked)


def _open(what: str, flag: str, choices: list[str]) -> str:
    raise CannotTell(what.rstrip("?") + " cannot be told", flag, choices)


def _asked(request: Request, given: Given, unit: str, time: str, outcomes: tuple[str, ...]) -> Asked:
    twice = sorted({name for name in outcomes if outcomes.count(name) > 1})
    if twice:
        raise StudyError(f"{shortlist(twice)} is named twice", where="--outcome")
    treatment = _treatment(request, given)
    return Asked(
        unit=unit,
        time=time,
        outcomes=outcomes,
        frequency=request.frequency,
        weights=request.weights,
        cluster=request.cluster,
        covariates=request.covariates,
        exposure=request.exposure,
        **treatment,
    )


def _treatment(request: Request, given: Given) -> dict[str, Any]:
    """Which of the three ways of saying who is treated was taken."""
    first, switch, named = request.first_treated, request.switched_on, request.treated
    answer = request.answers.get("treatment")
    if answer is not None and "=" in answer:
        named = (answer,)
    elif answer in given.frame:
        held = set(given.frame[answer].dropna().unique())
        first, switch = (None, answer) if held <= {0, 1} else (answer, None)
    elif answer is not None:
        first = answer
    ways = [
        flag
        for flag, value in (("--first-treated", first), ("--switched-on", switch), ("--treated", named))
        if value
    ]
    if not ways:
        raise CannotTell("who is treated, and from when, cannot be told", TREATMENT)
    if len(ways) > 1:
        raise StudyError(
            f"{' and '.join(ways)} say the same in different ways",
            expected="exactly one of --first-treated, --switched-on, --treated",
            fix=f"take {ways[-1]} away",
        )
    pairs = []
    for text in named:
        name, sign, date = text.rpartition("=")
        if not sign or not name or not date.strip():
            raise StudyError(
                f"{text!r} is not of the form UNIT=DATE", where="--treated", expected='--treated "UNIT=DATE"'
            )
        pairs.append((name, date.strip()))
    return {"first_treated": first, "switched_on": switch, "treated": tuple(pairs)}


# the file ---------------------------------------------------------------------------------------


def _text(request: Request, asked: Asked, found: Findings) -> str:
    """The study file: what was asked and told, and nothing that has a default."""
    data: dict[str, Any] = {"table": request.name, "unit": asked.unit, "time": asked.time}
    if found.calendar:
        data["frequency"] = found.frequency
    if asked.exposure:
        data["exposure"] = asked.exposure
    keys = ("first_treated", "switched_on", "cluster", "weights")
    treatment: dict[str, Any] = {key: getattr(asked, key) for key in keys if getattr(asked, key)}
    if asked.treated:
        treatment["units"] = dict(asked.treated)
    shared: dict[str, Any] = {"better": request.better} if request.better else {}
    if asked.covariates:
        shared["covariates"] = list(asked.covariates)
    title = request.title or request.name.replace("_", " ").capitalize()
    parts: list[tuple[str, dict[str, Any]]] = [
        ("", {"title": title, "languages": list(request.languages)}),
        ("[data]", data),
        ("[treatment]", treatment),
        *(("[[outcomes]]", {"column": column, **shared}) for column in asked.outcomes),
    ]
    lines = [
        f"# Made from {request.data.name if request.data else ''} by `evaluation new`.",
        f"# Run it with: evaluation run {request.name}",
        "# Every other key has a default: `evaluation docs` lists them.",
    ]
    for head, content in parts:
        lines += ["", *filter(None, [head]), *(f"{key} = {toml_value(v)}" for key, v in content.items())]
    return "\n".join(lines) + "\n"


def template(name: str) -> str:
    """A commented study file with a line for each shape of study.

    Raises
    ------
    OutputError
        The package lacks the file.
    """
    path = Path(__file__).with_name("study.toml")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise OutputError("the package is not whole", where=str(path), fix="install it again") from error
    title = name.replace("_", " ").capitalize()
    return text.replace("NAME", name).replace("TITLE", title)
