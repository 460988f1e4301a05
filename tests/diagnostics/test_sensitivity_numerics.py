"""Robust intervals against published ones, linear programs solved by brute force, and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from evaluation.numerics.fixed_length import lasso_path, smoothness_problem
from evaluation.numerics.gaussian import box_moments, folded_quantile, truncated_tail
from evaluation.numerics.relative_magnitudes import FIRST_STAGE, relative_problem


def first_period(periods: int) -> np.ndarray:
    return np.eye(periods)[0]


def random_study(seed: int, pre: int, post: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(pre + post, pre + post)) + 2 * np.eye(pre + post)
    covariance = root @ root.T / 40
    target = rng.normal(size=post)
    return rng.normal(size=pre + post) * 0.4, covariance, target


# normal integrals -----------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [0.0, 1e-8, 0.3, 1.0, 4.0, 40.0])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
def test_folded_quantile_covers_exactly(bias, alpha):
    c = folded_quantile(bias, alpha)
    assert stats.norm.cdf(c - bias) - stats.norm.cdf(-c - bias) == pytest.approx(1 - alpha, abs=1e-14)


def test_folded_quantile_without_bias_is_the_usual_one():
    assert folded_quantile(0.0) == pytest.approx(stats.norm.ppf(0.975), abs=1e-15)
    assert folded_quantile(-2.0) == folded_quantile(2.0)


@given(st.floats(-8, 8), st.floats(-9, 9), st.floats(0.01, 12))
@settings(max_examples=80)
def test_truncated_tail_agrees_with_the_truncated_normal(value, low, width):
    expected = stats.truncnorm.sf(value, low, low + width)
    assert truncated_tail(np.array([value]), np.array([low]), np.array([low + width]))[0] == pytest.approx(
        expected, abs=1e-9
    )


def test_truncated_tail_keeps_its_digits_thirty_deviations_out():
    tail = truncated_tail(np.array([30.01]), np.array([30.0]), np.array([np.inf]))[0]
    assert tail == pytest.approx(np.exp(stats.norm.logsf(30.01) - stats.norm.logsf(30.0)), rel=1e-12)


def test_box_of_one_coordinate_is_the_truncated_normal():
    box = box_moments(np.array([0.7]), np.array([[2.0]]), np.array([1.5]))
    law = stats.truncnorm((-1.5 - 0.7) / np.sqrt(2), (1.5 - 0.7) / np.sqrt(2), 0.7, np.sqrt(2))
    assert box.probability == pytest.approx(
        stats.norm.cdf(1.5, 0.7, np.sqrt(2)) - stats.norm.cdf(-1.5, 0.7, np.sqrt(2)), abs=1e-12
    )
    assert box.mean[0] == pytest.approx(law.mean(), abs=1e-6)


def test_box_moments_against_simulation():
    cov = np.array([[1.0, 0.6, 0.2], [0.6, 1.4, -0.3], [0.2, -0.3, 0.8]])
    mean, half = np.array([0.5, -0.4, 0.9]), np.array([1.0, 1.7, 1.2])
    draws = np.random.default_rng(5).multivariate_normal(mean, cov, size=400_000)
    kept = draws[(np.abs(draws) <= half).all(axis=1)]
    box = box_moments(mean, cov, half)
    assert box.probability == pytest.approx(len(kept) / len(draws), abs=4e-3)
    np.testing.assert_allclose(box.mean, kept.mean(axis=0), atol=8e-3)


# smoothness -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["BC", "LW"])
def test_fixed_length_intervals_equal_the_exact_reference(honest, published, name):
    estimates, covariance, pre = published(name)
    problem = smoothness_problem(estimates, covariance, pre, first_period(len(estimates) - pre))
    compared = 0
    for key, (low, high) in honest["fixed_length_intervals"]["exact_FLCI"].items():
        if key.startswith(name):
            got = problem.interval(float(key.split("M=")[1]))
            # the length is what is minimised; near its minimum the centre can move at no cost
            assert got.half_length == pytest.approx((high - low) / 2, abs=1e-8)
            assert got.interval == pytest.approx((low, high), abs=1e-8 if name == "BC" else 5e-5)
            compared += 1
    assert compared == 4


def test_lasso_path_meets_the_conditions_of_optimality_everywhere():
    rng = np.random.default_rng(3)
    for n in (1, 2, 5, 9):
        root = rng.normal(size=(n, n))
        quadratic, linear = root @ root.T + 0.05 * np.eye(n), rng.normal(size=n)
        prices, path = lasso_path(quadratic, linear)
        assert prices[-1] == 0
        np.testing.assert_allclose(path[-1], -np.linalg.solve(quadratic, linear), atol=1e-10)
        for i in range(len(prices) - 1):
            for mix in (0.0, 0.37):
                price = (1 - mix) * prices[i] + mix * prices[i + 1]
                w = (1 - mix) * path[i] + mix * path[i + 1]
                gradient = linear + quadratic @ w
                assert np.abs(gradient).max() <= price + 1e-10
                moving = np.abs(w) > 1e-9
                np.testing.assert_allclose(gradient[moving], -price * np.sign(w[moving]), atol=1e-9)


def worst_bias(weights: np.ndarray, pre: int, bound: float) -> float:
    """Largest bias of an affine estimator over all paths that bend by at most ``bound``: a linear program."""
    n = len(weights)
    times = np.concatenate([np.arange(-pre, 0), np.arange(1, n - pre + 1)])
    bends = np.zeros((n - 1, n + 1))
    for i in range(n - 1):
        bends[i, i : i + 3] = (1, -2, 1)
    rows = np.delete(bends, pre, axis=1)
    assert len(times) == n
    program = optimize.linprog(
        -weights, A_ub=np.vstack([rows, -rows]), b_ub=np.full(2 * len(rows), bound), bounds=[(None, None)] * n
    )
    return -program.fun if program.status == 0 else np.inf


@pytest.mark.parametrize(("pre", "post"), [(1, 1), (2, 1), (3, 2), (4, 3)])
def test_fixed_length_interval_is_the_shortest_of_all_affine_ones(pre, post):
    estimates, covariance, target = random_study(pre + 10 * post, pre, post)
    problem = smoothness_problem(estimates, covariance, pre, target)
    for bound in (0.01, 0.1, 1.0):
        got = problem.interval(bound)
        weights = np.concatenate([got.weights, target])
        assert worst_bias(weights, pre, bound) == pytest.approx(got.worst_bias, rel=1e-7)
        assert got.std_error == pytest.approx(np.sqrt(weights @ covariance @ weights), rel=1e-12)
        # no other weights that cancel straight lines do better
        times = np.concatenate([np.arange(-pre, 0), np.arange(1, post + 1)])
        for seed in range(25):
            rng = np.random.default_rng(seed)
            move = rng.normal(size=pre) * rng.choice([1e-3, 0.1])
            move -= times[:pre] * (move @ times[:pre]) / (times[:pre] @ times[:pre])
            other = weights + np.concatenate([move, np.zeros(post)])
            s = np.sqrt(other @ covariance @ other)
            length = s * folded_quantile(worst_bias(other, pre, bound) / s)
            assert length >= got.half_length * (1 - 1e-9)


def test_one_period_before_leaves_one_estimator():
    estimates, covariance = np.array([0.3, 1.0]), np.diag([0.04, 0.09])
    got = smoothness_problem(estimates, covariance, 1, np.ones(1)).interval(0.2)
    # the straight line through the period before and the reference
    assert got.estimate == pytest.approx(1.3)
    assert got.worst_bias == pytest.approx(0.2)
    assert got.half_length == pytest.approx(np.sqrt(0.13) * folded_quantile(0.2 / np.sqrt(0.13)))


# relative magnitudes --------------------------------------------------------------------------


def test_conditional_intervals_within_the_grid_of_the_reference(honest, published):
    estimates, covariance, pre = published("BC")
    problem = relative_problem(estimates, covariance, pre, first_period(4))
    sd = np.sqrt(covariance[pre, pre])
    step = 40 * sd / 999  # the reference looks at 1,000 points over 20 standard errors either way,
    noise = 0.05 * sd  # and simulates its first stage with 1,000 draws
    for ratio, expected in honest["fixed_length_intervals"][
        "moderndid 0.2.0 C-LF DeltaRM BC grid 1000"
    ].items():
        got = problem.confidence_set(float(ratio))
        assert (got.low, got.high) == pytest.approx(expected, abs=step + noise)
        assert len(got.pieces) == 1


class Brute:
    """The same test with matrices of moments and linear programs, nothing eliminated by hand."""

    def __init__(self, estimates, covariance, pre, target, step, sign, ratio, rising=False):
        n = len(estimates)
        steps = np.zeros((n, n + 1))
        steps[np.arange(n), np.arange(n)], steps[np.arange(n), np.arange(1, n + 1)] = -1, 1
        steps = np.delete(steps, pre, axis=1)
        yardstick = sign * steps[step]
        rows = np.vstack([steps[pre:] - ratio * yardstick, -steps[pre:] - ratio * yardstick])
        if rising:
            rows = np.vstack([rows, -steps[pre:]])
        self.estimates, self.sigma = estimates, rows @ covariance @ rows.T
        self.deviation = np.sqrt(np.diag(self.sigma))
        basis = np.vstack([target, np.linalg.svd(target[None])[2][1:]])
        back = np.linalg.inv(basis)
        self.moved, self.free = rows[:, pre:] @ back[:, 0], rows[:, pre:] @ back[:, 1:]
        self.rows = rows

    def moments(self, theta):
        return self.rows @ self.estimates - theta * self.moved

    def program(self, y):
        """max gamma'y, gamma >= 0, gamma'deviation = 1, gamma'free = 0."""
        solved = optimize.linprog(
            -y,
            A_eq=np.vstack([self.deviation, self.free.T]),
            b_eq=np.concatenate([[1.0], np.zeros(self.free.shape[1])]),
            bounds=[(0, None)] * len(y),
        )
        return -solved.fun, solved.x

    def truncation(self, y):
        """Values of the statistic at which gamma stays optimal, by bisection on the program."""
        statistic, gamma = self.program(y)
        variance = gamma @ self.sigma @ gamma
        slope = self.sigma @ gamma / variance
        rest = y - slope * statistic

        def optimal(eta):
            return self.program(rest + slope * eta)[0] <= eta + 1e-9 * (1 + abs(eta))

        ends = []
        for side in (-1, 1):
            far = statistic + side * 60 * np.sqrt(variance)
            if optimal(far):
                ends.append(side * np.inf)
                continue
            inside, outside = statistic, far
            for _ in range(36):
                middle = (inside + outside) / 2
                inside, outside = (middle, outside) if optimal(middle) else (inside, middle)
            ends.append(inside)
        return statistic, np.sqrt(variance), *ends


