"""What functions consist of and reach: their code, defaults and attributes, and whatever their names stand for."""

from __future__ import annotations

import abc
import ast
import builtins
import copy
import functools
import hashlib
import inspect
import os
import sys
import typing
from types import FunctionType, ModuleType
from typing import Any

from .._declare import Node, Pipeline
from .._types import type_name
from ._constants import constant_digest
from ._held import subclasses
from ._modules import Definition, Source, belongs, is_projects_module
from ._names import DYNAMIC, IMPORTING, Names, compiled_names, dynamic, imports_dynamic, names_in
from ._parts import cell_place
from ._reached import Files, dump
from ._units import Scope, Target, Unit, Where, attribute_of

_SUBCLASSES = "__subclasses__"
#: What functools.singledispatch remembers of its calls.
_CACHES = frozenset({"dispatch_cache", "cache_token"})


class Functions(Files):
    """The part of Identity that concerns functions."""

    @abc.abstractmethod
    def _value(self, value: Any, where: Where | None, owner: type[Any] | None = None) -> list[Target]:
        """Return what stands for a value that code reaches."""

    @abc.abstractmethod
    def _class(self, kind: type[Any]) -> Target:
        """Stand for a class."""

    def _function(self, function: FunctionType, owner: type[Any] | None) -> Target:
        path = function.__code__.co_filename
        if belongs(path) != "project" and (os.path.exists(path) or path.startswith("<frozen")):
            targets = self._foreign(function.__module__ or "")
            wrapped = getattr(function, "__wrapped__", None)
            unit = Unit("foreign")
            unit.refer("", targets + (self._value(wrapped, None, owner) if wrapped is not None else []))
            for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
                if name not in _CACHES:
                    unit.refer("cell", self._cell(unit, cell))
            return unit
        key = (id(function), owner)
        if key not in self._units:
            self._units[key] = Unit("", keep=function)
            self._fill_function(self._units[key], function, owner)
        return self._units[key]

    def _fill_function(self, unit: Unit, function: FunctionType, owner: type[Any] | None) -> None:
        code = function.__code__
        module = sys.modules.get(function.__module__)
        source = self._source(code.co_filename)
        definitions = self._definitions(source, function)
        self._refer_attributes(unit, function)
        if source and definitions:
            qualified = getattr(code, "co_qualname", function.__qualname__)  # functools.wraps gives a wrapper the name of what it wraps
            unit.place = source.place(qualified.replace("<locals>.", ""), definitions)
        scope = Scope(module, function.__globals__, dict(zip(code.co_freevars, function.__closure__ or (), strict=True)))
        first = code.co_varnames[0] if code.co_argcount else None
        if not definitions:
            if not os.path.exists(function.__code__.co_filename):
                unit.place = cell_place(function.__qualname__.replace("<locals>.", ""), function)
            unit.text = f"code {_code_text(function.__code__)}"
            unit.notes.append(f"the source of {function.__qualname__} was not found; its compiled form counts")
            names = compiled_names(function.__code__)
            names.loads.update({n: {()} for n in scope.closure})
            if first is not None:
                names.variables[first] = {()}
            self._refer_names(unit, names, scope)
            self._refer_variables(unit, names, module, first, owner)
            self._refer_annotations(unit, function)
        for definition in definitions:
            plain = _anonymous(definition, scope.namespace)
            unit.text += dump(plain)
            names = names_in([plain])
            self._refer_names(unit, names, scope)
            self._refer_variables(unit, names, module, first, owner)
            self._refer_supers(unit, names, function, owner)
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            unit.refer("__wrapped__", self._value(wrapped, None, owner))
        if module is not None and source is not None:
            unit.refer("module", self._effects(module, source))

    def _definitions(self, source: Source | None, function: FunctionType) -> list[Definition]:
        """Return the definitions that a function may come from; none where its file says something else by now."""
        if source is None or (self._late and not source.holds(function.__code__)):
            return []
        return source.function(function.__code__)

    def _refer_attributes(self, unit: Unit, function: FunctionType) -> None:
        """Count what a function has besides its code: defaults and attributes, which may be set at any time."""
        own = vars(function)
        unit.watched.shape(lambda: (function.__code__, function.__defaults__, function.__kwdefaults__, *own, *own.values()))
        for i, value in enumerate(function.__defaults__ or ()):
            unit.refer(f"default {i}", self._value(value, None))
        keywords = function.__kwdefaults__
        if keywords is not None:
            unit.watched.shape(lambda: (*keywords, *keywords.values()))
            for name in sorted(keywords):
                unit.refer(f"default {name}", self._value(keywords[name], None))
        for name in sorted(own):
            if name != "__wrapped__":
                unit.refer(f"attribute {name}", self._value(own[name], None))

    def _refer_annotations(self, unit: Unit, annotated: Any) -> None:
        """Count the annotations of a class or function that no source shows."""
        try:
            todo = [(f"annotation {name}", part) for name, part in inspect.get_annotations(annotated).items()]
        except Exception:  # they are looked up late, and something is not there
            return
        while todo:
            label, part = todo.pop()
            inner = typing.get_args(part)
            todo += ((f"{label} {i}", p) for i, p in enumerate(inner))
            if inner or type(part).__module__ == "typing":
                unit.refer(label, [f"type {typing.get_origin(part) or part!r}"])
            else:
                unit.refer(label, [type_name(part)] if isinstance(part, type) else [])
                unit.refer(label, self._value(part, None))

    def _refer_names(self, unit: Unit, names: Names, scope: Scope) -> None:
        module, namespace, closure = scope
        widening: dict[str, None] = {}
        for name, chain in names.ordered():
            label = ".".join((name, *chain))
            if name in closure:
                unit.refer(label, self._cell(unit, closure[name], chain))
            elif name in namespace:
                unit.watched.name(namespace, name)
                widening[dynamic(namespace[name], chain)] = None
                unit.refer(label, self._chain(unit, namespace[name], chain, Where(module, name) if module else None))
            elif name in DYNAMIC and hasattr(builtins, name):
                unit.watched.name(namespace, name)
                widening[f"{name}()"] = None
            elif not hasattr(builtins, name):
                unit.watched.name(namespace, name)
        for statement in names.imports:
            unit.refer("import", [t for path in self._imports.targets(statement, module) for t in self._imported(path)])
        for statement in names.inner:
            self._refer_inner(unit, statement, names, module)
        for statement in (*names.imports, *names.inner):
            widening.update(dict.fromkeys(imports_dynamic(statement)))
        for name, chain in (*names.ordered(), *names.of_variables()):
            if (chain or (name,))[-1] in IMPORTING:
                widening[f"{(chain or (name,))[-1]}()"] = None
            elif name == "sys" and chain[:1] == ("modules",):
                widening["sys.modules"] = None
        widening.update(dict.fromkeys(sorted(names.frames)))
        for because in filter(None, widening):
            self._widen(unit, module, because)
        for name in sorted(names.rebinds):
            unit.watched.name(namespace, name)
            unit.notes.append(f"the global {name} is set while nodes run: what it holds then is not seen")

    def _refer_inner(self, unit: Unit, statement: ast.Import | ast.ImportFrom, names: Names, module: ModuleType | None) -> None:
        """Count what a function imports for itself: of modules that are loaded what is taken of them, and others as a whole."""
        for name, base, chain, targets, loaded in self._imports.each(statement, module):
            for target in targets:
                source = self._source(target) if target in loaded else None
                unit.refer("import", self._effects(loaded[target], source) if source else self._imported(target))
            if base is None or not is_projects_module(base):
                continue
            if len(loaded) < len(targets) and chain and not hasattr(base, chain[0]):
                continue  # it is a module of its own, which is not loaded
            for more in sorted(names.variables.get(name, ())):
                unit.refer(".".join((name, *more)), self._chain(unit, base, (*chain, *more), None))

    def _refer_variables(self, unit: Unit, names: Names, module: ModuleType | None, first: str | None, owner: type[Any] | None) -> None:
        """Count what a function reaches through its variables: a method's first parameter has the members of the class owner."""
        of_classes = False
        for name, chain in names.of_variables():
            its = owner if name == first else None
            if its is not None:
                unit.refer(".".join((name, *chain)), self._member(unit, its, chain))
            of_classes |= _SUBCLASSES in (chain if its is None else chain[1:])
        if of_classes:
            self._widen(unit, module, f"{_SUBCLASSES}()")

    def _chain(self, unit: Unit, value: Any, chain: tuple[str, ...], where: Where | None) -> list[Target]:
        """Follow attributes through modules to what is really meant."""
        while chain and isinstance(value, ModuleType):
            if not is_projects_module(value):
                return self._foreign(value.__name__)
            unit.watched.name(vars(value), chain[0])
            if not hasattr(value, chain[0]):
                return self._module(value)
            where = Where(value, chain[0])
            value, chain = getattr(value, chain[0]), chain[1:]
        if isinstance(value, Node):
            return self._node(value, chain)
        if chain and isinstance(value, type) and issubclass(value, Pipeline):
            member = inspect.getattr_static(value, chain[0], None)
            if isinstance(member, Node):
                return self._value(value, where) + self._node(member, chain[1:])
        if chain[:1] == (_SUBCLASSES,) and isinstance(value, type):
            return self._value(value, where) + self._subclasses(unit, value)
        return self._value(value, where)

    def _node(self, node: Node, chain: tuple[str, ...]) -> list[Target]:
        """Stand for what is taken of a node: to call it is a need, which is observed, and all else is its function's."""
        return self._value(node.function, None, node.owner) if chain and chain[0] != "aio" else []

    def _subclasses(self, unit: Unit, kind: type[Any]) -> list[Target]:
        """Stand for the classes that derive from one: none of them need be named where they are used."""
        unit.watched.shape(lambda: tuple(subclasses(kind)))
        return [t for derived in subclasses(kind) for t in self._value(derived, None)]

    def _cell(self, unit: Unit, cell: Any, chain: tuple[str, ...] = ()) -> list[Target]:
        unit.watched.shape(lambda: (content(cell),))
        return self._chain(unit, content(cell), chain, None)

    def _member(self, unit: Unit, owner: type[Any], chain: tuple[str, ...]) -> list[Target]:
        """Stand for what a method reaches through self: one member, or all of them where self goes elsewhere."""
        if not chain:
            return [self._class(owner)]
        if chain[0] == "__class__":
            shown = len(chain) > 1 and inspect.getattr_static(owner, chain[1], None) is not None
            return self._member(unit, owner, chain[1:]) if shown else [self._class(owner)]
        if chain[0] == _SUBCLASSES:
            return self._subclasses(unit, owner)
        if chain[0].startswith("__") and not chain[0].endswith("__"):  # Python puts the name of the class before it
            private = dict.fromkeys(f"_{base.__name__.lstrip('_')}{chain[0]}" for base in owner.__mro__)
            return [t for name in private for t in self._member(unit, owner, (name, *chain[1:]))]
        for base in owner.__mro__:
            if base is not Pipeline and base is not object:
                unit.watched.name(vars(base), chain[0])
        member = inspect.getattr_static(owner, chain[0], None)
        if isinstance(member, Node):
            return self._node(member, chain[1:])
        if member is None:
            return self._hooks(unit, owner)
        where = next((attribute_of(base, chain[0]) for base in owner.__mro__ if chain[0] in vars(base)), None)
        if isinstance(member, (FunctionType, staticmethod, classmethod, property)):
            return self._value(member, where, owner)
        if hasattr(member, "func") and isinstance(member, functools.cached_property):
            return self._value(member.func, where, owner)
        return self._value(member, where) if constant_digest(member) is not None else [self._class(owner)]

    def _hooks(self, unit: Unit, owner: type[Any]) -> list[Target]:
        """Stand for what gives an object attributes that its class does not show."""
        found: list[Target] = []
        for base in owner.__mro__:
            if base is not Pipeline and base is not object:
                for hook in ("__getattr__", "__getattribute__"):
                    unit.watched.name(vars(base), hook)
                    if hook in vars(base):
                        found += self._value(vars(base)[hook], None, owner)
        return found

    def _refer_supers(self, unit: Unit, names: Names, function: FunctionType, owner: type[Any] | None) -> None:
        if owner is None:
            return
        if "super" in names.loads:  # what is taken of it is not known
            unit.refer("super", [self._class(owner)])
        defining = next((c for c in owner.__mro__ if function in map(_function_of, vars(c).values())), owner)
        after = owner.__mro__[owner.__mro__.index(defining) + 1 :]
        for name in sorted(names.supers):
            for base in after:
                unit.watched.name(vars(base), name)
            its = next((c for c in after if name in vars(c)), None)
            if its is not None and not isinstance(vars(its)[name], Node):
                unit.refer(f"super.{name}", self._value(vars(its)[name], attribute_of(its, name), owner))


