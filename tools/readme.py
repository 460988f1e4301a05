"""Write the answer into both READMEs: its sentence, its picture and its numbers, from the committed data.

``python tools/readme.py`` writes; ``--check`` only says whether the words are those of the data.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from evaluation import analysis
from evaluation.report import story
from evaluation.report.language import text

ROOT = Path(__file__).resolve().parent.parent
STUDY = "pollution_enforcement"
FILES = {"en": "README.md", "zh": "README.zh.md"}
_BLOCK = re.compile(r"(<!-- answer:start -->\n).*?(<!-- answer:end -->)", re.DOTALL)


def answer_block(case: analysis.Case, language: str) -> tuple[str, dict[str, bytes]]:
    """The lines between the markers of a README, and its pictures by file name."""
    head, checks = analysis.headline(case), analysis.check_claims(case)
    answer = story.answer(case, head, checks, language)
    figure = story.three_numbers(case, head, checks, language)
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
    return block, {names["light"]: figure.light, names["dark"]: figure.dark}


def readme(language: str, block: str) -> str:
    """A README with the block in place."""
    current = (ROOT / FILES[language]).read_text(encoding="utf-8")
    return _BLOCK.sub(lambda match: match[1] + block + match[2], current)


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
    if check and stale:
        print(f"{', '.join(stale)}: not what the data give; run python tools/readme.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
