"""Figures for researchers, in matplotlib: each takes a table and an ``ax`` and returns the ``ax``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evaluation.display import optional
from evaluation.errors import DataError

__all__ = ["cells", "estimates", "lines"]

BLUE, GREY, RED = "#1f5a99", "#8a8a8a", "#b5482f"
_MOST_ROWS = 60


def _axes(ax: Any, size: tuple[float, float]) -> Any:
    if ax is not None:
        return ax
    return optional("matplotlib.pyplot", extra="studies", what="a figure").subplots(
        figsize=size, layout="constrained"
    )[1]


def estimates(
    table: pd.DataFrame,
    wide: pd.DataFrame | None = None,
    *,
    ax: Any = None,
    level: float = 0.95,
    title: str = "",
    label: str = "",
) -> Any:
    """Estimates with intervals: pointwise thick, simultaneous thin.

    Parameters
    ----------
    table : pandas.DataFrame
        As from `Result.tidy`. Where all terms have an event time, or all a period, and no cohort, that is
        the horizontal axis; else each term has a row.
    wide : pandas.DataFrame, optional
        As from `Result.simultaneous`.
    ax : matplotlib.axes.Axes, optional
    level : float
        Named in the legend.
    title, label : str
        Of the figure and of the estimates' axis.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        More rows than a figure can hold.
    """
    event = table["event_time"].notna().all() and table["event_time"].is_unique
    calendar = table["time"].notna().all() and table["time"].is_unique and len(table) > 1
    bands = [(table, 3.0, f"{100 * level:g}% interval, each term")]
    if wide is not None:
        bands.append((wide, 1.0, f"{100 * level:g}% interval, all terms together"))
    if event or calendar:
        ax = _axes(ax, (7, 4))
        x: Any = table["event_time"].astype(float) if event else np.arange(len(table))
        for band, width, name in bands:
            ax.vlines(x, band["ci_low"], band["ci_high"], color=BLUE, linewidth=width, label=name)
        ax.plot(x, table["estimate"], "o", color=BLUE, markersize=5)
        ax.axhline(0, color=GREY, linewidth=0.8)
        ax.set_ylabel(label)
        if event:
            ax.axvline(-0.5, color=GREY, linewidth=0.8, linestyle="--")
            ax.set_xlabel("periods since treatment")
            ax.xaxis.get_major_locator().set_params(integer=True)
        else:
            ax.set_xticks(x, [str(t) for t in table["time"]])
            ax.set_xlabel("period")
    else:
        if len(table) > _MOST_ROWS:
            raise DataError(
                f"{len(table)} terms are too many for one figure",
                expected=f"at most {_MOST_ROWS}",
                fix='aggregate first: result.aggregate("event_time").plot()',
            )
        ax = _axes(ax, (7, 1.2 + 0.32 * len(table)))
        y = np.arange(len(table))[::-1]
        for band, width, name in bands:
            ax.hlines(y, band["ci_low"], band["ci_high"], color=BLUE, linewidth=width, label=name)
        ax.plot(table["estimate"], y, "o", color=BLUE, markersize=5)
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_yticks(y, [str(t) for t in table["term"]])
        ax.set_ylim(-0.7, len(table) - 0.3)
        ax.set_xlabel(label)
    ax.set_title(title, fontsize=10)
    ax.legend(fontsize=8, frameon=False)
    return ax


def lines(table: pd.DataFrame, *, ax: Any = None, label: str = "", starts: tuple[Any, ...] = ()) -> Any:
    """One line a column over the index, in order; dashed verticals at positions where treatment starts.

    Parameters
    ----------
    table : pandas.DataFrame
        Index of periods, columns of groups.
    ax : matplotlib.axes.Axes, optional
    label : str
        Of the vertical axis.
    starts : tuple of float
        Positions in the index.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (7, 4))
    x = np.arange(len(table))
    for name in table.columns:
        ax.plot(x, table[name], marker="o", markersize=3, label=str(name))
    for start in starts:
        ax.axvline(start - 0.5, color=GREY, linewidth=0.8, linestyle="--")
    step = max(1, len(table) // 10)
    ax.set_xticks(x[::step], [str(t) for t in table.index[::step]])
    ax.set_ylabel(label)
    ax.legend(fontsize=8, frameon=False)
    return ax


def cells(status: NDArray[np.int8], units: pd.Index, periods: pd.Index, *, ax: Any = None) -> Any:
    """Units by periods: 0 without a row, 1 untreated, 2 treated.

    Parameters
    ----------
    status : ndarray of int (n_units, n_periods)
    units, periods : pandas.Index
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (7, min(12.0, 1.5 + 0.14 * len(units))))
    colours = optional("matplotlib.colors", extra="studies", what="a figure")
    patches = optional("matplotlib.patches", extra="studies", what="a figure")
    shades = ("white", "#d6e2ef", BLUE)
    ax.pcolormesh(status, cmap=colours.ListedColormap(shades), vmin=-0.5, vmax=2.5)
    ax.invert_yaxis()
    step = max(1, len(periods) // 10)
    ax.set_xticks(np.arange(0, len(periods), step) + 0.5, [str(p) for p in periods[::step]])
    if len(units) <= _MOST_ROWS:
        ax.set_yticks(np.arange(len(units)) + 0.5, [str(u) for u in units], fontsize=6)
    else:
        ax.set_ylabel(f"{len(units)} units")
    names = ("no row", "untreated", "treated")
    shown = [patches.Patch(facecolor=c, edgecolor=GREY, label=n) for c, n in zip(shades, names, strict=True)]
    ax.legend(handles=shown, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return ax
