"""Inference for the cases where the usual standard error fails."""

from evaluation.inference.cluster_robust import ClusterRobust, cluster_robust
from evaluation.inference.conformal import ConformalTest, conformal_intervals, conformal_test
from evaluation.inference.placebo import PlaceboPaths, placebo_paths
from evaluation.inference.randomization import RandomizationTest, randomization_test
from evaluation.inference.wild_bootstrap import WildBootstrap, wild_cluster_bootstrap

__all__ = [
    "ClusterRobust",
    "ConformalTest",
    "PlaceboPaths",
    "RandomizationTest",
    "WildBootstrap",
    "cluster_robust",
    "conformal_intervals",
    "conformal_test",
    "placebo_paths",
    "randomization_test",
    "wild_cluster_bootstrap",
]
