"""Notes every estimate that a kernel makes; laid down as ``sitecustomize.py`` in a folder of PYTHONPATH.

Kernels are told PYTHONPATH, so this runs in each of them before anything else. A line of ``notes`` beside it
is the process, the folder for stored results and what was called; a kernel's first line names nothing.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from functools import wraps
from types import FunctionType

WATCHED = ("evaluation.estimators", "evaluation.inference", "evaluation.diagnostics")
NOTES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "notes")
STORE = os.environ.get("EVALUATION_STORE")


def note(what):
    with open(NOTES, "a") as file:
        file.write(f"{os.getpid()} {STORE} {what}\n")


def counted(function, name):
    @wraps(function)
    def noted(*args, **kwargs):
        note(name)
        return function(*args, **kwargs)

    return noted


def count(module):
    """Wrap the ``fit`` of estimators, and whatever function inference and diagnostics offer."""
    short = module.__name__.removeprefix("evaluation.")
    for name, value in list(vars(module).items()):
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
            continue
        if isinstance(value, FunctionType) and not short.startswith("estimators"):
            setattr(module, name, counted(value, f"{short}.{name}"))
        elif isinstance(value, type) and isinstance(vars(value).get("fit"), FunctionType):
            value.fit = counted(value.fit, f"{short}.{name}.fit")


class Finder(importlib.abc.MetaPathFinder):
    """Has each watched module counted as soon as it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if not name.startswith(WATCHED) or any(part.startswith("_") for part in name.split(".")):
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            count(module)

        spec.loader.exec_module = exec_module
        return spec


if STORE:
    sys.meta_path.insert(0, Finder())
    note("")
