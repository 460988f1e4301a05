"""Which files a page rests on: names are followed through packages, kinds apart from each other."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from evaluation import study
from evaluation.analysis.kinds import KINDS
from evaluation.pipeline.changes.closure import HERE, Code
from evaluation.pipeline.changes.imports import Use, facts_of

CODE = "x = 1\n"
FILES = {
    "__init__.py": "def __getattr__(name):\n    return import_module('evaluation.' + 'lazy')\n",
    "lazy.py": CODE,
    "tools/__init__.py": "from evaluation.tools.one import first\nfrom evaluation.tools.two import second\n",
    "tools/one.py": f"from evaluation.deep import used\n{CODE}",
    "tools/two.py": CODE,
    "tools/words.toml": "",
    "deep.py": f"if TYPE_CHECKING:\n    from evaluation import only_types\n{CODE}",
    "only_types.py": CODE,
    "study/__init__.py": "",
    "study/kinds.py": f"from evaluation.study.a import A\nfrom evaluation.study.b import B\n{CODE}",
    "study/a.py": CODE,
    "study/b.py": CODE,
    "analysis/__init__.py": "",
    "analysis/kinds/__init__.py": "import evaluation.deep\n"
    "def b():\n    from evaluation.analysis.kinds.b import B\n"
    "def a():\n    from evaluation.analysis.kinds.a import A\n",
    "analysis/kinds/a.py": CODE,
    "analysis/kinds/b.py": f"from evaluation.c import C\n{CODE}",
    "a.py": CODE,
    "c.py": CODE,
    "page/__init__.py": "",
    "page/maker.py": "def make():\n    from evaluation.tools import two\n",
    "page/template/sheet.css": "",
}


@pytest.fixture
def code(tmp_path: Path) -> Code:
    """A small package."""
    for name, text in FILES.items():
        path = tmp_path / "evaluation" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Code(tmp_path / "cache.json", tmp_path / "evaluation")


def followed(code: Code, text: str, kind: str = "a") -> set[str]:
    return {path.relative_to(code.package).as_posix() for path in code.files(code.text_uses(text), kind)}


ALWAYS = {"__init__.py", "lazy.py"}


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("from evaluation.tools import second", {"tools/two.py", "tools/words.toml"}),
        ("from evaluation import tools\ntools.second()", {"tools/two.py", "tools/words.toml"}),
        ("from evaluation.tools import first", {"tools/one.py", "tools/words.toml", "deep.py"}),
        (
            "from evaluation import tools\nprint(tools)",
            {"tools/one.py", "tools/two.py", "tools/words.toml", "deep.py"},
        ),
        (
            "import evaluation.page.maker",
            {"page/maker.py", "page/template/sheet.css", "tools/two.py", "tools/words.toml"},
        ),
        ("import numpy", set()),
    ],
)
def test_names_are_followed_to_where_they_come_from(code: Code, text: str, files: set[str]) -> None:
    assert followed(code, text) == (files | ALWAYS if files else set())


def test_a_registry_is_followed_for_its_own_kind(code: Code) -> None:
    text = "from evaluation.study.kinds import KINDS"
    assert followed(code, text, "a") == {"study/kinds.py", "study/a.py", *ALWAYS}
    assert followed(code, text, "b") == {"study/kinds.py", "study/b.py", *ALWAYS}
    text = "from evaluation.analysis import kinds\nkinds.KINDS"
    both = {"analysis/kinds/__init__.py", "deep.py", *ALWAYS}
    assert followed(code, text, "a") == {"analysis/kinds/a.py", *both}
    assert followed(code, text, "b") == {"analysis/kinds/b.py", "c.py", *both}


def test_every_kind_of_study_is_served_by_modules_that_are_named_as_it_is() -> None:
    """What the runner takes for the files of a kind are those that the kind is made of."""
    assert set(KINDS) == set(study.KINDS) == Code().kinds
    for name, find in KINDS.items():
        kind = find()
        assert kind.model is study.KINDS[name]
        assert kind.model.__module__ == f"evaluation.study.{name}"
        assert kind is import_module(f"evaluation.analysis.kinds.{name}").KIND


def test_what_was_found_is_remembered_by_content(code: Code) -> None:
    text = "from evaluation.tools import first"
    before = followed(code, text)
    code.remember()
    again = Code(code._cache, code.package)
    assert followed(again, text) == before
    assert not again._new
    (code.package / "deep.py").write_text(f"from evaluation import a\n{CODE}")
    changed = Code(code._cache, code.package)
    assert followed(changed, text) == before | {"a.py"}


def test_relative_imports_and_code_that_does_not_parse(code: Code) -> None:
    (code.package / "tools" / "one.py").write_text(f"from .two import x\nfrom ..a import y\n{CODE}")
    (code.package / "a.py").write_text("def broken(:\n")
    assert {"tools/two.py", "a.py"} <= followed(code, "from evaluation.tools import first")


def test_facts_say_how_a_module_is_used() -> None:
    facts = facts_of("from evaluation import analysis as a\na.one(a.two)\n", "x", "evaluation")
    assert facts.uses == (Use("evaluation", "analysis", "a", ("one", "two")),)
    assert not facts.plain


def test_the_pages_of_this_project_rest_on_what_they_use() -> None:
    code = Code()
    text = "from evaluation import analysis\nfrom evaluation.report.sections import one_place\n"
    text += "analysis.headline\none_place.answer"
    files = {path.relative_to(HERE).as_posix() for path in code.files(code.text_uses(text), "staggered")}
    assert {"analysis/change.py", "numerics/demean.py", "report/sections/one_place/answer.py"} <= files
    assert {
        "report/text/zh/one_place/answer.j2",
        "report/text/labels/one_place.toml",
        "report/words_zh.py",
    } <= files
    assert not {path for path in files if path.startswith("pipeline/")}
    assert "report/sections/bulletin/answer.py" not in files
