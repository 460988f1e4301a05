"""Imported once by the process that report workers are forked from."""

from evaluation.pipeline.render import preload

preload()
