"""Inference for the cases where the usual standard error fails."""

from evaluation.inference.randomization import RandomizationTest, randomization_test

__all__ = ["RandomizationTest", "randomization_test"]
