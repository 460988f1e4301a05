"""Inference for the cases where the usual standard error fails."""

from evaluation.inference.cluster_robust import ClusterRobust, cluster_robust
from evaluation.inference.randomization import RandomizationTest, randomization_test
from evaluation.inference.wild_bootstrap import WildBootstrap, wild_cluster_bootstrap

__all__ = [
    "ClusterRobust",
    "RandomizationTest",
    "WildBootstrap",
    "cluster_robust",
    "randomization_test",
    "wild_cluster_bootstrap",
]
