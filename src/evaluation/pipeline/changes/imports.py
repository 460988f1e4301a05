"""What a Python file takes from this package, read from its text without running it."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Use:
    """One name that a file takes from a module.

    Attributes
    ----------
    module : str
    name : str, optional
        None for the module itself.
    bound : str
        What the file calls it.
    attributes : tuple of str, optional
        Which of its attributes are named, where it is used in no other way; else None.
    """

    module: str
    name: str | None
    bound: str
    attributes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Facts:
    """What a file uses, and whether it is nothing but a list of names from elsewhere.

    Attributes
    ----------
    uses : tuple of Use
    plain : bool
        The file has a docstring, imports and ``__all__`` and nothing more: whoever takes one name from it
        depends on where that name comes from, not on the others.
    """

    uses: tuple[Use, ...] = ()
    plain: bool = False

    def gives(self, name: str) -> Use | None:
        """Where a plain file has a name from."""
        return next((use for use in self.uses if use.bound == name), None)


def facts_of(text: str, module: str, package: str) -> Facts:
    """Read a file.

    Parameters
    ----------
    text : str
        Its Python code.
    module : str
        Its dotted name; for a package's ``__init__.py`` that of the package with ``.__init__``.
    package : str
        Only uses of this package count.

    Raises
    ------
    SyntaxError
    """
    tree = ast.parse(text)
    skipped = {id(node) for block in ast.walk(tree) if _only_for_types(block) for node in ast.walk(block)}
    nodes = [node for node in ast.walk(tree) if id(node) not in skipped]
    attributes, bare = _names(nodes)
    uses: list[Use] = []
    found: list[tuple[str, str | None, str]]
    for node in nodes:
        if isinstance(node, ast.Import):
            # `import a.b.c` binds a, and any part of it may be used: the module as a whole
            found = [(alias.name, None, alias.asname or alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, module)
            found = [(source, alias.name, alias.asname or alias.name) for alias in node.names]
        else:
            continue
        for source, name, bound in found:
            if source == package or source.startswith(package + "."):
                named = None if bound in bare or name is None else tuple(sorted(attributes.get(bound, ())))
                uses.append(Use(source, name, bound, named))
    uses += _by_string(nodes, module, package)
    return Facts(tuple(uses), all(map(_lists_names, tree.body)))


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _names(nodes: list[ast.AST]) -> tuple[dict[str, set[str]], set[str]]:
    """Attributes taken of each name, and names that are used as they are."""
    attributes: dict[str, set[str]] = {}
    inside = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            attributes.setdefault(node.value.id, set()).add(node.attr)
            inside.add(id(node.value))
    return attributes, {node.id for node in nodes if isinstance(node, ast.Name) and id(node) not in inside}


def _absolute(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    parent = module.split(".")[: -node.level]
    return ".".join([*parent, *([node.module] if node.module else [])])


def _by_string(nodes: list[ast.AST], module: str, package: str) -> list[Use]:
    """Modules beside this one that are imported by a name put together at run time."""
    called = {node.id for node in nodes if isinstance(node, ast.Name)}
    called |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    if "import_module" not in called:
        return []
    beside = module.rpartition(".")[0]
    words = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return [Use(f"{beside}.{word}", None, "") for word in sorted(words) if word.isidentifier()]


def _lists_names(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
