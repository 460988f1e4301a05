"""Reading the state's files: Latin-1, semicolons, padded names, decimals with a point or a comma."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evaluation.errors import DataError, shortlist
from evaluation.sources.reading import read_bytes, refuse_lines

COUNTS: Mapping[str, str] = {
    "homicide": "hom_doloso",
    "police_killing": "hom_por_interv_policial",
    "street_robbery": "roubo_transeunte",
    "vehicle_robbery": "roubo_veiculo",
    "residential_robbery": "roubo_residencia",
    "theft": "total_furtos",
    "total": "registro_ocorrencias",
}
"""Our column and the state's: victims of intentional homicide, people killed by the police, robberies of
passers-by, of vehicles and of homes, all thefts, and all occurrences registered."""

FIRST_YEAR, LAST_YEAR = 1990, 2100
_DAY = "%d/%m/%y"


@dataclass(frozen=True, eq=False)
class CrimeRecord:
    """Counts by precinct and month.

    Attributes
    ----------
    frame : pandas.DataFrame (rows,)
        ``precinct`` (int), ``month`` (pandas.Period), ``municipality``, ``region``, ``battalion`` (int, the
        police battalion's area) and the columns of `COUNTS` (float, NaN where the field is empty).
    sha256 : str
        Of the file.
    rows : int
        Rows read.
    empty : mapping of str to int
        Empty fields by column of `COUNTS`.
    """

    frame: pd.DataFrame
    sha256: str
    rows: int
    empty: Mapping[str, int]


def read_counts(path: Path) -> CrimeRecord:
    """Read the monthly counts by precinct (``BaseDPEvolucaoMensalCisp.csv``).

    Raises
    ------
    DataError
        The file or a column is absent, a field is not a count, a month is not one, a precinct has a
        month twice, or months are missing between a precinct's first and last.
    """
    frame, checksum = _rows(
        path, ["CISP", "mes", "vano", "munic", "Regiao", "AISP", *COUNTS.values()], what="monthly counts"
    )
    out = pd.DataFrame(
        {
            "precinct": _whole(frame, "CISP", path),
            "month": _months(frame, path),
            "municipality": frame["munic"].str.strip(),
            "region": frame["Regiao"].str.strip(),
            "battalion": _whole(frame, "AISP", path),
        },
        index=frame.index,
    )
    empty = {}
    for name, column in COUNTS.items():
        values = _numbers(frame, column, path)
        refuse_lines(
            values < 0,
            frame,
            path,
            f"values of {column} are negative",
            values=column,
            expected="a count of 0 or more",
            fix="correct these lines, or empty the fields that are not known",
        )
        refuse_lines(
            np.isfinite(values) & (values != np.round(values)),
            frame,
            path,
            f"values of {column} are not whole numbers",
            values=column,
            expected="a count",
            fix="correct these lines",
        )
        out[name] = values
        empty[name] = int(np.isnan(values).sum())
    _refuse_twice(out, path)
    _refuse_holes(out, path)
    return CrimeRecord(out.reset_index(drop=True), checksum, len(out), empty)


def read_population(path: Path) -> tuple[pd.DataFrame, str]:
    """Read the population by precinct and month (``PopulacaoEvolucaoMensalCisp.csv``).

    Returns
    -------
    frame : pandas.DataFrame (rows,)
        ``precinct, month, population`` (persons, interpolated by the publisher).
    sha256 : str

    Raises
    ------
    DataError
        The file or a column is absent, a population is not a number above 0, or a precinct has a month
        twice.
    """
    frame, checksum = _rows(path, ["circ", "mes", "vano", "pop_circ"], what="population by precinct")
    values = _numbers(frame, "pop_circ", path)
    refuse_lines(
        ~(values > 0),
        frame,
        path,
        "populations are not above 0",
        values="pop_circ",
        expected="a number of persons above 0",
        fix="correct these lines, or remove them: the precinct then has no rate in that month",
    )
    out = pd.DataFrame(
        {"precinct": _whole(frame, "circ", path), "month": _months(frame, path), "population": values},
        index=frame.index,
    )
    _refuse_twice(out, path)
    return out.reset_index(drop=True), checksum


def read_units(path: Path) -> tuple[pd.DataFrame, str]:
    """Read the opening dates of the pacification units (``UppDatasDeInstalacao.csv``).

    Returns
    -------
    frame : pandas.DataFrame (units,)
        ``unit`` (number, from texts such as ``42° UPP`` and ``1ª UPP``), ``opened`` (day), ``name,
        locality``.
    sha256 : str

    Raises
    ------
    DataError
        The file or a column is absent, a day cannot be read, or a unit has no number or stands twice.
    """
    frame, checksum = _rows(path, ["Data", "Unidade", "Favela", "Localidade"], what="opening dates")
    days = pd.to_datetime(frame["Data"].str.strip(), format=_DAY, errors="coerce")
    refuse_lines(
        days.isna().to_numpy(),
        frame,
        path,
        "opening days cannot be read",
        values="Data",
        expected="a day as 28/11/08",
        fix="correct these lines",
    )
    numbers = pd.to_numeric(frame["Unidade"].str.extract(r"^\s*(\d+)\s*[°ªº]", expand=False))
    refuse_lines(
        (numbers.isna() | numbers.duplicated(keep=False)).to_numpy(),
        frame,
        path,
        "units have no number, or one that another has",
        values="Unidade",
        expected="a number as in 42° UPP, once",
        fix="correct these lines",
    )
    out = pd.DataFrame(
        {
            "unit": numbers.astype("int64"),
            "opened": days,
            "name": frame["Favela"].str.strip(),
            "locality": frame["Localidade"].str.strip(),
        }
    )
    return out.sort_values("unit").reset_index(drop=True), checksum


def read_names(path: Path) -> tuple[dict[int, str], str]:
    """Read the precincts' names (``delegacias_names.csv``), which stand as ``010ª DP – Botafogo``.

    The copy was written as UTF-8, read as Latin-1 and written as UTF-8 again; the second step is undone.
    """
    frame, checksum = _rows(path, ["CISP", "nome"], what="names of precincts")
    names = [_mended(name).replace("\xa0", " ") for name in frame["nome"]]
    short = [name.split("DP", 1)[-1].strip(" –-") for name in names]
    return dict(zip(_whole(frame, "CISP", path).tolist(), short, strict=True)), checksum


def _mended(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _rows(path: Path, columns: Sequence[str], *, what: str) -> tuple[pd.DataFrame, str]:
    if not path.is_file():
        raise DataError(
            f"the file with the {what} is absent",
            where=str(path),
            expected="the four files of the record in one folder: data/README.md names them",
            fix="give the folder that holds them",
        )
    content, checksum = read_bytes(path)
    text = _decode(content, path)
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    header = [name.strip() for name in rows[0]] if rows else []
    absent = [name for name in columns if name not in header]
    if absent:
        commas = rows and len(header) == 1 and "," in header[0]
        raise DataError(
            f"the file with the {what} has no column {', '.join(absent)}",
            where=f"{path}, line 1: {shortlist(header, 12)}",
            expected="columns " + ", ".join(columns) + ", separated by semicolons",
            fix="the file is separated by commas: export it with semicolons"
            if commas
            else "download the file again",
        )
    body = [(number, row) for number, row in enumerate(rows[1:], start=2) if any(row)]
    uneven = [number for number, row in body if len(row) != len(header)]
    if uneven or not body:
        raise DataError(
            f"rows of the file with the {what} do not have its {len(header)} fields" if body else
            f"the file with the {what} has no rows",
            where=f"{path}: lines {shortlist(uneven)}" if body else str(path),
            expected=f"{len(header)} fields separated by semicolons",
            fix="correct these lines, or download the file again",
        )  # fmt: skip
    frame = pd.DataFrame(
        [row for _, row in body], columns=header, index=pd.Index([number for number, _ in body], name="line")
    )
    return frame[list(columns)], checksum


def _decode(content: bytes, path: Path) -> str:
    """UTF-8 where the bytes are, else Latin-1, which takes any bytes: what cannot be text is refused."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content:
        raise DataError(
            "the file is UTF-16 or not text",
            where=str(path),
            expected="Latin-1 as the state publishes it, or UTF-8",
            fix="save it as UTF-8, or download the file again",
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _numbers(frame: pd.DataFrame, column: str, path: Path) -> np.ndarray:
    texts = frame[column].str.strip()
    values = pd.to_numeric(texts.str.replace(",", ".", regex=False), errors="coerce").to_numpy(dtype=float)
    refuse_lines(
        ~np.isfinite(values) & (texts != "").to_numpy(),
        frame,
        path,
        f"values of {column} are not numbers",
        values=column,
        expected="a number, with a point or a comma before the decimals and nothing between thousands",
        fix="correct these lines, or empty the fields that are not known",
    )
    return values


def _whole(frame: pd.DataFrame, column: str, path: Path) -> pd.Series:
    values = _numbers(frame, column, path)
    refuse_lines(
        ~np.isfinite(values) | (values != np.round(values)),
        frame,
        path,
        f"values of {column} are not whole numbers",
        values=column,
        expected="a number such as 12",
        fix="correct these lines",
    )
    return pd.Series(values.astype(np.int64), index=frame.index)


def _months(frame: pd.DataFrame, path: Path) -> pd.Series:
    year, month = _whole(frame, "vano", path), _whole(frame, "mes", path)
    refuse_lines(
        (~month.between(1, 12) | ~year.between(FIRST_YEAR, LAST_YEAR)).to_numpy(),
        frame.assign(shown=frame["vano"] + "-" + frame["mes"]),
        path,
        "rows have a year or month that there is not",
        values="shown",
        expected="vano as 2016 and mes from 1 to 12",
        fix="correct these lines",
    )
    days = pd.to_datetime(pd.DataFrame({"year": year, "month": month, "day": 1}))
    return days.dt.to_period("M")


def _refuse_twice(frame: pd.DataFrame, path: Path) -> None:
    twice = frame.duplicated(["precinct", "month"], keep=False)
    if twice.any():
        shown = (
            f"precinct {p} in {m} (line {n})"
            for n, p, m in frame.loc[twice, ["precinct", "month"]].itertuples()
        )
        raise DataError(
            "a precinct has a month twice",
            where=f"{path}: {shortlist(shown)}",
            expected="one row a precinct and month",
            fix="remove the rows that are wrong",
        )


def _refuse_holes(frame: pd.DataFrame, path: Path) -> None:
    groups = frame.groupby("precinct")["month"].agg(["min", "max", "size"])
    span = groups["max"].astype("int64") - groups["min"].astype("int64") + 1
    holed = groups[span != groups["size"]]
    if len(holed):
        raise DataError(
            "precincts lack months between their first and last",
            where=f"{path}: precincts {shortlist(holed.index)}",
            expected="every month of a precinct, a row of zeros where nothing was recorded",
            fix="download the file again, or add the missing months",
        )
