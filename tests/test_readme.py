"""The READMEs say what the data give."""

from __future__ import annotations

import importlib.util

import pytest

from evaluation import analysis
from evaluation.study import list_studies


@pytest.fixture(scope="module")
def tool(root):
    spec = importlib.util.spec_from_file_location("readme_tool", root / "tools" / "readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_answer_in_the_readme_is_that_of_the_data(tool, root, language):
    block, pictures = tool.answer_block(analysis.prepare(tool.STUDY, root=root), language)
    text = (root / tool.FILES[language]).read_text(encoding="utf-8")
    assert text == tool.readme(language, block), "run python tools/readme.py"
    for name in list_studies(root):
        assert f"| `{name}` |" in text
    for path in pictures:
        assert (root / path).is_file()
        assert path in text
