"""Approval cases: counts by file against one plain query over all files."""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

AS_OF = "2016-12-31"
HORIZON = 60
FILES = 36
TARGET = (1.3, 600)


def make(folder: Path, rows: int) -> None:
    """Write one Parquet file a month: eight districts, 30 items, a twentieth of the cases open."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect(config={"memory_limit": "500MB"})
    each = rows // FILES
    for f in range(FILES):
        first = f"DATE '2014-01-01' + INTERVAL {f} MONTH"
        con.execute(
            f"""COPY (
            WITH drawn AS (SELECT i, hash({f}, i) AS a, hash(i, {f}, 1) AS b, hash({f}, i, 2) AS c
                FROM range({each}) t(i)),
            dated AS (SELECT *, ({first})::DATE + (b % 28)::INTEGER AS accepted,
                -ln(((c % 100000) + 1) / 100001.0) * (4 + 12 * (a % 30) / 30) AS took FROM drawn)
            SELECT {10**11} + {f * each} + i AS "办件编号", '事项' || (a % 30)::VARCHAR AS "事项名称",
                '区县' || (a // 30 % 8)::VARCHAR AS "区县", accepted AS "受理日期",
                CASE WHEN accepted + took::INTEGER <= DATE '{AS_OF}' AND b // 28 % 200 > 0
                    THEN accepted + took::INTEGER END AS "办结日期",
                (10 + 5 * (a % 30 % 5))::SMALLINT AS "法定时限"
            FROM dated) TO '{folder}/办件{f:02d}.parquet' (FORMAT parquet, COMPRESSION snappy)"""
        )


def plain(folder: Path) -> object:
    """The panel by one query over all files, its quantiles exact; without the Kaplan-Meier part."""
    import duckdb
    import numpy as np
    import pandas as pd

    from evaluation.sources.working_days import calendar_totals

    start, total = calendar_totals()
    known = pd.DataFrame(  # noqa: F841 (the query names it)
        {"day": (start + np.arange(len(total))).astype("datetime64[s]"), "total": total.astype(np.int32)}
    )
    con = duckdb.connect()
    con.execute("CREATE TABLE calendar AS SELECT day::DATE AS day, total FROM known")
    day = f"DATE '{AS_OF}'"
    return con.execute(
        f"""WITH cases AS (SELECT "区县" AS district, "受理日期" AS accepted, "法定时限" AS statutory,
            coalesce("办结日期" <= {day}, false) AS done, least(coalesce("办结日期", {day}), {day}) AS until
            FROM read_parquet('{folder}/*.parquet')),
        took AS (SELECT district, strftime(accepted, '%Y-%m') AS month, statutory, done,
                u.total - a.total AS days
            FROM cases JOIN calendar a ON a.day = accepted JOIN calendar u ON u.day = until)
        SELECT district, month, count(*) AS cases, count(*) FILTER (done) AS decided,
            avg(days) FILTER (done) AS mean,
            median(days) FILTER (done) AS median, quantile_cont(days, 0.9) FILTER (done) AS p90,
            avg(days / statutory) FILTER (done) AS limit_share,
            avg((done AND days <= statutory)::INTEGER) FILTER (done OR days > statutory) AS on_time
        FROM took GROUP BY ALL ORDER BY 1, 2"""
    ).df()


def ours(folder: Path, cache: Path) -> object:
    """The panel by `count_cases` and `measures`, the Kaplan-Meier part with it."""
    from evaluation.sources.approvals import count_cases, measures

    counted = count_cases(folder, AS_OF, cache=cache)
    panel = measures(counted.cells, HORIZON)
    return panel.assign(month=panel["month"].astype(str))


def measure(what: str, folder: Path, cache: Path, out: Path) -> None:
    """One measurement in this process."""
    # both pay for imports before the clock starts
    import duckdb  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.parquet  # noqa: F401

    import evaluation.sources.approvals  # noqa: F401

    wall, cpu = time.perf_counter(), time.process_time()
    frame = plain(folder) if what == "plain" else ours(folder, cache)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    frame.to_pickle(out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak}))


def compare(a: Path, b: Path) -> str:
    """Counts exactly, means to 1e-9, quantiles within a bin of one day."""
    import numpy as np
    import pandas as pd

    left, right = (pd.read_pickle(path).sort_values(["district", "month"]) for path in (a, b))
    for name in ("district", "month", "cases", "decided"):
        np.testing.assert_array_equal(left[name], right[name])
    for name in ("mean", "limit_share", "on_time"):
        np.testing.assert_allclose(left[name], right[name], rtol=1e-9)
    worst = max(float(np.abs(left[name] - right[name]).max()) for name in ("median", "p90"))
    assert worst <= 1
    return f"counts of {len(left)} district-months equal, means to 1e-9, quantiles to {worst:g} days"


def run(what: str, folder: Path, cache: Path, out: Path) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--measure", what, str(folder), str(cache), str(out)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path, help="where the records are made, or stand already")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.measure:
        what, *paths = chosen.measure
        measure(what, *map(Path, paths))
        return
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        folder = chosen.folder or work / "records"
        if not folder.is_dir():
            make(folder, chosen.rows)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{chosen.rows:,} records in {FILES} files, {size:,.0f} MB\n")
        rows = []
        for label, what in (
            ("plain DuckDB", "plain"),
            ("counts by file", "ours"),
            ("nothing changed", "ours"),
        ):
            rows.append((label, run(what, folder, work / "cache", work / f"{label}.pickle")))
        for kept in list((work / "cache").glob("*.counts"))[:1]:
            kept.unlink()
        rows.append(("one file of 36 changed", run("ours", folder, work / "cache", work / "changed.pickle")))
        base = rows[0][1]["wall"]
        print("| | wall s | CPU s | memory MB | times plain |\n|---|---|---|---|---|")
        for label, found in rows:
            told = (
                f"{found['wall']:.2f}",
                f"{found['cpu']:.2f}",
                f"{found['peak']:.0f}",
                f"{found['wall'] / base:.2f}",
            )
            print(f"| {label} | {' | '.join(told)} |")
        print("\n" + compare(work / "counts by file.pickle", work / "plain DuckDB.pickle"))
        met = rows[1][1]["wall"] / base <= TARGET[0] and rows[1][1]["peak"] <= TARGET[1]
        print(f"target {TARGET[0]} times and {TARGET[1]} MB: {'met' if met else 'missed'}")
        if chosen.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
