"""Synthetic control and synthetic difference-in-differences: R's numbers, published numbers, invariances."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation import Design, Panel
from evaluation.estimators import Predictor, SyntheticControl, SyntheticDiD

DESIGN = Design("y", "first")


@pytest.fixture(scope="module")
def one_treated() -> Panel:
    data = pd.read_csv(Path(__file__).parent.parent / "reference/one_treated.csv")
    data["first"] = np.where(data["unit"] == "unit00", 29.0, np.nan)
    return Panel(data, unit="unit", time="time")


def simulated(seed=0, units=12, periods=14, starts=None, effect=2.0) -> pd.DataFrame:
    """A factor model; ``starts`` maps unit to first treated period."""
    rng = np.random.default_rng(seed)
    starts = {0: 10} if starts is None else starts
    factor = np.cumsum(rng.normal(size=(2, periods)), axis=1)
    y = rng.normal(size=(units, 2)) @ factor + 0.3 * rng.normal(size=(units, periods)) + 20
    data = pd.DataFrame(
        {"unit": np.repeat(np.arange(units), periods), "time": np.tile(np.arange(periods), units)}
    )
    data["first"] = data["unit"].map(starts).astype(float)
    data["x"] = rng.normal(size=len(data))
    data["y"] = y.ravel() + effect * (data["time"] >= data["first"])
    return data


def panel(data: pd.DataFrame) -> Panel:
    return Panel(data, unit="unit", time="time")


def att(estimator, data, design=DESIGN) -> float:
    return estimator.fit(panel(data), design).estimate


# reference numbers ----------------------------------------------------------------------------


def test_equals_synthdid_where_it_stops(one_treated, reference):
    r = reference("r_synthdid.json")["one_treated"]
    did = SyntheticDiD(unit_weights="uniform", time_weights="uniform", variance="none")
    assert did.fit(one_treated, DESIGN).estimate == pytest.approx(r["did"], abs=1e-10)
    sdid = SyntheticDiD(variance="none", solver="synthdid").fit(one_treated, DESIGN)
    assert sdid.estimate == pytest.approx(r["sdid"], abs=1e-8)
    np.testing.assert_allclose(sdid.details.fit.unit_weights, r["omega"], atol=1e-8)
    np.testing.assert_allclose(sdid.details.fit.time_weights, r["lambda"], atol=1e-8)
    control = SyntheticControl(variance="none", solver="synthdid").fit(one_treated, DESIGN)
    assert control.estimate == pytest.approx(r["sc"], abs=1e-8)


def test_exact_weights_are_near_those_of_synthdid_and_never_worse(one_treated, reference):
    r = reference("r_synthdid.json")["one_treated"]
    result = SyntheticDiD(variance="none").fit(one_treated, DESIGN)
    assert result.estimate == pytest.approx(r["sdid"], abs=1e-4)
    fit = result.details.fit
    y = one_treated.matrix("y")
    before, after = y[1:, :28], y[1:, 28:].mean(axis=1)

    def unit_objective(w):
        gap = w @ before - y[0, :28]
        return ((gap - gap.mean()) ** 2).sum() + fit.penalty**2 * 28 * (w @ w)

    def time_objective(w):
        gap = before @ w - after
        return ((gap - gap.mean()) ** 2).sum()

    ours, theirs = fit.unit_weights.to_numpy(), np.array(r["omega"])
    assert unit_objective(ours) < unit_objective(theirs)
    lam = fit.time_weights.to_numpy()
    assert time_objective(lam) <= time_objective(np.array(r["lambda"])) + 1e-9
    assert fit.optimality < 1e-12


def test_synthetic_control_of_synthdid_stops_above_the_minimum(one_treated):
    exact = SyntheticControl(variance="none").fit(one_treated, DESIGN)
    stopped = SyntheticControl(variance="none", solver="synthdid").fit(one_treated, DESIGN)
    assert exact.details.fit.rmspe_before < stopped.details.fit.rmspe_before
    assert exact.estimate == pytest.approx(-4.3917007879, abs=1e-8)


@pytest.fixture(scope="module")
def prop99(shared) -> Panel:
    data = pd.read_csv(shared / "data/benchmarks/california_prop99.csv", sep=";")
    data["first"] = np.where(data["State"] == "California", 1989.0, np.nan)
    return Panel(data.rename(columns={"PacksPerCapita": "y"}), unit="State", time="Year")


@pytest.mark.shared
def test_published_numbers_of_proposition_99(prop99):
    did = SyntheticDiD(unit_weights="uniform", time_weights="uniform", variance="none")
    assert did.fit(prop99, DESIGN).estimate == pytest.approx(-27.349, abs=5e-4)
    assert SyntheticControl(solver="synthdid", variance="none").fit(prop99, DESIGN).estimate == pytest.approx(
        -19.620, abs=5e-4
    )
    assert SyntheticDiD(solver="synthdid", variance="none").fit(prop99, DESIGN).estimate == pytest.approx(
        -15.604, abs=5e-4
    )


@pytest.mark.shared
def test_exact_numbers_and_enumerated_placebos_of_proposition_99(prop99):
    result = SyntheticDiD().fit(prop99, DESIGN)
    assert result.estimate == pytest.approx(-15.6054, abs=1e-4)
    assert result.std_error == pytest.approx(9.371, abs=5e-4)
    assert "each of 38 donors in turn" in result.inference
    assert len(result.details.replicates) == 38
    assert SyntheticControl(variance="none").fit(prop99, DESIGN).estimate == pytest.approx(-19.5136, abs=1e-4)


SECTORS = ("agriculture", "energy", "industry", "construction", "services.venta", "services.nonventa")
SCHOOLING = ("school.illit", "school.prim", "school.med", "school.high", "school.post.high")


@pytest.mark.shared
def test_published_numbers_of_the_basque_country(shared):
    """The mean gap of 1975 to 1997; weights 0.8508 for Catalonia and 0.1492 for Madrid."""
    data = pd.read_csv(shared / "data/benchmarks/synth_basque.csv")
    data["first"] = np.where(data["regionname"].str.startswith("Basque"), 1975.0, np.nan)
    estimator = SyntheticControl(
        predictors=(
            *(Predictor(name, 1964, 1969) for name in (*SCHOOLING, "invest")),
            Predictor("gdpcap", 1960, 1969),
            *(Predictor(f"sec.{name}", 1961, 1969) for name in SECTORS),
            Predictor("popdens", 1969, 1969),
        ),
        fit_periods=(1960, 1969),
        variance="none",
    )
    basque = Panel(data, unit="regionname", time="year")
    result = estimator.fit(basque, Design("gdpcap", "first"))
    assert result.estimate == pytest.approx(-0.69956, abs=1e-5)
    weights = result.details.fit.unit_weights
    assert weights["Cataluna"] == pytest.approx(0.8508, abs=1e-4)
    assert weights["Madrid (Comunidad De)"] == pytest.approx(0.1492, abs=1e-4)
    balance = result.details.fit.balance.set_index("predictor")
    assert balance["importance"].sum() == pytest.approx(1)
    assert balance.loc["gdpcap 1960 to 1969", "treated"] == pytest.approx(5.2855, abs=1e-3)


# invariances ----------------------------------------------------------------------------------


def shifted(data: pd.DataFrame, seed=1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    unit, time = rng.normal(size=200) * 10, rng.normal(size=200) * 10
    return data.assign(y=data["y"] + unit[data["unit"]] + time[data["time"]])


@pytest.mark.parametrize("starts", [{0: 10}, {0: 8, 1: 8, 2: 11}])
def test_unit_and_period_effects_change_nothing(starts):
    data = simulated(starts=starts)
    estimator = SyntheticDiD(variance="none", zeta=0.7)
    assert att(estimator, shifted(data)) == pytest.approx(att(estimator, data), abs=1e-8)


def test_demeaned_synthetic_control_ignores_unit_levels_and_the_plain_one_period_effects():
    data = simulated()
    levels = data.assign(y=data["y"] + 7.0 * (data["unit"] == 0))
    demeaned = SyntheticControl(intercept=True, variance="none")
    assert att(demeaned, levels) == pytest.approx(att(demeaned, data), abs=1e-9)
    common = data.assign(y=data["y"] + np.sin(data["time"]) * 5)
    plain = SyntheticControl(variance="none")
    assert att(plain, common) == pytest.approx(att(plain, data), abs=1e-9)


ALL = (
    SyntheticControl(),
    SyntheticControl(intercept=True),
    SyntheticControl(augment="cv"),
    SyntheticControl(predictors=("y", "x"), importance="regression"),
    SyntheticDiD(),
    SyntheticDiD(time_weights="uniform"),
)


@pytest.mark.parametrize("estimator", ALL, ids=lambda e: e.name)
def test_scale_and_order_of_units(estimator):
    data = simulated()
    base = estimator.fit(panel(data), DESIGN)
    larger = estimator.fit(panel(data.assign(y=data["y"] * 1000)), DESIGN)
    assert larger.estimate == pytest.approx(1000 * base.estimate, rel=1e-6)
    assert larger.std_error == pytest.approx(1000 * base.std_error, rel=1e-6)
    other = data.assign(unit=(7 * data["unit"] + 3) % 12).sample(frac=1, random_state=1)
    moved = estimator.fit(panel(other), DESIGN)
    # the weights of predictors come from an iteration, which another order of sums ends elsewhere
    loose = 100 if getattr(estimator, "predictors", ()) else 1
    assert moved.estimate == pytest.approx(base.estimate, abs=1e-8 * loose)
    assert moved.std_error == pytest.approx(base.std_error, rel=1e-7 * loose)


@pytest.mark.parametrize("estimator", ALL, ids=lambda e: e.name)
def test_an_effect_on_the_treated_moves_the_estimate_one_for_one(estimator):
    none, some = (estimator.fit(panel(simulated(effect=e)), DESIGN) for e in (0.0, 5.0))
    assert some.estimate - none.estimate == pytest.approx(5.0, abs=1e-9)


def test_a_donor_mix_is_found_exactly():
    data = simulated(effect=3.0)
    y = data["y"].to_numpy().reshape(12, 14).copy()
    y[0] = 0.25 * y[4] + 0.75 * y[9] + 3.0 * (np.arange(14) >= 10)
    result = SyntheticControl().fit(panel(data.assign(y=y.ravel())), DESIGN)
    assert result.estimate == pytest.approx(3.0, abs=1e-9)
    weights = result.details.fit.unit_weights
    assert weights[[4, 9]].tolist() == pytest.approx([0.25, 0.75], abs=1e-8)
    assert result.details.fit.hull_distance == pytest.approx(0, abs=1e-9)


# details, terms, staggered --------------------------------------------------------------------


def test_terms_by_period_average_to_the_estimate_with_its_standard_error():
    data = simulated(starts={0: 8, 1: 8, 2: 11})
    options = {"draws": 40, "seed": 1}
    whole = SyntheticDiD(**options).fit(panel(data), DESIGN)
    parts = SyntheticDiD(**options, terms="cohort_period").fit(panel(data), DESIGN)
    assert len(parts) == 6 + 3
    simple = parts.aggregate("simple")
    assert simple.estimate == pytest.approx(whole.estimate)
    assert simple.std_error == pytest.approx(whole.std_error)
    assert parts.aggregate("event_time").terms["event_time"].tolist() == [0, 1, 2, 3, 4, 5]
    assert len(whole.details.fits) == 2


def test_staggered_estimate_is_the_average_of_its_cohorts():
    data = simulated(starts={0: 8, 1: 8, 2: 11})
    never = data["first"].isna()
    parts = [att(SyntheticDiD(variance="none"), data[never | (data["first"] == g)]) for g in (8, 11)]
    weight = np.array([2 * 6, 1 * 3])
    whole = att(SyntheticDiD(variance="none"), data)
    assert whole == pytest.approx(weight @ parts / weight.sum())


def test_details_agree_with_the_estimate():
    result = SyntheticDiD(variance="none").fit(panel(simulated()), DESIGN)
    fit = result.details.fit
    path = fit.path.set_index("role")
    assert path.loc["after", "effect"].mean() == pytest.approx(result.estimate)
    gap = path.loc["before", "gap"].to_numpy()
    assert path.loc["before", "effect"].to_numpy() @ fit.time_weights.to_numpy() == pytest.approx(
        0, abs=1e-12
    )
    assert fit.rmspe_before == pytest.approx(gap.std())
    assert fit.unit_weights.sum() == pytest.approx(1)
    assert fit.treated == (0,)


def test_covariates_are_taken_out():
    data = simulated(effect=2.0)
    moved = data.assign(y=data["y"] + 30 * data["x"])
    design = Design("y", "first", covariates=("x",))
    assert att(SyntheticDiD(variance="none"), moved, design) == pytest.approx(
        att(SyntheticDiD(variance="none"), data, design), abs=1e-8
    )


@pytest.mark.parametrize("starts", [{0: 10}, {0: 8, 1: 11}])
def test_covariates_are_those_of_all_rows_without_treatment(starts):
    """Kranz (2022): a regression with dummies on donors and on treated units before treatment."""
    data = simulated(starts=starts)
    data["y"] += 5 * data["x"] * (1 + (data["unit"] < 2))  # treated units say something else of x
    untreated = data[~(data["time"] >= data["first"])]
    dummies = pd.get_dummies(untreated[["unit", "time"]].astype(str)).to_numpy(dtype=float)
    beta = np.linalg.lstsq(np.column_stack([untreated["x"], dummies]), untreated["y"], rcond=None)[0][0]
    oracle = att(SyntheticDiD(variance="none"), data.assign(y=data["y"] - beta * data["x"]))
    design = Design("y", "first", covariates=("x",))
    assert att(SyntheticDiD(variance="none"), data, design) == pytest.approx(oracle, abs=1e-8)


def test_anticipation_leaves_periods_out_of_the_fit():
    data = simulated()
    jump = data.assign(y=data["y"] + 50.0 * ((data["unit"] == 0) & (data["time"] == 9)))
    design = Design("y", "first", anticipation=1)
    assert att(SyntheticControl(), jump, design) == pytest.approx(att(SyntheticControl(), data, design))


# ridge augmentation ---------------------------------------------------------------------------


def test_augmentation_is_ridge_regression_on_what_weights_leave():
    data = simulated()
    y = data["y"].to_numpy().reshape(12, 14)
    plain = SyntheticControl(variance="none").fit(panel(data), DESIGN)
    penalty = 3.0
    augmented = SyntheticControl(variance="none", augment=penalty).fit(panel(data), DESIGN)
    before, after = y[1:, :10], y[1:, 10:]
    centre = before.mean(axis=0)
    slope = np.linalg.solve(
        (before - centre).T @ (before - centre) + penalty * np.eye(10),
        (before - centre).T @ (after - after.mean(axis=0)),
    )
    left = y[0, :10] - plain.details.fit.unit_weights.to_numpy() @ before
    assert augmented.estimate == pytest.approx(plain.estimate - (left @ slope).mean(), abs=1e-9)
    assert augmented.details.fit.rmspe_before < plain.details.fit.rmspe_before


def test_a_large_penalty_gives_the_plain_estimate():
    data = simulated()
    plain, heavy = SyntheticControl(variance="none"), SyntheticControl(variance="none", augment=1e12)
    assert att(heavy, data) == pytest.approx(att(plain, data), abs=1e-6)


# variances ------------------------------------------------------------------------------------

SEVERAL = {0: 10, 1: 10, 2: 10}


def test_placebo_sets_are_enumerated_when_few_and_drawn_with_a_seed_else():
    data = simulated(starts={0: 10, 1: 10})
    every = SyntheticDiD(draws=45).fit(panel(data), DESIGN)
    assert "each of 45 sets of 2 donors" in every.inference
    drawn = SyntheticDiD(draws=44, seed=3).fit(panel(data), DESIGN)
    again = SyntheticDiD(draws=44, seed=3).fit(panel(data), DESIGN)
    assert drawn.std_error == again.std_error
    assert drawn.std_error == pytest.approx(every.std_error, rel=0.4)


@pytest.mark.parametrize("estimator", [SyntheticDiD, SyntheticControl])
def test_jackknife_leaves_out_each_unit_with_weights_held(estimator):
    data = simulated(starts=SEVERAL)
    result = estimator(variance="jackknife").fit(panel(data), DESIGN)
    y = data["y"].to_numpy().reshape(12, 14)
    fit = result.details.fit
    omega = fit.unit_weights.to_numpy()
    lam = np.zeros(10) if fit.time_weights is None else fit.time_weights.to_numpy()
    left = []
    for i in range(12):
        own, donors = np.setdiff1d([0, 1, 2], [i]), np.setdiff1d(np.arange(3, 12), [i])
        w = omega[donors - 3] / omega[donors - 3].sum()
        gap = y[own].mean(axis=0) - w @ y[donors]
        left.append(gap[10:].mean() - lam @ gap[:10])
    left = np.array(left)
    assert result.std_error == pytest.approx(np.sqrt(11 / 12 * ((left - left.mean()) ** 2).sum()))


def test_bootstrap_sample_equals_fitting_the_repeated_units():
    data = simulated(starts=SEVERAL)
    result = SyntheticDiD(variance="bootstrap", draws=5, seed=8).fit(panel(data), DESIGN)
    counts = np.random.default_rng(8).multinomial(12, np.full(12, 1 / 12), size=5)
    usable = [c for c in counts if c[:3].sum() and c[3:].sum()]
    pieces, number = [], 0
    for unit, times in enumerate(usable[0]):
        for _ in range(times):
            pieces.append(data[data["unit"] == unit].assign(unit=number))
            number += 1
    # the penalty of a bootstrap sample is that of the estimate
    again = SyntheticDiD(variance="none", zeta=result.details.fit.penalty)
    assert result.details.replicates[0] == pytest.approx(att(again, pd.concat(pieces)), abs=1e-7)


@pytest.mark.parametrize("variance", ["jackknife", "bootstrap"])
def test_one_treated_unit_has_no_jackknife_or_bootstrap(variance):
    result = SyntheticDiD(variance=variance, seed=1).fit(panel(simulated()), DESIGN)
    assert np.isnan(result.std_error)
    assert np.isnan(result.p_value)
    assert any("undefined with one" in note for note in result.notes)


# how placebos test ----------------------------------------------------------------------------


def by_t(result, df):
    return 2 * stats.t.sf(abs(result.estimate) / result.std_error, df)


def test_one_treated_unit_has_the_larger_p_value_of_t_and_rank():
    result = SyntheticDiD().fit(panel(simulated(units=17)), DESIGN)
    placebos = np.abs(result.details.replicates)
    assert (len(placebos), result.df) == (16, 15)
    rank = (1 + (placebos >= abs(result.estimate)).sum()) / 17
    assert result.p_value == pytest.approx(max(rank, by_t(result, 15)))
    # sixteen placebos have no 95 % interval: 94 % is the widest, at least as far as the farthest of them
    assert np.isnan(result.conf_int()).all()
    assert any("no p-value below 1/17" in n and "widest level is 94.1%" in n for n in result.notes)
    for level, beyond in ((0.94, 1), (0.88, 2)):
        half = max(np.sort(placebos)[-beyond], stats.t.ppf(0.5 + level / 2, 15) * result.std_error)
        assert result.conf_int(level) == pytest.approx((result.estimate - half, result.estimate + half))


def test_no_p_value_is_below_one_over_the_placebos_and_one():
    """With the normal law 16 placebos give p-values of 1e-10, and reject 8 to 9 % of no effects at 5 %."""
    far = SyntheticDiD().fit(panel(simulated(units=17, effect=1000.0)), DESIGN)
    assert far.p_value == pytest.approx(1 / 17)
    p = [
        SyntheticDiD().fit(panel(simulated(seed, units=17, effect=0.0)), DESIGN).p_value for seed in range(60)
    ]
    assert min(p) >= 1 / 17 - 1e-12
    # binomial(60, 1/17): 3.5 expected, 1.8 standard deviation
    assert np.sum(np.array(p) < 0.06) <= 9


def test_periods_averages_and_joint_tests_have_their_own_placebos():
    data = panel(simulated(units=25))
    whole = SyntheticDiD().fit(data, DESIGN)
    parts = SyntheticDiD(terms="cohort_period").fit(data, DESIGN)
    for same in (parts.aggregate("simple"), parts.combine(np.full(4, 0.25), "mean")):
        assert same.p_value == pytest.approx(whole.p_value)
        assert same.conf_int() == pytest.approx(whole.conf_int())
    table = parts.tidy()
    rank = (1 + (np.abs(parts.placebos.estimates) >= np.abs(parts.coef)).sum(axis=0)) / 25
    np.testing.assert_allclose(
        table["p_value"], np.maximum(rank, 2 * stats.t.sf(np.abs(parts.coef) / parts.std_errors, 23))
    )
    # all terms together: one of 24 placebos may reach beyond
    scaled = np.abs(parts.placebos.estimates) / parts.std_errors
    assert (parts.critical_values(seed=0) >= scaled.max()).all()
    assert np.isnan(parts.critical_values(0.97, seed=0)).all()
    far = SyntheticDiD(terms="cohort_period").fit(panel(simulated(units=25, effect=1e4)), DESIGN)
    assert far.wald(np.eye(4)).p_value == pytest.approx(1 / 25)


def test_several_treated_units_have_t_with_the_donors_degrees_of_freedom():
    result = SyntheticDiD().fit(panel(simulated(units=12, starts={0: 10, 1: 10})), DESIGN)
    assert result.df == 9  # ten donors; their 45 pairs share members
    assert result.p_value >= by_t(result, 9)
    half = stats.t.ppf(0.975, 9) * result.std_error
    assert result.conf_int()[1] - result.estimate >= half * (1 - 1e-12)
    far = SyntheticDiD().fit(panel(simulated(units=12, starts={0: 10, 1: 10}, effect=1e6)), DESIGN)
    assert far.p_value == pytest.approx(1 / 46)
    assert np.isnan(far.conf_int(0.99)).all()


@pytest.mark.parametrize("treated", [1, 2])
@pytest.mark.parametrize(("times", "said"), [(4.0, "noisier"), (0.2, "quieter"), (1.0, "")])
def test_noise_unlike_the_donors_is_measured_and_said(treated, times, said):
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(21, 30))
    noise[:treated] *= times
    data = simulated(units=21, periods=30, starts=dict.fromkeys(range(treated), 25))
    data["y"] = noise.ravel()
    result = SyntheticDiD(draws=200, seed=1).fit(panel(data), DESIGN)
    (note,) = [n for n in result.notes if "as noisy as donors" in n]
    before = noise[:, :25]
    gaps = np.array(
        [
            before[i] - np.delete(before[treated:], max(i - treated, 0), axis=0).mean(axis=0)
            if i >= treated
            else before[i] - before[treated:].mean(axis=0)
            for i in range(21)
        ]
    )
    own = np.sqrt(gaps[:treated].var(axis=1, ddof=1).mean())
    if treated == 1:
        donors = gaps[1:].std(axis=1, ddof=1)
        assert f"is {own / np.median(donors):.2f} times that of the median placebo" in note
        assert f"above that of {(donors < own).sum()} of 20 (from 25 periods)" in note
    assert ("than donors" in note) == bool(said)
    assert said in note


def test_the_jackknife_of_a_plain_synthetic_control_is_not_advised():
    data = panel(simulated(starts=SEVERAL))
    advised = {
        e: not any("the jackknife is not advised" in n for n in e.fit(data, DESIGN).notes)
        for e in (
            SyntheticControl(variance="jackknife"),
            SyntheticControl(variance="jackknife", intercept=True),
            SyntheticDiD(variance="jackknife"),
        )
    }
    assert list(advised.values()) == [False, True, True]


@pytest.mark.slow
def test_placebo_interval_covers_without_an_effect():
    """With as much noise in the treated unit as in donors 95 % intervals cover about that often."""
    covered = 0
    for seed in range(300):
        low, high = SyntheticDiD().fit(panel(simulated(seed, units=30, effect=0.0)), DESIGN).conf_int()
        covered += low <= 0 <= high
    assert 0.90 <= covered / 300 <= 0.99
