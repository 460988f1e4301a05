"""The kinds of study: for each a module beside this, of the same name, with the model of its files.

What is done with a study is in `evaluation.analysis.kinds`, under the same names.
"""

from __future__ import annotations

from evaluation.study.base import BaseStudy
from evaluation.study.bulletin import Bulletin
from evaluation.study.ledger import Ledger
from evaluation.study.simulated import SimulatedStudy
from evaluation.study.staggered import StaggeredStudy

KINDS: dict[str, type[BaseStudy]] = {
    "bulletin": Bulletin,
    "simulated": SimulatedStudy,
    "staggered": StaggeredStudy,
    "ledger": Ledger,
}