@pytest.mark.parametrize(
    ("seed", "pre", "post", "ratio", "rising"),
    [
        (1, 1, 1, 1.0, False),
        (2, 2, 3, 0.5, False),
        (4, 2, 4, 1.0, False),
        (5, 1, 1, 1.0, True),
        (6, 1, 3, 0.7, True),
        (7, 2, 4, 1.0, True),
    ],
)
def test_closed_form_test_equals_linear_programs(seed, pre, post, ratio, rising):
    estimates, covariance, target = random_study(seed, pre, post)
    problem = relative_problem(estimates, covariance, pre, target, rising=rising)
    sd = np.sqrt(target @ covariance[pre:, pre:] @ target)
    grid = problem.effect + sd * np.array([-6, -1.9, 0.0, 2.2, 8])
    alpha, kappa = 0.05, FIRST_STAGE * 0.05
    informative = 0
    for step in range(pre):
        for sign in (1, -1):
            part, brute = (
                problem.part(step, sign, ratio),
                Brute(estimates, covariance, pre, target, step, sign, ratio, rising),
            )
            first = part.first_stage(kappa)
            rejected = part.rejects(grid, first, alpha)
            for theta, ours in zip(grid, rejected, strict=True):
                statistic, deviation, low, high = brute.truncation(brute.moments(theta))
                assert part.statistic(np.array([theta]))[0] == pytest.approx(statistic, abs=1e-8)
                size = (alpha - kappa) / (1 - kappa)
                law = (low / deviation, min(high, first) / deviation)
                tail = truncated_tail(*np.array([[statistic / deviation], [law[0]], [law[1]]]))[0]
                expected = statistic > first or (statistic > 0 and tail < size)
                if abs(tail - size) > 1e-5 and abs(statistic) > 1e-6:
                    assert bool(ours) == bool(expected)
                    informative += 1
    assert informative > 7 * pre


