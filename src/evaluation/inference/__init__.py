"""Inference for the cases where the usual standard error fails."""

from evaluation.inference.cluster_robust import ClusterRobust, cluster_robust
from evaluation.inference.randomization import RandomizationTest, randomization_test

__all__ = ["ClusterRobust", "RandomizationTest", "cluster_robust", "randomization_test"]
