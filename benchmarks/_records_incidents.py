"""Incidents: a CSV of 20 million rows to counts by district and month, against pandas."""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

UNITS = ("张店区", "淄川区", "博山区", "临淄区", "周村区", "桓台县", "高青县", "沂源县")
OUTCOMES = {
    "入室盗窃": ("all", "theft", "burglary"),
    "盗窃": ("all", "theft"),
    "抢劫": ("all", "robbery"),
    "抢夺": ("all", "robbery"),
    "诈骗": ("all",),
    "故意伤害": ("all",),
    "故意毁坏财物": ("all",),
    "其他刑事案件": ("all",),
}
FIRST, LAST, AS_OF = "2012-01", "2016-12", "2017-06-30"
TARGET = (10.0, 1000.0)


def make(path: Path, rows: int) -> None:
    """Write the incidents: eight districts and offences, five years, a quarter of the reports late."""
    import duckdb

    offences, units = (str(list(names)) for names in (OUTCOMES, UNITS))
    con = duckdb.connect(config={"memory_limit": "500MB"})
    con.execute(
        f"""COPY (
        SELECT 'A' || lpad((3703030000000 + i)::VARCHAR, 14, '0') AS "案件编号",
            DATE '2012-01-01' + d AS "发案日期",
            DATE '2012-01-01' + d + CASE WHEN u < 0.75 THEN 0 ELSE (v * v * 90)::INTEGER END AS "报案日期",
            {offences}[1 + (hash(i * 7 + 3) % 8)::INTEGER] AS "案别",
            {units}[1 + (hash(i * 11 + 5) % 8)::INTEGER] AS "发案地"
        FROM (SELECT i, (hash(i) % 1827)::INTEGER AS d, (hash(i + 1) % 1000) / 1000.0 AS u,
                     (hash(i + 2) % 1000) / 1000.0 AS v FROM range({rows}) t(i))
        ) TO '{path}' (HEADER true)"""
    )


def ours(path: Path) -> object:
    """The importer: every check, counts, completeness, repeated numbers, checksum."""
    from evaluation.sources.incidents import OffenceMap, PlaceMap, Rules, count_incidents
    from evaluation.sources.reading import RawFile

    offences = OffenceMap(("all", "theft", "burglary", "robbery"), OUTCOMES, RawFile("offences", ""))
    places = PlaceMap(UNITS, {unit: unit for unit in UNITS}, RawFile("places", ""))
    counts = count_incidents(path, offences, places, Rules(FIRST, LAST, AS_OF), threads=2)
    return counts.frame.assign(month=counts.frame["month"].astype(str))


def peer(path: Path) -> object:
    """Pandas: the same counts, and whether a number is repeated; no other check."""
    import pandas as pd

    frame = pd.read_csv(
        path,
        dtype={"案件编号": str, "案别": "category", "发案地": "category"},
        parse_dates=["发案日期", "报案日期"],
    )
    if frame["案件编号"].duplicated().any():
        raise SystemExit("a number is repeated")
    months = frame["发案日期"].dt.to_period("M").rename("month")
    cells = frame.groupby(["发案地", months, "案别"], observed=False).size().unstack("案别")
    out = pd.DataFrame(
        {
            name: cells[[code for code, names in OUTCOMES.items() if name in names]].sum(axis=1)
            for name in ("all", "theft", "burglary", "robbery")
        }
    )
    return out.reset_index(names=["unit", "month"]).astype({"unit": str, "month": str})


def measure(what: str, path: Path, out: Path) -> None:
    """Time one of them in this process, after its imports."""
    import duckdb  # noqa: F401
    import pandas as pd

    import evaluation.sources.incidents  # noqa: F401

    wall, cpu = time.perf_counter(), time.process_time()
    found = {"ours": ours, "peer": peer}[what](path)
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    took["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert isinstance(found, pd.DataFrame)
    found.to_parquet(out)
    print(json.dumps(took))


def compare(first: Path, second: Path) -> None:
    """Stop unless both found the same counts."""
    import pandas as pd

    key = ["unit", "month"]
    a, b = (pd.read_parquet(path).set_index(key).sort_index().astype("int64") for path in (first, second))
    if not a.equals(b[a.columns].reindex(a.index)):
        raise SystemExit("the two disagree")


def main(arguments: list[str]) -> None:
    """Make the records where they are not there yet, measure both, print a table."""
    parser = argparse.ArgumentParser(prog="records.py incidents")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "incident-records")
    parser.add_argument("--keep", action="store_true", help="keep the records for another run")
    parser.add_argument("--one", choices=("ours", "peer"), help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    path = options.folder / f"incidents-{options.rows}.csv"
    if options.one:
        measure(options.one, path, options.out)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        make(path, options.rows)
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    took, outs = {}, {}
    for what in ("ours", "peer"):
        outs[what] = options.folder / f"{what}.parquet"
        command = [sys.executable, str(Path(__file__).with_name("records.py")), "incidents", "--one", what]
        command += ["--rows", str(options.rows), "--folder", str(options.folder), "--out", str(outs[what])]
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True)
        took[what] = json.loads(done.stdout.splitlines()[-1])
    compare(outs["ours"], outs["peer"])
    size = path.stat().st_size / 1e6
    print(f"{options.rows:,} incidents in one CSV file, {size:,.0f} MB; both give the same counts.\n")
    print(
        "| | wall s | CPU s | memory MB | CPU, times ours | memory, times ours |\n|---|---|---|---|---|---|"
    )
    for what, name in (("ours", "importer"), ("peer", "pandas")):
        one, base = took[what], took["ours"]
        print(
            f"| {name} | {one['wall']:.1f} | {one['cpu']:.1f} | {one['memory']:,.0f} "
            f"| {one['cpu'] / base['cpu']:.1f} | {one['memory'] / base['memory']:.1f} |"
        )
    kept = took["ours"]["wall"] <= TARGET[0] and took["ours"]["memory"] <= TARGET[1]
    print(f"\nTarget: {TARGET[0]:.0f} s and {TARGET[1]:,.0f} MB: {'held' if kept else 'missed'}.")
    if not options.keep:
        shutil.rmtree(options.folder)


if __name__ == "__main__":
    main(sys.argv[1:])
