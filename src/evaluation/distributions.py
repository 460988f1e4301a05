"""Quantiles and tails of the usual laws, by the functions that scipy.stats itself calls.

Importing scipy.stats takes as long as all else that a small report does. Names are those of scipy.stats:
``sf`` is the upper tail, ``isf`` its inverse, ``ppf`` the quantile. All take and return arrays or numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

__all__ = ["chi2", "f", "ncx2", "norm", "t"]


class norm:
    """The standard normal law."""

    @staticmethod
    def ppf(p: Any) -> Any:
        """Quantile."""
        return special.ndtri(p)

    @staticmethod
    def isf(p: Any) -> Any:
        """Value that is exceeded with this probability."""
        return -special.ndtri(p)

    @staticmethod
    def sf(x: Any) -> Any:
        """Upper tail."""
        return special.ndtr(-np.asarray(x))


class t:
    """Student's law; with infinite degrees of freedom the normal one."""

    @staticmethod
    def ppf(p: Any, df: Any) -> Any:
        """Quantile."""
        return np.where(np.isinf(df), norm.ppf(p), special.stdtrit(df, p))[()]

    @staticmethod
    def isf(p: Any, df: Any) -> Any:
        """Value that is exceeded with this probability."""
        return -t.ppf(p, df)

    @staticmethod
    def sf(x: Any, df: Any) -> Any:
        """Upper tail."""
        return np.where(np.isinf(df), norm.sf(x), special.stdtr(df, -np.asarray(x)))[()]


class chi2:
    """The chi-squared law."""

    @staticmethod
    def isf(p: Any, df: Any) -> Any:
        """Value that is exceeded with this probability."""
        return special.chdtri(df, p)

    @staticmethod
    def sf(x: Any, df: Any) -> Any:
        """Upper tail."""
        return special.chdtrc(df, x)


class f:
    """Fisher's law."""

    @staticmethod
    def isf(p: Any, dfn: Any, dfd: Any) -> Any:
        """Value that is exceeded with this probability."""
        return special.fdtri(dfn, dfd, 1 - np.asarray(p))

    @staticmethod
    def sf(x: Any, dfn: Any, dfd: Any) -> Any:
        """Upper tail."""
        return special.fdtrc(dfn, dfd, x)


class ncx2:
    """The noncentral chi-squared law; the tail is what the lower one leaves, good to 1e-15 and no fewer."""

    @staticmethod
    def cdf(x: Any, df: Any, nc: Any) -> Any:
        """Lower tail."""
        return special.chndtr(x, df, nc)

    @staticmethod
    def sf(x: Any, df: Any, nc: Any) -> Any:
        """Upper tail."""
        return 1 - special.chndtr(x, df, nc)
