"""Size of tests in space at 5 %: what is permuted, several treated units, units unlike the rest.

    python benchmarks/assignment_size.py clusters [panels]
    python benchmarks/assignment_size.py few [panels]
    python benchmarks/assignment_size.py several 4000

``clusters``: 12 clusters, 3 treated from period 6 of 12 (or units in 4 of them), no effect; units permuted
(no cluster in the design) and as the design says. ``few``: 24 periods, 14 before; errors follow an AR(1) of
.7 with t innovations of 3 degrees of freedom and deviation sqrt(.3 + .7/size), sizes log-normal; one treated
of 50 or three of 30: any, the noisiest, the quietest, or neighbours that share half of their variance.
``several``: three of 30, also with normal errors of one variance.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation import Design, Panel
from evaluation.estimators import SyntheticControl, TwoWayFixedEffects
from evaluation.inference import conley_taber, ferman_pinto, randomization_test

Array = NDArray[np.float64]
STATIC = TwoWayFixedEffects()
LEVEL = 0.05


def panel_of(y: Array, first: Array, **by_unit: Array) -> Panel:
    """A panel of outcomes (n, T), with columns that have a value a unit."""
    n, t = y.shape
    frame = pd.DataFrame(
        {"unit": np.repeat(np.arange(n), t), "time": np.tile(np.arange(t), n), "y": y.ravel()}
    )
    for name, values in {"first": first, **by_unit}.items():
        frame[name] = np.repeat(values, t)
    return Panel(frame, unit="unit", time="time")


def clusters(panels: int) -> None:
    """Print sizes with units and with clusters permuted."""
    equal, unequal = [10] * 12, [3, 3, 4, 5, 6, 8, 8, 10, 12, 15, 20, 26]
    for name, share, sizes, within in (
        ("no correlation", 0.0, equal, False),
        ("period shocks, correlation .05", 0.05, equal, False),
        ("period shocks, correlation .1", 0.1, equal, False),
        ("period shocks, correlation .2", 0.2, equal, False),
        ("period shocks, correlation .2, 3 to 26 units", 0.2, unequal, False),
        ("random walk", None, equal, False),
        ("random walk, 3 to 26 units", None, unequal, False),
        ("random walk, units treated in 4 clusters", None, equal, True),
    ):
        rng = np.random.default_rng(7)
        cluster = np.repeat(np.arange(12), sizes)
        found: Counter[str] = Counter()
        for draw in range(panels):
            shock, own = rng.normal(size=(12, 12)), rng.normal(size=(len(cluster), 12))
            if share is None:
                y = np.cumsum(shock, axis=1)[cluster] + own
            else:
                y = np.sqrt(share) * shock[cluster] + np.sqrt(1 - share) * own
            first = np.full(len(cluster), np.nan)
            if within:
                for g in range(4):
                    first[np.flatnonzero(cluster == g)[: 1 + g]] = 6
            else:
                first[np.isin(cluster, rng.choice(12, 3, replace=False))] = 6
            panel = panel_of(y, first, cluster=cluster)
            for key, design in (
                ("units", Design("y", "first")),
                ("as designed", Design("y", "first", cluster="cluster")),
            ):
                test = randomization_test(STATIC, panel, design, draws=499, seed=draw)
                found[key] += test.p_value <= LEVEL
        report(name, found, panels)


RATIO = SyntheticControl(variance="none")
TESTS: dict[str, Callable[[Panel, Design, int], float]] = {
    "randomisation": lambda p, d, s: randomization_test(STATIC, p, d, seed=s).p_value,
    "Conley-Taber": lambda p, d, s: conley_taber(STATIC, p, d, draws=1_999, seed=s).p_value,
    "the same, no small-sample correction": lambda p, d, s: (
        conley_taber(STATIC, p, d, draws=1_999, seed=s, small_sample=False).p_value
    ),
    "Ferman-Pinto by size": lambda p, d, s: (
        ferman_pinto(STATIC, p, d, size="size", draws=1_999, seed=s).p_value
    ),
    "before": lambda p, d, s: ferman_pinto(STATIC, p, d, variance="before", draws=1_999, seed=s).p_value,
    "RMSPE ratio": lambda p, d, s: randomization_test(RATIO, p, d, statistic="rmspe_ratio").p_value,
}


def errors(
    n: int, rng: np.random.Generator, *, alike: bool = False, shared: bool = False
) -> tuple[Array, Array]:
    """Errors (n, 24) and sizes (n,); ``alike``: normal with the same variance; ``shared``: by three."""
    e = rng.normal(size=(n + 10, 44)) if alike else rng.standard_t(3, size=(n + 10, 44)) / np.sqrt(3)
    u = np.zeros_like(e)
    for t in range(1, 44):
        u[:, t] = 0.7 * u[:, t - 1] + e[:, t]
    own, common = u[:n, 20:], u[n:, 20:]
    if shared:
        own = np.sqrt(0.5) * own + np.sqrt(0.5) * common[np.arange(n) // 3]
    size = np.exp(rng.normal(size=n))
    return own if alike else own * np.sqrt(0.3 + 0.7 / size)[:, None], size


def sizes(n: int, m: int, which: str, panels: int, skip: tuple[str, ...], *, alike: bool = False) -> None:
    """Print the size of every test with m of n treated."""
    rng = np.random.default_rng(8)
    found: Counter[str] = Counter()
    noted = 0
    for draw in range(panels):
        y, size = errors(n, rng, alike=alike, shared=which == "neighbours")
        chosen = {
            "noisiest": np.argsort(size)[:m],
            "quietest": np.argsort(size)[n - m :],
            "neighbours": np.arange(m),
        }.get(which, rng.choice(n, m, replace=False))
        first = np.full(n, np.nan)
        first[chosen] = 14
        panel, design = panel_of(y, first, size=size), Design("y", "first")
        noted += bool(randomization_test(STATIC, panel, design, draws=19, seed=1).notes)
        for key, test in TESTS.items():
            if key not in skip:
                found[key] += test(panel, design, draw) <= LEVEL
    kind = ", normal and alike" if alike else ""
    report(f"{m} of {n} treated, {which}{kind} (noise noted in {100 * noted / panels:.0f} %)", found, panels)


def few(panels: int) -> None:
    """Print sizes with one and three treated units."""
    for n, m, which in (
        (30, 3, "any"),
        (30, 3, "noisiest"),
        (30, 3, "neighbours"),
        (50, 1, "any"),
        (50, 1, "noisiest"),
        (50, 1, "quietest"),
    ):
        sizes(n, m, which, panels, ("RMSPE ratio",) if m > 1 else ())


def several(panels: int) -> None:
    """Print sizes with three treated units of 30, normal and alike and as in `few`."""
    for alike in (True, False):
        sizes(30, 3, "any", panels, ("RMSPE ratio",), alike=alike)


def report(name: str, found: Counter[str], panels: int) -> None:
    """Print one design."""
    cells = ", ".join(f"{key} {100 * count / panels:.1f}" for key, count in found.items())
    print(f"{name}: {cells}  ({panels} panels)", flush=True)


if __name__ == "__main__":
    {"clusters": clusters, "few": few, "several": several}[sys.argv[1]](
        int(sys.argv[2]) if len(sys.argv) > 2 else 600
    )
