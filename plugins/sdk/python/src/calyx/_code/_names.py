"""What a piece of syntax refers to."""

from __future__ import annotations

import ast
import builtins
import contextlib
import dis
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any

from ._scopes import COMPREHENSIONS, FUNCTIONS, Comprehension, Function, imported_names, targets, within

#: Built-in functions that reach what the syntax does not show.
DYNAMIC = frozenset({"eval", "exec", "compile", "__import__", "globals", "locals", "vars"})

_FRAMES = frozenset({"__globals__", "f_globals", "f_locals", "f_back"})

#: Functions that import or find what the syntax need not show.
IMPORTING = frozenset(
    {"__import__", "getmodule", "import_module", "spec_from_file_location", "SourceFileLoader", "resolve_name", "run_module", "run_path"}
)

#: The modules that these come from.
_IMPORTERS = frozenset({"importlib", "inspect", "importlib.util", "_frozen_importlib_external", "pkgutil", "runpy"})

#: The built-in functions themselves, which may be known by other names.
_BUILTIN = {name: getattr(builtins, name) for name in sorted(DYNAMIC)}

#: Instructions that look a name up outside of a function.
_LOADS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF"})


@dataclass
class Names:
    """The names that syntax loads, each with the chains of attributes that are taken of it."""

    #: `a.b.c` is "a" with ("b", "c"), a bare `a` is "a" with ().
    loads: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    #: The same for the variables of functions and comprehensions, and under "" for what has no name.
    variables: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    #: Attributes of `super()`.
    supers: set[str] = field(default_factory=set)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    #: Imports that bind variables of functions.
    inner: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    #: Names that `global` statements let it rebind.
    rebinds: set[str] = field(default_factory=set)
    #: Attributes by which it reaches the variables of a module or of who called it.
    frames: set[str] = field(default_factory=set)

    def ordered(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the loads in an order that does not depend on where they stand."""
        return _ordered(self.loads)

    def of_variables(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return what is loaded of variables, in such an order."""
        return _ordered(self.variables)


def _ordered(loads: dict[str, set[tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    return sorted((name, chain) for name, chains in loads.items() for chain in chains)


def names_in(nodes: list[ast.AST]) -> Names:
    """Collect the names in some syntax."""
    visitor = _Visitor()
    for node in nodes:
        visitor.visit(node)
    return visitor.found


def compiled_names(code: CodeType) -> Names:
    """Collect the names in a compiled function, and in what is defined in it."""
    found = Names()
    todo = [code]
    while todo:
        at = todo.pop()
        todo += [c for c in at.co_consts if isinstance(c, CodeType)]
        for instruction in dis.get_instructions(at):
            if instruction.opname in _LOADS:
                found.loads.setdefault(instruction.argval, set()).add(())
            elif instruction.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                found.rebinds.add(instruction.argval)
            elif instruction.opname == "IMPORT_NAME" and instruction.argval:
                found.imports.append(ast.Import([ast.alias(instruction.argval)]))
    return found


class _Visitor:
    """Collects names. Of those that a function, lambda or comprehension binds for itself, none means what it does in the module."""

    def __init__(self) -> None:
        self.found = Names()
        self._bound: frozenset[str] = frozenset()

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Attribute):
            self._attribute(node)
            return
        looked = looked_for(node)
        if looked:  # as if it were imported
            self.found.imports.append(looked)
            return
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Store):
                self._load(node.id, ())
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            (self.found.inner if imported_names(node) <= self._bound else self.found.imports).append(node)
        elif isinstance(node, ast.Global):
            self.found.rebinds.update(node.names)
        if isinstance(node, FUNCTIONS):
            self._function(node)
        elif isinstance(node, COMPREHENSIONS):
            self._comprehension(node)
        else:
            if isinstance(node, ast.AnnAssign):
                self._quoted(node.annotation)
            for child in ast.iter_child_nodes(node):
                self.visit(child)

    def _load(self, name: str, chain: tuple[str, ...]) -> None:
        names = self.found.variables if name in self._bound else self.found.loads
        names.setdefault(name, set()).add(chain)

    def _attribute(self, node: ast.Attribute) -> None:
        base, chain = _chain(node)
        self.found.frames.update(_FRAMES.intersection(chain))
        if isinstance(base, ast.Name):
            self._load(base.id, chain)
        elif isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "super":
            self.found.supers.add(chain[0])
            for argument in base.args:
                self.visit(argument)
        elif isinstance(base, ast.Call) and isinstance(base.func, ast.Name) and base.func.id == "type" and len(base.args) == 1:
            self._attribute(_attribute(base.args[0], "__class__", *chain))
        else:
            self.found.variables.setdefault("", set()).add(chain)
            self.visit(base)

    def _function(self, node: Function) -> None:
        inside = node.body if isinstance(node.body, list) else [node.body]
        for child in ast.iter_child_nodes(node):  # decorators, defaults and annotations are the surroundings'
            if child not in inside:
                self.visit(child)
        for annotation in (*(getattr(a, "annotation", None) for a in ast.walk(node.args)), getattr(node, "returns", None)):
            if annotation is not None:
                self._quoted(annotation)
        self._inside(inside, within(node, self._bound))

    def _comprehension(self, node: Comprehension) -> None:
        first = node.generators[0].iter
        self.visit(first)  # it is evaluated outside
        inside = [c for g in node.generators for c in (g.target, g.iter, *g.ifs) if c is not first]
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._inside([*inside, *results], self._bound | targets(node))

    def _inside(self, nodes: Sequence[ast.AST], bound: frozenset[str]) -> None:
        around, self._bound = self._bound, bound
        for node in nodes:
            self.visit(node)
        self._bound = around

    def _quoted(self, annotation: ast.AST) -> None:
        """Collect the names in annotations that are text, which typing.get_type_hints looks up."""
        for node in ast.walk(annotation):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                with contextlib.suppress(SyntaxError, ValueError):
                    self.visit(ast.parse(node.value.strip(), mode="eval").body)


def looked_for(node: ast.AST) -> ast.Import | None:
    """Return the import of what importlib.util.find_spec is asked for, where the syntax shows that."""
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return None
    function, first = node.func, node.args[0]
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name != "find_spec" or not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    return ast.Import([ast.alias(first.value)]) if all(part.isidentifier() for part in first.value.split(".")) else None


def _attribute(base: ast.expr, first: str, *more: str) -> ast.Attribute:
    at = ast.Attribute(base, first, ast.Load())
    for name in more:
        at = ast.Attribute(at, name, ast.Load())
    return at


def _chain(node: ast.Attribute) -> tuple[ast.AST, tuple[str, ...]]:
    chain: list[str] = []
    at: ast.AST = node
    while isinstance(at, ast.Attribute):
        chain.append(at.attr)
        at = at.value
    return at, tuple(reversed(chain))


def dynamic(value: Any, chain: tuple[str, ...]) -> str:
    """Return by which name, if any, what a name stands for reaches what the syntax does not show, under whatever name it is known."""
    while chain and isinstance(value, ModuleType):
        value, chain = vars(value).get(chain[0]), chain[1:]
    if value is sys.modules:
        return "sys.modules"
    own = getattr(value, "__name__", None) if callable(value) else None
    if not isinstance(own, str):
        return ""
    known = _BUILTIN.get(own) is value or (own in IMPORTING and getattr(value, "__module__", "") in _IMPORTERS)
    return f"{own}()" if known else ""


def imports_dynamic(statement: ast.Import | ast.ImportFrom) -> list[str]:
    """Return what a statement imports that reaches what the syntax does not show, whatever it is called then."""
    if isinstance(statement, ast.Import):
        return []
    names = [alias.name for alias in statement.names]
    if statement.module == "sys":
        return ["sys.modules"] if "modules" in names else []
    return [f"{name}()" for name in names if name in IMPORTING or (statement.module == "builtins" and name in DYNAMIC)]


def effects(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements of a module that do more than bind names: they count for all that is in it."""
    return [s for s in tree.body if not _only_binds(s) and not _is_docstring(s, tree) and not _is_main_guard(s)]


def _only_binds(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Pass)):
        return True
    if isinstance(statement, ast.Assign):
        return all(isinstance(t, (ast.Name, ast.Tuple, ast.List)) for t in statement.targets)
    if isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        return isinstance(statement.target, ast.Name)
    if isinstance(statement, ast.Try):
        bodies = [statement.body, statement.orelse, statement.finalbody, *(h.body for h in statement.handlers)]
        return all(_only_binds(s) for body in bodies for s in body)
    if isinstance(statement, ast.If):
        return all(_only_binds(s) for s in statement.body + statement.orelse)
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_docstring(statement: ast.stmt, tree: ast.Module) -> bool:
    return statement is tree.body[0] and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_main_guard(statement: ast.stmt) -> bool:
    """Tell whether it is `if __name__ == "__main__":`, or a call of serve(), which is how a plugin starts and no node's code."""
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Compare):
        left = statement.test.left
        return isinstance(left, ast.Name) and left.id == "__name__"
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        return name == "serve"
    return False
