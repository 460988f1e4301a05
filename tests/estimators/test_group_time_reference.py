"""Group-time effects beside R's did: every combination, every aggregation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evaluation import Design, Panel
from evaluation.estimators import GroupTime

ESTIMATE = 1e-8  # absolute
STD_ERROR = 1e-6  # relative
KEYS = list(json.loads((Path(__file__).resolve().parents[1] / "reference" / "r_did.json").read_text()))
AGGREGATIONS = {"simple": "simple", "group": "group", "event_time": "dynamic", "calendar": "calendar"}


def numbers(values):
    values = values if isinstance(values, list) else [values]
    return np.array([np.nan if v is None else v for v in values], dtype=float)


def close(ours, theirs, *, relative=False):
    ours, theirs = np.atleast_1d(ours), numbers(theirs)
    assert (np.isnan(ours) == np.isnan(theirs)).all()
    known = ~np.isnan(theirs)
    gap = np.abs(ours - theirs)[known] / (np.abs(theirs[known]) if relative else 1.0)
    assert gap.max() <= (STD_ERROR if relative else ESTIMATE)


def fit(key, staggered, staggered_unbalanced):
    first, *rest = key.split("|")
    if first in ("unbalanced", "repeated_cross_sections"):
        sampling = "levels" if first == "unbalanced" else "cross_sections"
        panel = Panel(staggered_unbalanced, unit="id", time="t")
        return GroupTime(method=rest[0], sampling=sampling).fit(panel, Design("y", "g"))
    control, base, anticipation, covariates = rest
    design = Design(
        "y",
        "g",
        comparison="never_treated" if control == "nevertreated" else "not_yet_treated",
        base_period=base,
        anticipation=int(anticipation),
        covariates=("x1", "x2") if covariates == "x" else (),
    )
    return GroupTime(method=first).fit(Panel(staggered, unit="id", time="t"), design)


@pytest.mark.parametrize("key", KEYS)
def test_effects_and_aggregations_equal_r(key, staggered, staggered_unbalanced, reference):
    theirs = reference("r_did.json")[key]
    result = fit(key, staggered, staggered_unbalanced)
    assert result.terms["time"].tolist() == theirs["time"]
    close(result.coef, theirs["att"])
    close(result.std_errors, theirs["se"], relative=True)
    for by, name in AGGREGATIONS.items():
        ours, other = result.aggregate(by), theirs[name]
        close(ours.overall.estimate, other["overall"])
        close(ours.overall.std_error, other["overall_se"], relative=True)
        if by != "simple":
            keys = ours.terms[{"group": "cohort", "calendar": "time"}.get(by, by)]
            assert keys.tolist() == other["egt"]
            close(ours.coef, other["att"])
            close(ours.std_errors, other["se"], relative=True)


def test_reference_has_all_combinations():
    assert len(KEYS) == 50


@pytest.mark.parametrize("key", [k for k in KEYS if k.split("|")[0] in ("dr", "unbalanced")][::5])
def test_influence_function_gives_the_covariance(key, staggered, staggered_unbalanced):
    result = fit(key, staggered, staggered_unbalanced)
    for one in (result, *(result.aggregate(by) for by in AGGREGATIONS)):
        psi = one.influence
        known = ~np.isnan(one.std_errors)
        ours = (psi.T @ psi / len(psi) ** 2)[np.ix_(known, known)]
        np.testing.assert_allclose(ours, one.vcov[np.ix_(known, known)], rtol=1e-9, atol=1e-14)


def test_balanced_counts_what_it_drops(staggered_unbalanced):
    panel = Panel(staggered_unbalanced, unit="id", time="t")
    kept = GroupTime(sampling="balanced").fit(panel, Design("y", "g"))
    seen = staggered_unbalanced.groupby("id").size()
    assert kept.sample.units == int((seen == 8).sum())
    assert kept.sample.dropped == {"unit not seen in every period": int(seen[seen < 8].sum())}
    whole = staggered_unbalanced[staggered_unbalanced["id"].isin(seen.index[seen == 8])]
    only = GroupTime().fit(Panel(whole, unit="id", time="t"), Design("y", "g"))
    np.testing.assert_allclose(kept.coef, only.coef, atol=1e-12)
    np.testing.assert_allclose(kept.vcov, only.vcov, atol=1e-12)