def _anonymous(definition: Any, namespace: dict[str, Any]) -> Any:
    """Return a definition without its name, and without the decorators of calyx: both may change freely."""
    if isinstance(definition, ast.Lambda):
        return definition
    plain = copy.copy(definition)
    plain.name = "_"
    plain.decorator_list = [d for d in definition.decorator_list if not _is_calyx(d, namespace)]
    return plain


def _is_calyx(decorator: ast.expr, namespace: dict[str, Any]) -> bool:
    at = decorator.func if isinstance(decorator, ast.Call) else decorator
    chain: list[str] = []
    while isinstance(at, ast.Attribute):
        chain.append(at.attr)
        at = at.value
    value = namespace.get(at.id) if isinstance(at, ast.Name) else None
    for attribute in reversed(chain):
        value = getattr(value, attribute, None)
    return str(getattr(value, "__module__", "")).partition(".")[0] == "calyx" and callable(value)


def _function_of(member: Any) -> Any:
    """Return the function behind a member of a class."""
    if isinstance(member, Node):
        return member.function
    return getattr(member, "__func__", None) or getattr(member, "fget", None) or member


def content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _code_text(code: Any) -> str:
    constants = [_code_text(c) if hasattr(c, "co_code") else constant_digest(c) or repr(c) for c in code.co_consts]
    arguments = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_varnames)
    shape = (*arguments, code.co_freevars, getattr(code, "co_exceptiontable", b""))
    return hashlib.blake2b(repr((code.co_code, constants, code.co_names, shape)).encode(), digest_size=20).hexdigest()