@pytest.mark.parametrize("rising", [False, True])
def test_first_stage_quantile_against_simulated_linear_forms(rising):
    estimates, covariance, target = random_study(8, 3, 3)
    problem = relative_problem(estimates, covariance, 3, target, rising=rising)
    for step, sign, ratio in ((0, 1, 1.0), (2, -1, 0.3), (1, 1, 0.0)):
        part = problem.part(step, sign, ratio)
        draws = np.random.default_rng(2).multivariate_normal([0, 0], part.covariance, size=1_000_000)
        largest = (draws @ part.loadings.T).max(axis=1)
        assert np.mean(largest > part.first_stage(0.05)) == pytest.approx(0.05, abs=8e-4)
        assert np.mean(largest > part.first_stage(0.005)) == pytest.approx(0.005, abs=3e-4)


@pytest.mark.parametrize("rising", [False, True])
def test_least_favourable_programs_have_the_quantile(rising):
    """Simulated moments, solved as linear programs, exceed the quantile as often as they should."""
    estimates, covariance, target = random_study(4, 2, 3)
    part = relative_problem(estimates, covariance, 2, target, rising=rising).part(1, 1, 1.0)
    brute = Brute(estimates, covariance, 2, target, 1, 1, 1.0, rising)
    moments = np.random.default_rng(0).multivariate_normal(np.zeros(5), covariance, size=400)
    draws = moments @ brute.rows.T
    values = np.array([brute.program(draw)[0] for draw in draws])
    assert np.mean(values > part.first_stage(0.2)) == pytest.approx(0.2, abs=0.05)


