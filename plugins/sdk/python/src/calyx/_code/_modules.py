"""Modules: whose they are, and their sources as syntax trees."""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Sequence
from types import CodeType

from .._places import belongs, file_of_module, is_projects_module
from ._parts import Place

__all__ = ["Source", "belongs", "file_of_module", "is_projects_module"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


class Source:
    """One file of Python."""

    def __init__(self, path: str) -> None:
        self.path = path
        with open(path, "rb") as f:
            text = f.read()
        self.tree = ast.parse(text, path)
        self.text = text.decode("utf-8", "replace")
        self._lines = self.text.splitlines(keepends=True)
        self._definitions: dict[tuple[str, int], list[Definition]] = {}
        self._classes: dict[str, ast.ClassDef] = {}
        self._index(self.tree, "")
        self.bindings = bindings(self.tree.body)

    def _index(self, node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = prefix
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                first = min([d.lineno for d in child.decorator_list] + [child.lineno])
                self._definitions.setdefault((child.name, first), []).append(child)
                inner = f"{prefix}{child.name}."
                if isinstance(child, ast.ClassDef):
                    self._classes[prefix + child.name] = child
                else:
                    inner += "<locals>."
            elif isinstance(child, ast.Lambda):
                self._definitions.setdefault(("<lambda>", child.lineno), []).append(child)
            self._index(child, inner)

    def function(self, code: CodeType) -> list[Definition]:
        """Return the definitions that a code object may come from: several only for lambdas in one line."""
        return self._definitions.get((code.co_name, code.co_firstlineno), [])

    def holds(self, code: CodeType) -> bool:
        """Tell whether what runs is what stands in the file: that may have been edited since, or be a cell's."""
        return any(code == c for c in self._compiled.get((code.co_name, code.co_firstlineno), ()))

    @functools.cached_property
    def _compiled(self) -> dict[tuple[str, int], list[CodeType]]:
        found: dict[tuple[str, int], list[CodeType]] = {}
        todo = [compile(self.text, self.path, "exec", dont_inherit=True)]
        while todo:
            code = todo.pop()
            found.setdefault((code.co_name, code.co_firstlineno), []).append(code)
            todo += [c for c in code.co_consts if isinstance(c, CodeType)]
        return found

    def place(self, name: str, definitions: Sequence[ast.stmt | ast.expr]) -> Place:
        """Return where definitions stand, with their text; name is that within the module."""
        spans = [(min([d.lineno, *(x.lineno for x in getattr(d, "decorator_list", ()))]), d.end_lineno or d.lineno) for d in definitions]
        text = "".join("".join(self._lines[first - 1 : last]) for first, last in spans)
        stem = os.path.splitext(os.path.basename(self.path))[0]
        return Place(f"{stem}.{name}", self.path, spans[0][0], text)

    def statements(self, name: str) -> list[ast.stmt]:
        """Return the statements that bind a name: one of the module, or, after the name of a class and a dot, one of its body. What
        none binds may come from a module that is imported with all it has, or from `__getattr__`.
        """
        owner, _, attribute = name.rpartition(".")
        definition = self.class_(owner)
        if definition is not None:
            return bindings(definition.body).get(attribute, [])
        return self.bindings.get(name) or [*self.bindings.get("*", []), *self.bindings.get("__getattr__", [])]

    def class_(self, qualified: str) -> ast.ClassDef | None:
        """Return the definition of a class."""
        return self._classes.get(qualified)


def bindings(body: list[ast.stmt]) -> dict[str, list[ast.stmt]]:
    """Return the statements of a body that bind each name, also those within `if`, `try` and `with`."""
    found: dict[str, list[ast.stmt]] = {}
    for statement in body:
        for name in _bound(statement):
            found.setdefault(name, []).append(statement)
    return found


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    names = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(a.asname or a.name.partition(".")[0]) for a in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
    return names
