"""Small panels and brute force with a dummy for every effect: what the fast algebra is held to."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation import Design, Panel

DESIGN = Design("y", "first")
GROUPED = Design("y", "first", cluster="group")


def table(
    seed: int = 1,
    units: int = 12,
    periods: int = 6,
    treated: dict[int, int] | None = None,
    groups: int = 6,
    effect: float = 1.0,
    lost_rows: int = 0,
) -> pd.DataFrame:
    """Serially correlated errors, uneven variances, groups of uneven size."""
    rng = np.random.default_rng(seed)
    treated = {1: 3, 4: 3, 7: 4, 10: 4} if treated is None else treated
    noise = np.cumsum(rng.normal(size=(units, periods)), axis=1) * rng.uniform(0.5, 2, size=(units, 1))
    data = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "time": np.tile(np.arange(periods), units),
            "y": 50 + noise.ravel(),
            "x": rng.normal(size=units * periods),
            "w": rng.uniform(0.5, 2, size=units * periods),
            "size": np.repeat(rng.integers(1, 20, size=units).astype(float), periods),
        }
    )
    data["first"] = data["unit"].map(treated).astype(float)
    data["group"] = np.minimum((data["unit"] * groups) // units, groups - 1)
    data.loc[data["unit"] == 2, "group"] = 0
    data["y"] += effect * (data["time"] >= data["first"])
    if lost_rows:
        data = data.drop(index=rng.choice(len(data), lost_rows, replace=False)).reset_index(drop=True)
    return data


def panel(data: pd.DataFrame) -> Panel:
    return Panel(data, unit="unit", time="time")


def dense(data: pd.DataFrame, terms: np.ndarray, covariates=(), weights=None):
    """Outcome (n,) and design matrix with a dummy for each unit and period but one; terms come first."""
    units = pd.get_dummies(data["unit"]).to_numpy(dtype=float)
    times = pd.get_dummies(data["time"]).to_numpy(dtype=float)[:, 1:]
    x = np.column_stack([terms, data[list(covariates)].to_numpy(dtype=float), units, times])
    y = data["y"].to_numpy()
    if weights is not None:
        root = np.sqrt(data[weights].to_numpy())
        x, y = x * root[:, None], y * root
    return y, x


def static_term(data: pd.DataFrame) -> np.ndarray:
    return (data["time"] >= data["first"]).to_numpy(dtype=float)[:, None]


def cr2_dense(y: np.ndarray, x: np.ndarray, groups: np.ndarray, exponent: float, k: int = 1):
    """Coefficients, variance and Satterthwaite df of the first k columns, with (n, n) matrices."""
    n = len(y)
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    beta = bread @ (x.T @ y)
    residual = y - x @ beta
    parts, vectors = [], []
    for g in np.unique(groups):
        rows = groups == g
        values, basis = np.linalg.eigh(np.eye(int(rows.sum())) - hat[np.ix_(rows, rows)])
        power = np.where(values > 1e-9, np.where(values > 1e-9, values, 1.0) ** exponent, 0.0)
        adjust = (basis * power) @ basis.T
        parts.append(bread[:k] @ (x[rows].T @ (adjust @ residual[rows])))
        vectors.append((np.eye(n) - hat)[:, rows] @ adjust @ x[rows] @ bread[:, :k])
    parts = np.array(parts)
    df = []
    for j in range(k):
        p = np.column_stack([v[:, j] for v in vectors])
        cross = p.T @ p
        df.append(np.trace(cross) ** 2 / (cross**2).sum())
    return beta[:k], parts.T @ parts, np.array(df)