def test_without_violations_the_interval_is_the_usual_one(published):
    estimates, covariance, pre = published("BC")
    got = relative_problem(estimates, covariance, pre, first_period(4)).confidence_set(0.0)
    half = stats.norm.ppf(0.975) * np.sqrt(covariance[pre, pre])
    assert (got.low, got.high) == pytest.approx((estimates[pre] - half, estimates[pre] + half), abs=5e-6)


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 4))
@settings(max_examples=25)
def test_intervals_move_and_scale_with_the_data(seed, pre, post):
    estimates, covariance, target = random_study(seed, pre, post)
    got = relative_problem(estimates, covariance, pre, target).confidence_set(1.0)
    moved = estimates.copy()
    # a level after treatment with unchanged steps beyond the first only shifts the target
    scaled = relative_problem(3 * moved, 9 * covariance, pre, target).confidence_set(1.0)
    mirrored = relative_problem(-estimates, covariance, pre, target).confidence_set(1.0)
    scale = got.high - got.low
    assert (scaled.low / 3, scaled.high / 3) == pytest.approx((got.low, got.high), abs=1e-7 * scale)
    assert (-mirrored.high, -mirrored.low) == pytest.approx((got.low, got.high), abs=1e-7 * scale)


def test_confidence_set_covers_where_the_plug_in_set_does_not():
    """Bias at the edge of what is allowed. The set that takes the largest estimated step as if it were
    known, widened by 1.96 standard errors, is too short; the hybrid is right, neither short nor wasteful."""
    covariance, target = 0.04 * np.eye(2), np.ones(1)
    truth = np.array([-0.5, 1.0])  # the step before is 0.5, the bias after twice as much
    rng = np.random.default_rng(12)
    ours = plug_in = 0
    draws = 500
    for _ in range(draws):
        problem = relative_problem(
            truth + rng.multivariate_normal(np.zeros(2), covariance), covariance, 1, target
        )
        ours += problem.accepts(0.0, 2.0)
        low, high = problem.identified_set(2.0)
        plug_in += low - 1.96 * 0.2 <= 0 <= high + 1.96 * 0.2
    assert abs(ours / draws - 0.95) < 3 * np.sqrt(0.95 * 0.05 / draws)
    assert plug_in / draws < 0.85


