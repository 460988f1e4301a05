"""Inference for the cases where the usual standard error fails."""

from evaluation.inference._few_treated import FewTreated
from evaluation.inference.assignments import Assignments, assignments
from evaluation.inference.cluster_robust import ClusterRobust, cluster_robust
from evaluation.inference.conformal import ConformalTest, conformal_intervals, conformal_test
from evaluation.inference.conley_taber import conley_taber, ferman_pinto
from evaluation.inference.ibragimov_muller import (
    ClusterTTest,
    ibragimov_muller,
    t_test_of_clusters,
    t_test_of_two_groups,
)
from evaluation.inference.placebo import PlaceboPaths, placebo_paths
from evaluation.inference.randomization import RandomizationTest, randomization_test
from evaluation.inference.randomization_time import randomization_in_time
from evaluation.inference.rank_sets import RankSets, rank_sets
from evaluation.inference.recommend import Recommendation, recommend
from evaluation.inference.refusal import refusal
from evaluation.inference.romano_wolf import StepDown, romano_wolf
from evaluation.inference.stretches import (
    Autocorrelation,
    Season,
    improvements,
    moving_stretches,
    stabilised_share,
    stretch_autocorrelation,
)
from evaluation.inference.wild_bootstrap import WildBootstrap, wild_cluster_bootstrap

__all__ = [
    "Assignments",
    "Autocorrelation",
    "ClusterRobust",
    "ClusterTTest",
    "ConformalTest",
    "FewTreated",
    "PlaceboPaths",
    "RandomizationTest",
    "RankSets",
    "Recommendation",
    "Season",
    "StepDown",
    "WildBootstrap",
    "assignments",
    "cluster_robust",
    "conformal_intervals",
    "conformal_test",
    "conley_taber",
    "ferman_pinto",
    "ibragimov_muller",
    "improvements",
    "moving_stretches",
    "placebo_paths",
    "randomization_in_time",
    "randomization_test",
    "rank_sets",
    "recommend",
    "refusal",
    "romano_wolf",
    "stabilised_share",
    "stretch_autocorrelation",
    "t_test_of_clusters",
    "t_test_of_two_groups",
    "wild_cluster_bootstrap",
]
