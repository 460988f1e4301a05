"""What every test of an effect offers."""

from __future__ import annotations

from typing import Protocol

from evaluation.result_parts import check_level


class EffectTest(Protocol):
    """A test of one effect: what a table, a figure or a diagnostic may ask of it.

    Attributes
    ----------
    estimate : float
        In units of the outcome; NaN where there is none.
    p_value : float
        Two-sided, of no effect; NaN with a reason.
    smallest_p : float
        The smallest p-value that the test can give in this design: 0 for a t test.
    reason : str
        Why there is no p-value, or, of a test by assignments, no bounded interval at 95 %; else empty.
    """

    @property
    def estimate(self) -> float: ...
    @property
    def p_value(self) -> float: ...
    @property
    def smallest_p(self) -> float: ...
    @property
    def reason(self) -> str: ...
    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Low, high, and why there is no bounded interval at the level."""
        ...

    def conf_int(self, level: float = 0.95) -> tuple[float, float]:
        """Low and high as of `Result.conf_int`."""
        ...


class WithInterval:
    """`conf_int` of a test that has an ``interval``."""

    def interval(self, level: float = 0.95) -> tuple[float, float, str]:
        """Low, high, and why there is no bounded interval at the level."""
        raise NotImplementedError

    def conf_int(self, level: float = 0.95) -> tuple[float, float]:
        """Low and high as of `Result.conf_int`; `interval` says why where they are not finite.

        Raises
        ------
        EstimationError
            The level is not between 0 and 1.
        """
        check_level(level)
        low, high, _ = self.interval(level)
        return low, high
