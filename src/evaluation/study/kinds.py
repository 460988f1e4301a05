"""The kinds of study that there are; a new one is a module beside this and a line here."""

from __future__ import annotations

from evaluation.study.base import BaseStudy
from evaluation.study.bulletin import Bulletin
from evaluation.study.ledger import Ledger
from evaluation.study.one_place import Study
from evaluation.study.simulated import SimulatedStudy
from evaluation.study.staggered import StaggeredStudy

KINDS: dict[str, type[BaseStudy]] = {
    "bulletin": Bulletin,
    "one_place": Study,
    "simulated": SimulatedStudy,
    "staggered": StaggeredStudy,
    "ledger": Ledger,
}
