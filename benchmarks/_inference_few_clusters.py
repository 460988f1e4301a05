"""Few clusters and few treated units: 188 units and 38 periods of simulated outcomes with serial
correlation, in 17 clusters of which 6 are treated. pyfixest calls the package wildboottest, where it
is installed, and fits every effect as a dummy for it; its ritest needs numba to be quick."""

from __future__ import annotations

import importlib.util
import warnings

import numpy as np
import pandas as pd
from inference import Row, best

from evaluation import Design, Panel
from evaluation.estimators import TwoWayFixedEffects
from evaluation.inference import (
    cluster_robust,
    conley_taber,
    randomization_in_time,
    randomization_test,
    recommend,
    wild_cluster_bootstrap,
)

UNITS, PERIODS, CLUSTERS, START = 188, 38, 17, 20
TWFE = TwoWayFixedEffects()
GROUPED = Design("y", "first", cluster="group")
SINGLE = Design("y", "first")


def simulate(treated: int | None = None) -> pd.DataFrame:
    """Six of the clusters treated, or so many units."""
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {"unit": np.repeat(np.arange(UNITS), PERIODS), "time": np.tile(np.arange(PERIODS), UNITS)}
    )
    data["group"] = data["unit"] % CLUSTERS
    chosen = data["group"] < 6 if treated is None else data["unit"] < treated
    data["first"] = np.where(chosen, float(START), np.nan)
    data["d"] = (data["time"] >= data["first"]).astype(float)
    noise = np.cumsum(rng.normal(size=(UNITS, PERIODS)), axis=1)
    data["y"] = noise.ravel() + rng.normal(size=CLUSTERS)[data["group"]] * data["time"] / 10 + data["d"]
    return data


def panel(data: pd.DataFrame) -> Panel:
    return Panel(data, unit="unit", time="time")


def rows(peers: bool) -> list[Row]:
    """Measurements of this part."""
    warnings.filterwarnings("ignore")
    return [*_wild(peers), *_variances(peers), *_permutations(peers), *_few_treated()]


def _wild(peers: bool) -> list[Row]:
    data = simulate()
    drawn, every = "wild bootstrap, 17 clusters, 9,999 draws", "wild bootstrap, 17 clusters, all signs"

    def ours(exhaustive: bool) -> str:
        test = wild_cluster_bootstrap(TWFE, panel(data), GROUPED, exhaustive=exhaustive, seed=1)
        return f"p {test.p_value:.4f} of {test.n_vectors:,}"

    def interval() -> str:
        low, high, _ = wild_cluster_bootstrap(TWFE, panel(data), GROUPED).interval()
        return f"{low:.3f} to {high:.3f}"

    out = [best(drawn, "ours", lambda: ours(False)), best(every, "ours", lambda: ours(True))]
    out.append(best(f"{every}, exact 95 % interval", "ours", interval))

    def by_row() -> str:
        test = wild_cluster_bootstrap(TWFE, panel(data), GROUPED, subcluster="row", seed=1)
        return f"p {test.p_value:.4f}"

    out.append(best("subcluster bootstrap, 7,144 signs, 9,999 draws", "ours", by_row))
    if peers and importlib.util.find_spec("wildboottest"):
        import pyfixest as pf

        def theirs() -> str:
            fit = pf.feols("y ~ d + C(unit) + C(time)", data, vcov={"CRV1": "group"})
            done = fit.wildboottest(param="d", cluster="group", reps=9_999, seed=1)
            return f"p {float(done['Pr(>|t|)']):.4f}"

        out.append(best(drawn, "pyfixest with wildboottest", theirs))
    return out


def _variances(peers: bool) -> list[Row]:
    data = simulate()
    out = []
    for kind in ("CR2", "CR3"):

        def ours(kind: str = kind) -> str:
            fit = cluster_robust(TWFE, panel(data), GROUPED, kind=kind)
            return f"se {fit.std_error:.4f}, df {fit.df[0]:.2f}"

        out.append(best(f"{kind} with Satterthwaite df, 17 clusters", "ours", ours))
    if peers:
        import pyfixest as pf

        def theirs() -> str:
            fit = pf.feols(
                "y ~ d | unit + time",
                data,
                vcov={"CRV3": "group"},
                ssc=pf.ssc(k_adj=False, G_adj=False),
            )
            # without its correction pyfixest's variance is the jackknife's times 17 / 16
            error = float(fit.se().iloc[0])
            return f"se {error:.4f}, times sqrt(16/17) {error * np.sqrt(16 / 17):.4f}; no df"

        out.append(best("CR3, 17 clusters", "pyfixest", theirs))
    return out


def _permutations(peers: bool) -> list[Row]:
    out = []
    for treated in (5, 20, 94):
        data = simulate(treated)
        task = f"10,000 permutations, {treated} of 188 units treated"

        def ours(data: pd.DataFrame = data) -> str:
            test = randomization_test(TWFE, panel(data), SINGLE, draws=9_999, seed=1)
            return f"p {test.p_value:.4f}"

        out.append(best(task, "ours", ours))
        if peers and importlib.util.find_spec("numba"):
            import pyfixest as pf

            # it redraws a column, which unit effects would absorb: so from each unit's change
            mean = data.assign(late=data["time"] >= START).pivot_table("y", "unit", "late")
            flat = pd.DataFrame({"y": mean[True] - mean[False], "d": (mean.index < treated).astype(int)})

            def theirs(flat: pd.DataFrame = flat) -> str:
                done = pf.feols("y ~ d", flat).ritest("d", reps=9_999, rng=np.random.default_rng(1))
                return f"p {float(done['Pr(>|t|)']):.4f}, numbers treated not kept"

            out.append(best(task, "pyfixest ritest on changes", theirs))
    return out


def _few_treated() -> list[Row]:
    data = simulate(1)
    return [
        best(
            "Conley-Taber, one of 188 treated",
            "ours",
            lambda: f"p {conley_taber(TWFE, panel(data), SINGLE).p_value:.4f}",
        ),
        best(
            "placebo in time, 38 shifts",
            "ours",
            lambda: f"p {randomization_in_time(TWFE, panel(data), SINGLE).p_value:.4f}",
        ),
        best("recommend, 188 units", "ours", lambda: recommend(panel(data), SINGLE).methods[0].method),
    ]
