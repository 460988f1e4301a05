"""A study file: the question, its data, design, claims and rule, as a frozen model.

A study is one TOML file in ``studies/``. Every key that is unknown, absent or ill-typed is
reported at once with its place in the file, before any work is done.
"""

from evaluation.study.base import LANGUAGES, BaseStudy, Source, Text, Threat
from evaluation.study.kinds import KINDS
from evaluation.study.loading import find_root, list_studies, load_study

__all__ = [
    "KINDS",
    "LANGUAGES",
    "BaseStudy",
    "Source",
    "Text",
    "Threat",
    "find_root",
    "list_studies",
    "load_study",
]
