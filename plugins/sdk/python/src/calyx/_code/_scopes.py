"""Which names a function, lambda or comprehension binds for itself: none of them means anything of the module."""

from __future__ import annotations

import ast

Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def within(function: Function, visible: frozenset[str]) -> frozenset[str]:
    """Return the names that are variables of a function or of one around it, where visible are those of the latter."""
    found = _Bound()
    for node in function.body if isinstance(function.body, list) else [function.body]:
        found.visit(node)
    a = function.args
    parameters = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    names = {p.arg for p in parameters} | {getattr(t, "name", "") for t in getattr(function, "type_params", ())}
    return (visible | found.names | names) - found.elsewhere


def targets(comprehension: Comprehension) -> set[str]:
    """Return the names that a comprehension binds."""
    nodes = [node for generator in comprehension.generators for node in ast.walk(generator.target)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def imported_names(statement: ast.Import | ast.ImportFrom) -> set[str]:
    """Return the names that an import binds."""
    return {alias.asname or alias.name.partition(".")[0] for alias in statement.names}


class _Bound(ast.NodeVisitor):
    """Collects what the statements of one function bind, without those of what is defined in it."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        #: What `global` says. What `nonlocal` says is a variable of a function around.
        self.elsewhere: set[str] = set()

    def generic_visit(self, node: ast.AST) -> None:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.names.add(node.name)
        elif isinstance(node, COMPREHENSIONS):  # what := binds in it is bound around it
            walked = [n.target.id for n in ast.walk(node) if isinstance(n, ast.NamedExpr)]
            self.names.update(walked)
        elif isinstance(node, ast.Global):
            self.elsewhere.update(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self.names |= imported_names(node)
        elif not isinstance(node, ast.Lambda):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                self.names.add(node.id)
            elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name is not None:
                self.names.add(node.name)
            elif isinstance(node, ast.MatchMapping) and node.rest is not None:
                self.names.add(node.rest)
            super().generic_visit(node)
