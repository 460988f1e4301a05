"""Write the answer and the list of pages into both READMEs, from the committed data and study files.

``python tools/readme.py`` writes; ``--check`` only says whether the words are those of the data.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from evaluation import analysis
from evaluation.analysis.evaluate import evaluate
from evaluation.report import sections
from evaluation.report.language import text
from evaluation.report.png import darken
from evaluation.report.sections import one_place
from evaluation.sources.manifest import load_manifest
from evaluation.study import list_studies, load_study

ROOT = Path(__file__).resolve().parent.parent
STUDY = "pollution_enforcement"
FILES = {"en": "README.md", "zh": "README.zh.md"}
OWN = "docs/own-question.png"
HEADS = {"en": ("page", "question", "data"), "zh": ("页面", "问题", "数据")}
KINDS_OF_DATA = {"en": ("real", "SIMULATED"), "zh": ("真实", "模拟")}


def _between(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}:start -->\n).*?(<!-- {name}:end -->)", re.DOTALL)


def pages_block(language: str) -> str:
    """A table of the studies, the ledger first, with what each asks and of which data."""
    tables = load_manifest(ROOT / "data").tables
    simulated = {table.name for table in tables if table.simulated}
    lines = ["| " + " | ".join(HEADS[language]) + " |", "|---|---|---|"]
    studies = [load_study(name, root=ROOT) for name in list_studies(ROOT)]
    for study in sorted(studies, key=lambda one: (one.kind != "ledger", one.id)):
        data = getattr(study, "data", None)
        named = {value for value in vars(data).values() if isinstance(value, str)} if data else set()
        of_data = KINDS_OF_DATA[language][bool(named & simulated)]
        lines.append(f"| `{study.id}` | {study.title[language]} | {of_data} |")
    return "\n".join(lines) + "\n"


def answer_block(case: analysis.Case, language: str) -> tuple[str, dict[str, bytes]]:
    """The lines between the markers of a README, and its pictures by file name."""
    head, checks = analysis.headline(case), analysis.check_claims(case)
    answer = one_place.answer(case, head, checks)[language]
    figure = one_place.three_numbers(case, head, checks)[language]
    names = {scheme: f"docs/answer-{language}-{scheme}.png" for scheme in ("light", "dark")}
    marks = [
        f"- {question} **{text(f'verdict_{verdict}', language)}**" for question, verdict in answer.verdicts
    ]
    lines = [
        f"> **{answer.sentence}**",
        "",
        *marks,
        "",
        "<picture>",
        f'  <source media="(prefers-color-scheme: dark)" srcset="{names["dark"]}">',
        f'  <img src="{names["light"]}" width="420" alt="{figure.alt}">',
        "</picture>",
        "",
        answer.detail,
        "",
    ]
    block = "\n".join(lines).replace("\u00a0", " ")
    return block, {names["light"]: figure.shared, names["dark"]: darken(figure.shared)}


def own_picture() -> bytes:
    """The first figure of the page on a file of one's own."""
    frame = pd.read_csv(ROOT / "data/crime/castle_state_year.csv")
    asked = {"unit": "state", "time": "year", "outcome": "homicide", "exposure": "population"}
    made = evaluate(frame, **asked, first_treated="first_treated", title="Castle doctrine laws and homicide")
    picture: bytes = sections.three_numbers(made.case, made.found)["en"].shared
    return picture


def readme(language: str, block: str) -> str:
    """A README with the answer and the list of pages in place."""
    current = (ROOT / FILES[language]).read_text(encoding="utf-8")
    for name, part in (("answer", block), ("pages", pages_block(language))):
        current = _between(name).sub(lambda match, part=part: match[1] + part + match[2], current)
    return current


def main() -> int:
    """Write or check; 1 when a README says something else than the data."""
    case = analysis.prepare(STUDY, root=ROOT)
    check = "--check" in sys.argv
    stale = []
    for language, name in FILES.items():
        block, pictures = answer_block(case, language)
        made = readme(language, block)
        if made != (ROOT / name).read_text(encoding="utf-8"):
            stale.append(name)
        if not check:
            (ROOT / name).write_text(made, encoding="utf-8")
            for path, content in pictures.items():
                (ROOT / path).parent.mkdir(exist_ok=True)
                (ROOT / path).write_bytes(content)
    if not check:
        (ROOT / OWN).write_bytes(own_picture())
    if check and stale:
        print(f"{', '.join(stale)}: not what the data give; run python tools/readme.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
