"""Covariates as a researcher writes them: names, formulas and categories, turned into columns of numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluation.display import optional
from evaluation.errors import DataError, DesignError
from evaluation.panel import Panel, require_columns

__all__ = ["is_formula", "numeric_covariates"]


def is_formula(name: str) -> bool:
    """Whether a covariate is a formula, such as ``"~ log(population) + C(region)"``, and no column."""
    return name.lstrip().startswith("~")


def numeric_covariates(panel: Panel, covariates: tuple[str, ...]) -> tuple[Panel, tuple[str, ...]]:
    """A panel with a column of numbers for every covariate, and their names.

    A numeric column is taken as it is. A categorical or text column gives an indicator for each value but
    the first. A formula gives the columns of its model matrix but the constant. A row in which a variable
    is missing is missing in all columns that are made of it.

    Parameters
    ----------
    panel : Panel
    covariates : tuple of str

    Returns
    -------
    panel : Panel
        The same object where all covariates are numbers.
    names : tuple of str

    Raises
    ------
    DataError
        A column is absent, or a formula names one that is.
    DesignError
        A formula cannot be read.
    EvaluationError
        The package formulaic is not installed and there is a formula.
    """
    made: dict[str, Any] = {}
    names: list[str] = []
    for name in covariates:
        if is_formula(name):
            new = _of_formula(panel, name)
        else:
            require_columns(panel.frame, [name], table="panel")
            values = panel.frame[name]
            new = _of_categories(name, values) if _is_categorical(values) else {name: None}
        made |= {key: column for key, column in new.items() if column is not None}
        names += [key for key in new if key not in names]
    return (panel.assign(**made) if made else panel), tuple(names)


def _is_categorical(values: pd.Series) -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return True
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values):
        return False
    seen = values.dropna()
    # a column of numbers with one text in it is an error of the table, not a list of categories
    texts = seen.map(lambda value: isinstance(value, str)).all()
    return bool(len(seen) and texts and pd.to_numeric(seen, errors="coerce").isna().all())


def _of_categories(name: str, values: pd.Series) -> dict[str, Any]:
    kinds = values.astype("category").cat.remove_unused_categories().cat
    missing = kinds.codes.to_numpy() < 0
    out: dict[str, Any] = {}
    for code, label in list(enumerate(kinds.categories))[1:]:
        indicator = (kinds.codes.to_numpy() == code).astype(float)
        indicator[missing] = np.nan
        out[f"{name}[{label}]"] = indicator
    return out


def _of_formula(panel: Panel, formula: str) -> dict[str, Any]:
    formulaic = optional("formulaic", extra="formula", what="a formula of covariates")
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            matrix = formulaic.model_matrix(
                formula.strip(), panel.frame.reset_index(drop=True), context={}, na_action="ignore"
            )
    except Exception as error:  # each parser and each function in a formula has errors of its own
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DesignError(
            f"the formula {formula!r} cannot be used: {text}",
            expected='a right-hand side of columns, such as "~ log(population) + C(region)"',
            fix=f"the columns are {', '.join(map(str, panel.frame.columns[:20]))}",
        ) from error
    missing = np.zeros(panel.n_rows, dtype=bool)
    for variable in matrix.model_spec.required_variables:
        if variable in panel.frame:
            missing |= panel.frame[variable].isna().to_numpy()
    columns = {}
    for name in matrix.columns:
        if name == "Intercept":
            continue
        values = np.array(matrix[name], dtype=float)
        values[missing] = np.nan
        columns[str(name)] = values
    if not columns:
        raise DataError(f"the formula {formula!r} has no covariate", expected="one column or more")
    return columns
