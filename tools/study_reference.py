"""Write ``docs/study-file.md``, the page of every key of a study file, from the models that read them.

``python tools/study_reference.py`` writes; ``--check`` only says whether the page is that of the models. The
meaning of a key is the docstring below its field, the example what a study file has there:
``docs/study_example.toml`` or a study of the project.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import tomli_w
from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo

from evaluation.claims.model import Text
from evaluation.study import KINDS
from evaluation.study.staggered import StaggeredStudy
from evaluation.study.words import Noun, Nouns

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "study-file.md"
WORDS = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Text: "text, or by language",
}
TITLES = {
    "staggered": "Panel study",
    "bulletin": "Bulletin",
    "simulated": "Study of a claim without data",
    "ledger": "Ledger of claims",
}
HEAD = """# Every key of a study file

One TOML file in `studies/` and one table make a study. This page is made from the models that read the files
(`python tools/study_reference.py`). What is filled in follows from the other keys or from the data. A text is
a string for every language of the study, or a table of languages, `{ en = "…", zh = "…" }`. A date is 2016,
"2016-03", "2016Q1", "2016-W05", "2016-03-07" or the number of a period.

The shortest panel study:

```toml
title = "Cigarette sales after Proposition 99"
[data]
table = "smoking"
unit = "state"
time = "year"
[treatment]
units = { "California" = 1989 }
[[outcomes]]
column = "cigsale"
```

"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for kind, title in TITLES.items():
        parts.append(f'## {title}\n\n`kind = "{kind}"`. {summary(KINDS[kind])}\n\n')
        known = examples(kind)
        for path, model in tables(KINDS[kind]):
            parts.append(
                f"{heading(path)}| key | type | default | meaning | example |\n|---|---|---|---|---|\n"
            )
            parts += [row(model, name, field, known, path) for name, field in model.model_fields.items()]
            parts.append("\n")
    return "".join(parts).rstrip() + "\n"


def heading(path: str) -> str:
    """The heading of a table of keys, as the table is written in a file."""
    name = f"[[{path.removesuffix('[]')}]]" if path.endswith("[]") else f"[{path}]"
    return f"### `{name.replace('[]', '')}`\n\n".replace("``", "`") if path else ""


def row(model: type[BaseModel], name: str, field: FieldInfo, known: Mapping[str, Any], path: str) -> str:
    """The line of a key."""
    alias = field.validation_alias
    keys = tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field.alias or name,)
    places = (f"{path}.{key}" if path else key for key in keys)
    said, example = meaning(model, name), next((known[place] for place in places if place in known), "")
    filled = field.is_required() and "absent" in said.lower()
    usual = "filled in" if filled else default(field)
    cells = (
        ", ".join(f"`{key}`" for key in keys),
        kind_of(field.annotation),
        usual,
        said,
        "" if inside(field.annotation) else example,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def tables(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """A model and those inside it, with where they stand in a file; ``name[]`` for a list of tables."""
    yield path, model
    for name, field in model.model_fields.items():
        inner = inside(field.annotation)
        if inner is not None and inner is not StaggeredStudy:  # a ledger's own study: it has its section
            mark = "[]" if "tuple" in str(field.annotation) else ""
            yield from tables(inner, f"{path}.{name}{mark}" if path else f"{name}{mark}")


def inside(annotation: Any) -> type[BaseModel] | None:
    """The model of a table in an annotation, or none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None if annotation in (Text, Noun, Nouns) else annotation
    return next((one for one in map(inside, get_args(annotation)) if one is not None), None)


def kind_of(annotation: Any) -> str:
    """A type in words."""
    if annotation in WORDS:
        return WORDS[annotation]
    if annotation is Nouns:
        return "word; `{ one, many }`; or by language"
    origin, args = get_origin(annotation), [one for one in get_args(annotation) if one is not NoneType]
    if origin is Literal:
        return " ".join(f"`{one}`" for one in args if one)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(kind_of, args)))
    if origin is tuple:
        return f"list: {kind_of(args[0])}" if args[-1] is Ellipsis else f"{len(args)} {kind_of(args[0])}s"
    return "table"


def default(field: FieldInfo) -> str:
    """What holds when a key is absent: empty where that depends on the study, as its meaning says."""
    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)  # type: ignore[call-overload]
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value:.10g}`"
    if isinstance(value, str) and value:
        return f"`{value}`"
    if isinstance(value, tuple) and value:
        return ", ".join(f"`{one}`" for one in value)
    return "absent"


def summary(model: type[BaseModel]) -> str:
    """The first sentence of a model's docstring."""
    return (inspect.getdoc(model) or "").split("\n")[0]


def meaning(model: type[BaseModel], name: str) -> str:
    """The docstring below a field, of the model or of the one that it comes from."""
    found = next((docs[name] for docs in map(docstrings, model.__mro__) if name in docs), "")
    return " ".join(found.split()).replace("``", "`")


@cache
def docstrings(model: type) -> dict[str, str]:
    """Names of the fields of a class to the strings that stand below them."""
    if not model.__module__.startswith("evaluation"):
        return {}
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: below.value.value
        for field, below in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
    }


def examples(kind: str) -> dict[str, str]:
    """Place of a key to what a study file has there, the shortest of those that are at hand."""
    found: dict[str, str] = {}
    files = [ROOT / "docs" / "study_example.toml", *sorted((ROOT / "studies").glob("*.toml"))]
    for path in files:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        named = raw.get("kind", "one_place")
        if kind == ("staggered" if named == "panel" else named):
            for place, value in _values(raw):
                shown = _shown(value)
                if shown:
                    found.setdefault(place, shown)
    return found


def _values(raw: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in raw.items():
        place = f"{path}.{key}" if path else key
        yield place, value
        if isinstance(value, dict):
            yield from _values(value, place)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    yield from _values(item, f"{place}[]")


def _shown(value: Any) -> str:
    """A value as it is written in TOML, where it is short and plain; texts in English."""
    if isinstance(value, dict) and set(value) == {"en", "zh"}:
        value = value["en"]
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return ""
    if isinstance(value, dict):
        written = ", ".join(
            tomli_w.dumps({k: v}).strip() for k, v in value.items() if not isinstance(v, dict)
        )
        return f"`{{ {written} }}`" if len(written) < 60 else ""
    written = tomli_w.dumps({"x": value}).removeprefix("x = ").strip()
    written = " ".join(written.split()).replace("[ ", "[").replace(", ]", "]")
    return f"`{written}`" if len(written) < 60 else ""


def main() -> int:
    """Write the page, or say whether it is as it would be written."""
    made = page()
    if "--check" in sys.argv[1:]:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == made
        print("as the models have it" if same else "run python tools/study_reference.py")
        return 0 if same else 1
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