def test_confidence_set_covers_with_several_steps():
    """Nearly equal steps: the union over all of them is conservative, never short."""
    covariance, target = 0.01 * (np.eye(5) + 0.4), np.full(2, 0.5)
    path = np.array([0.0, 0.0, 0.2, 0.2, 0.4])  # the last step before is 0.2, as is each after
    rng = np.random.default_rng(12)
    covered = [
        relative_problem(
            path + rng.multivariate_normal(np.zeros(5), covariance), covariance, 3, target
        ).accepts(0.0, 1.0)
        for _ in range(200)
    ]
    assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)


def test_a_drift_that_only_rises_leaves_less_room_above(published):
    estimates, covariance, pre = published("BC")
    for target in (first_period(4), np.full(4, 0.25)):
        for ratio in (0.5, 1.0, 2.0):
            either = relative_problem(estimates, covariance, pre, target).confidence_set(ratio)
            rising = relative_problem(estimates, covariance, pre, target, rising=True).confidence_set(ratio)
            sd = np.sqrt(target @ covariance[pre:, pre:] @ target)
            # from below the bias reaches as far; above, the first period has only noise left
            assert rising.low == pytest.approx(either.low, abs=0.3 * sd)
            assert rising.high < either.high
            if target[0] == 1:
                assert rising.high < target @ estimates[pre:] + 3 * sd


def test_confidence_set_covers_when_the_drift_rises():
    covariance, target = 0.04 * (np.eye(4) + 0.3), np.array([0.5, 0.5])
    rng = np.random.default_rng(3)
    for path in (np.array([-0.1, -0.3, 0.3, 0.6]), np.array([-0.1, -0.3, 0.0, 0.0])):
        covered = [
            relative_problem(
                path + rng.multivariate_normal(np.zeros(4), covariance), covariance, 2, target, rising=True
            ).accepts(0.0, 1.0)
            for _ in range(150)
        ]
        assert np.mean(covered) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 150)


@pytest.mark.parametrize("ratio", [1.0, 30.0, 500.0])
def test_ends_are_where_rejection_begins_however_far(published, ratio):
    """A fixed grid stops at some multiple of the standard error; here both ends are edges of the test."""
    estimates, covariance, pre = published("BC")
    problem = relative_problem(estimates, covariance, pre, first_period(4))
    found = problem.confidence_set(ratio)
    width = found.high - found.low
    if ratio > 1:
        assert width > 40 * np.sqrt(covariance[pre, pre])
    for inside, outside in (
        (found.low + 1e-7 * width, found.low - 1e-7 * width),
        (found.high - 1e-7 * width, found.high + 1e-7 * width),
    ):
        assert problem.accepts(inside, ratio)
        assert not problem.accepts(outside, ratio)
    # nothing is accepted beyond, out to ten widths
    for far in np.linspace(0.001, 10, 60) * width:
        assert not problem.accepts(found.low - far, ratio)
        assert not problem.accepts(found.high + far, ratio)


def test_one_value_takes_far_less_than_a_second(published):
    import time

    estimates, covariance, pre = published("LW")
    problem = relative_problem(estimates, covariance, pre, np.full(23, 1 / 23))
    start = time.perf_counter()
    problem.confidence_set(1.0)
    assert time.perf_counter() - start < 1.0
