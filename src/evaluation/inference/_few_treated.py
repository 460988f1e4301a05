"""The result of a test that reads the noise of few treated units off other units."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.typing import NDArray

from evaluation.display import Displayed
from evaluation.inference._inversion import not_rejected
from evaluation.inference._regression import check_level
from evaluation.inference.base import WithInterval
from evaluation.numerics.ranks import rank_p

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class FewTreated(WithInterval, Displayed):
    """An estimate beside the noise that untreated units would have given it.

    Attributes
    ----------
    method : str
    estimate : float
        In units of the outcome.
    noise : ndarray (B,)
        What the estimate would be without an effect, for each choice of untreated units in place
        of the treated.
    exact : bool
        Whether all choices were enumerated.
    n_treated, n_controls : int
    variance : tuple of float
        Ferman and Pinto: the constant and the coefficient on 1/size; else empty.
    notes : tuple of str
    slope : ndarray (B,) or None
        What a true effect of one adds to each noise: where several units are treated they are in the
        pool themselves, with the null imposed. None for no slope.
    """

    method: str
    estimate: float
    noise: FloatArray = field(repr=False)
    exact: bool
    n_treated: int
    n_controls: int
    variance: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    slope: FloatArray | None = field(default=None, repr=False)

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that this test can give."""
        return 1 / (1 + len(self.noise))

    @property
    def p_value(self) -> float:
        """Two-sided: ``(1 + #{|noise| >= |estimate|}) / (1 + B)``."""
        return self.p_value_at(0.0)

    @property
    def reason(self) -> str:
        """Why no 95 % interval is bounded, else empty; a test that does not exist is an error."""
        return self.interval()[2]

    def p_value_at(self, null: float) -> float:
        """The p-value of another effect."""
        noise = self.noise if self.slope is None else self.noise - null * self.slope
        return float(rank_p(np.abs(noise), abs(self.estimate - null)))

    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Effects not rejected at 1 - level: low, high, and why there is no bounded interval."""
        check_level(level)
        needed = int(np.floor((1 - level) * (1 + len(self.noise)) + 1e-9))
        if needed < 1:
            return (
                -inf,
                inf,
                f"{self.n_controls} untreated units give no p-value below {self.smallest_p:.3f}, "
                f"so no {level:.0%} interval is bounded",
            )
        slope = np.zeros_like(self.noise) if self.slope is None else self.slope
        low, high = not_rejected(self.estimate, self.noise, slope, needed)
        if not np.isfinite([low, high]).all():
            return -inf, inf, "the set of effects not rejected is unbounded"
        return low, high, ""
