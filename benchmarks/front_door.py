"""What a reader of a causal inference textbook types and sees: castle laws, in three packages.

Lines are counted as written below; each is run. Import time is the least of five fresh processes.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data" / "crime" / "castle_state_year.csv"

SCRIPTS = {
    "evaluation": """
import pandas as pd
from evaluation import Design, GroupTime, Imputation, Panel, audit, compare_results
panel = Panel(pd.read_csv(DATA), unit="state", time="year")
design = Design(outcome="rate", first_treated="first_treated")
panel
panel.describe()
panel.balance(design)
panel.plot_treatment(design)
fit = GroupTime().fit(panel, design)
path = fit.aggregate("event_time", window=(-4, 3))
path.plot()
print(path.summary())
both = compare_results([fit.aggregate("simple"), Imputation().fit(panel, design).aggregate("simple")])
both.to_latex(OUT / "table.tex"), both.to_word(OUT / "table.docx")
print(audit(panel, design, draws=99).methods())
""",
    "pyfixest": """
import pandas as pd
import pyfixest as pf
table = pd.read_csv(DATA)
table["id"] = pd.factorize(table["state"])[0]
table["g"] = table["first_treated"].fillna(0)
fit = pf.event_study(table, yname="rate", idname="id", tname="year", gname="g", estimator="did2s", att=True)
print(fit.tidy())
print(pf.etable([fit], type="tex", print_tex=False))
""",
    "diff_diff": """
import pandas as pd
from diff_diff import CallawaySantAnna
table = pd.read_csv(DATA)
table["g"] = table["first_treated"].fillna(0).astype(int)
names = {"outcome": "rate", "unit": "state", "time": "year", "first_treat": "g"}
fit = CallawaySantAnna().fit(table, **names, aggregate="event_study")
print(fit.summary())
""",
}


def importing(module: str) -> float:
    """Least seconds of five fresh processes that import a module, less those of an empty one."""

    def least(code: str) -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    return least(f"import {module}") - least("pass")


def run(out: Path) -> None:
    """Run every script and print its length, its seconds and the lines that it prints."""
    for module, code in SCRIPTS.items():
        printed = io.StringIO()
        start = time.perf_counter()
        failed = ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(code, {"DATA": DATA, "OUT": out})
            except Exception as error:  # a peer may be absent or have changed
                failed = f", failed: {type(error).__name__}: {error}"
        seconds = time.perf_counter() - start
        lines = len(code.strip().splitlines())
        shown = len(printed.getvalue().splitlines())
        loaded = importing(module)
        print(f"{module}: {lines} lines, {shown} printed, {seconds:.1f} s, import {loaded:.3f} s{failed}")
        print("\n".join(f"    {line[:100]}" for line in printed.getvalue().splitlines()[:30]))


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        run(Path(folder))
