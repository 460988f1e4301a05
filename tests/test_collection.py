"""Every process collects the same tests in the same order: workers that differ stop the whole run.

To collect twice takes half a minute, so what would make two processes differ is looked for in the code.
"""

from __future__ import annotations

import ast
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

UNORDERED = {"set", "frozenset", "glob", "rglob", "iterdir", "listdir", "scandir", "walk", "__subclasses__"}
"""Their order is that of hashes, of a disk, or of imports; within ``sorted`` it is not."""
OTHER_EACH_TIME = {
    "now",
    "today",
    "time",
    "time_ns",
    "monotonic",
    "perf_counter",
    "uuid1",
    "uuid4",
    "urandom",
}
OTHER_EACH_TIME |= {
    "random",
    "token_hex",
    "token_bytes",
    "mkdtemp",
    "mkstemp",
    "gettempdir",
    "getpid",
    "id",
    "hash",
}
OTHER_WITHOUT = {"compress": "mtime", "GzipFile": "mtime", "default_rng": "", "Random": ""}
"""Alike in every process only with this argument, or with any."""


def parametrised(tree: ast.Module) -> Iterator[ast.AST]:
    """What goes into names and order of tests: arguments of ``parametrize`` and ``fixture(params=...)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "parametrize":
                yield from (*node.args, *(word.value for word in node.keywords))
            elif node.func.attr == "fixture":
                yield from (word.value for word in node.keywords if word.arg in ("params", "ids"))


def faults(node: ast.AST, known: dict[str, ast.AST], ordered: bool = False) -> Iterator[str]:
    """What differs between two processes, in an expression and in the names of its module that it uses.

    A set that is itself a value is called by its place in the list; one that is gone through is not.
    """
    if isinstance(node, ast.Lambda):
        return
    if isinstance(node, ast.Name) and node.id in known:
        value = known[node.id]
        yield from faults(value, {name: one for name, one in known.items() if name != node.id}, ordered)
    if isinstance(node, ast.Set | ast.SetComp) and not ordered:
        yield f"line {node.lineno}: a set"
    called = ""
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = {word.arg for word in node.keywords}
        if called in UNORDERED and not ordered and (node.args or called not in ("set", "frozenset")):
            yield f"line {node.lineno}: {called}() without sorted()"
        if called in OTHER_EACH_TIME:
            yield f"line {node.lineno}: {called}()"
        needs = OTHER_WITHOUT.get(called)
        if needs is not None and needs not in words and not (needs == "" and (node.args or words)):
            yield f"line {node.lineno}: {called}() without {needs or 'a seed'}"
    inside = ordered or called in ("sorted", "len", "sum", "min", "max")
    for child in ast.iter_child_nodes(node):
        value_itself = isinstance(node, ast.List | ast.Tuple | ast.Dict) or called == "param"
        if value_itself and isinstance(child, ast.Set | ast.SetComp):
            continue
        yield from faults(child, known, inside)


def found(text: str) -> list[str]:
    tree = ast.parse(text)
    known: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            known.update({target.id: node.value for target in node.targets if isinstance(target, ast.Name)})
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            known[node.target.id] = node.value
    return [fault for argument in parametrised(tree) for fault in faults(argument, known)]


def test_no_test_is_named_or_ordered_by_chance(root: Path) -> None:
    files = sorted((root / "tests").rglob("*.py"))
    assert len(files) > 100
    assert {
        str(path.relative_to(root)): told for path in files if (told := found(path.read_text("utf-8")))
    } == {}


@pytest.mark.parametrize(
    ("argument", "fault"),
    [
        ("[1, 2]", ""),
        ("sorted({1, 2})", ""),
        ("[lambda: time.time()]", ""),
        ("[{1, 2}, (set(), {4: {5, 6}})]", ""),
        ("{1, 2}", "line 2: a set"),
        ("[*{1, 2}]", "line 2: a set"),
        ("[x for x in {1, 2}]", "line 2: a set"),
        ("NAMES", "line 1: a set"),
        ("[*NAMES]", "line 1: a set"),
        ("Path('x').glob('*')", "line 2: glob() without sorted()"),
        ("[gzip.compress(b'')]", "line 2: compress() without mtime"),
        ("[gzip.compress(b'', mtime=0)]", ""),
        ("[datetime.now()]", "line 2: now()"),
        ("default_rng().normal(size=2)", "line 2: default_rng() without a seed"),
        ("default_rng(1).normal(size=2)", ""),
        ("[1], ids=set('a')", "line 2: set() without sorted()"),
    ],
)
def test_what_differs_is_found(argument: str, fault: str) -> None:
    told = found(f"NAMES = {{'a', 'b'}}\n@pytest.mark.parametrize('x', {argument})\ndef test(x): ...\n")
    assert told == ([fault] if fault else [])


def test_no_test_is_named_after_this_process(request: pytest.FixtureRequest, root: Path) -> None:
    """An object without a name of its own, or a folder of this machine."""
    strange = (" at 0x", str(root), tempfile.gettempdir() + "/")
    names = [item.nodeid.partition("[")[2] for item in request.session.items]
    assert [name for name in names if any(part in name for part in strange)] == []
