"""The identities of a program's functions: a digest of each with all that it reaches."""

from __future__ import annotations

import ast
import functools
import hashlib
import platform
import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from .._declare import Node, Pipeline
from .._guard import Guard
from .._types import module_name, type_name
from .._version import VERSION
from ._constants import constant_digest, is_fixed, watch_constant
from ._functions import Functions, content
from ._held import held, is_opaque, is_projects
from ._members import documentation, functions_of, generated_from, members_of, shape_of
from ._modules import Source, belongs, file_of_module
from ._names import names_in
from ._objects import state_of
from ._parts import cell_place, parts_of
from ._reached import dump
from ._units import Code, Scope, Target, Unit, Where, attribute_of, walk

#: What is seen as code; all else is an object.
_CODE = (
    Node, FunctionType, MethodType, ModuleType, type, staticmethod, classmethod, property,
    functools.partial, functools.partialmethod, BuiltinFunctionType,
)
_ENGINE = f"calyx {VERSION} {platform.python_implementation()} {sys.version}"


class Identity(Functions):
    """The identities of the functions of one program. Not for several threads at once.

    live: the program is one that asks for values itself, and goes on meanwhile. Then it is not what its files say that counts but
    what its functions, classes and objects are now. What its own statements do besides binding names is no part of its functions;
    else each line that prints a result would count for all results.

    late: it is asked for while functions run, and files may have been edited since they were imported.
    """

    def of(self, function: Any, owner: type[Any] | None) -> Code:
        """Return the identity of a function; owner is the pipeline whose method it is."""
        digest = hashlib.blake2b(_ENGINE.encode(), digest_size=20)
        numbers: dict[int, int] = {}
        reached: list[Target] = []
        for target in self._value(function, None, owner):
            for line in walk(target, numbers, reached):
                digest.update(line.encode("utf-8", "surrogatepass"))
        units = [t for t in reached if isinstance(t, Unit)]
        notes = dict.fromkeys(n for u in units for n in u.notes)
        refused = next((u.refused for u in units if u.refused), "")
        digest.update(refused.encode())
        return Code(digest.hexdigest(), [*notes], parts_of(reached), Guard(u.watched for u in units), refused)

    def _value(self, value: Any, where: Where | None, owner: type[Any] | None = None) -> list[Target]:
        """Return what stands for a value that code reaches."""
        if isinstance(value, Node):
            return []  # calling it is a need, which is observed
        if isinstance(value, FunctionType):
            return [self._function(value, owner), *self._made(value, where)]
        if isinstance(value, MethodType):
            return self._value(value.__func__, where, owner) + self._value(value.__self__, where)
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, type):
            return [self._class(value), *(self._assigned(where) if not is_projects(value) else [])]
        if isinstance(value, (staticmethod, classmethod)):
            return self._value(value.__func__, where, owner)
        if isinstance(value, property):
            return [t for f in (value.fget, value.fset, value.fdel) if f for t in self._value(f, where, owner)]
        if isinstance(value, (functools.partial, functools.partialmethod)):
            inner = [*value.args, *value.keywords, *value.keywords.values()]
            # The name is that of the whole: a constant in it has none.
            parts = [t for v in inner for t in self._value(v, where if constant_digest(v) is None else None)]
            return self._value(value.func, where, owner) + parts
        if isinstance(value, BuiltinFunctionType):
            bound = getattr(value, "__self__", None)
            of = [] if bound is None or isinstance(bound, (ModuleType, type)) else self._value(bound, where)
            return self._foreign(value.__module__ or "builtins") + of
        return self._object(value, where)

    def _made(self, function: FunctionType, where: Where | None) -> list[Target]:
        """Stand for what made a closure, where that is not its own definition: it may hold objects that show nothing of how they were
        made.
        """
        if where is None or not function.__closure__:
            return []
        statements = self._statements(where)
        path = function.__code__.co_filename
        own = self._definitions(self._source(path), function) if belongs(path) == "project" else []
        return [] if statements and all(s in own for s in statements) else [self._binding(where)]

    def _assigned(self, where: Where | None) -> list[Target]:
        """Stand for what is assigned to a name: a class of Python's own, or a package's, may have been made there."""
        where = self._origin(where) if where is not None else None
        assigned = any(isinstance(s, (ast.Assign, ast.AnnAssign)) for s in self._statements(where))
        return [self._binding(where)] if assigned and where is not None else []

    def _object(self, value: Any, where: Where | None) -> list[Target]:
        """Stand for a constant by its value, and for any other object by its class and how it is made, or what it is now."""
        digest = constant_digest(value)
        kind = [] if type(value).__module__ == "builtins" else self._value(type(value), None)
        if digest is not None:
            return [self._constant(value, where, digest), *kind]
        wrapped = getattr(value, "__wrapped__", None)
        found = kind + (self._value(wrapped, None) if wrapped is not None else [])
        if self._live:
            found.append(self._state(value, f"{module_name(where.module.__name__)}.{where.name}" if where is not None else ""))
        else:
            found.append(self._holds(value))
            if is_opaque(value) and not self._shows(where):
                found.append(self._all_effects())
        return found + ([self._binding(where)] if where is not None else [])

    def _shows(self, where: Where | None) -> bool:
        """Tell whether what binds a name can have made an object: if it is a plain constant, another module has set it since."""
        statements = self._statements(self._origin(where) if where is not None else None)
        return any(not isinstance(getattr(s, "value", None), ast.Constant) for s in statements)

    def _holds(self, value: Any) -> Unit:
        """Stand for the code that an object holds, whoever put it there: a registry counts with all that is registered."""
        key = ("holds", id(value))
        if key not in self._units:
            unit = self._units[key] = Unit("holds", keep=value)
            for label, part in held(value):
                unit.refer(label + _own_name(part), self._value(part, None))
        return self._units[key]

    def _state(self, value: Any, name: str) -> Unit:
        """Stand for an object by what it consists of now."""
        key = ("state", id(value))
        if key in self._units:
            return self._units[key]
        unit = self._units[key] = Unit(f"object {type_name(type(value))}", keep=value)
        parts = state_of(value, unit.watched)
        if parts is None:
            unit.refused = (
                f"{name or 'an object that it reaches'} is a {type_name(type(value))}, and calyx cannot see when that changes: "
                "make it within the node or in a function with functools.cache, or pass what it is made of as an argument"
            )
        for label, part in parts or ():
            unit.refer(label + _own_name(part), self._part(part, f"{name}{label}" if name else ""))
        return unit

    def _part(self, part: Any, name: str) -> list[Target]:
        """Stand for a part of an object; it is named in an error."""
        if isinstance(part, _CODE) or constant_digest(part) is not None:
            return self._value(part, None)
        kind = [] if type(part).__module__ == "builtins" else self._value(type(part), None)
        wrapped = getattr(part, "__wrapped__", None)
        return [*kind, *(self._value(wrapped, None) if wrapped is not None else []), self._state(part, name)]

    def _constant(self, value: Any, where: Where | None, digest: str) -> Target:
        """Stand for a constant by its value; one of a module has a name."""
        if where is None and is_fixed(value):
            return f"value {digest}"
        where = self._origin(where) if where is not None else None
        key = ("constant", where.module.__name__, where.name, digest) if where is not None else ("constant", id(value))
        if key not in self._units:
            unit = self._units[key] = Unit(f"value {digest}", keep=value)
            if self._live:
                watch_constant(value, unit.watched)
            source = self._source(file_of_module(where.module)) if where is not None else None
            statements = source.statements(where.name) if source and where is not None else []
            if source and where is not None and statements:
                unit.place = source.place(where.name, statements)
            elif where is not None and source is None:
                unit.place = cell_place(where.name, value)
        return self._units[key]

    def _class(self, kind: type[Any]) -> Target:
        module = sys.modules.get(kind.__module__)
        path = file_of_module(module) if module else None
        in_cell = self._live and path is None and (module is None or module.__name__ == "__main__")
        if kind is Pipeline or (belongs(path) != "project" and not in_cell):
            unit = Unit("foreign")
            unit.refer("", self._foreign(kind.__module__))
            return unit
        key = id(kind)
        if key not in self._units:
            self._units[key] = Unit("", keep=kind)
            self._units[key].watched.shape(lambda: shape_of(kind))
            self._fill_class(self._units[key], kind, module, self._source(path))
        return self._units[key]

    def _fill_class(self, unit: Unit, kind: type[Any], module: ModuleType | None, source: Source | None) -> None:
        unit.refer("base", [t for base in kind.__bases__ if base is not object for t in self._value(base, None)])
        if type(kind) is not type:
            unit.refer("metaclass", self._value(type(kind), None))
        if issubclass(kind, Pipeline):
            for name, member in members_of(kind):
                unit.refer(name, self._value(member, attribute_of(kind, name), kind))
            return
        definition = source.class_(kind.__qualname__) if source else None
        if definition is None or source is None:
            unit.notes.append(f"the source of class {kind.__qualname__} was not found; its compiled form counts")
            unit.text = f"class {documentation(kind)!r}"
            if source is None:
                unit.place = cell_place(kind.__qualname__, kind)
            self._refer_annotations(unit, kind)
            self._refer_members(unit, kind, source, None)
            for name, value in generated_from(kind):
                unit.refer(name, self._value(value, None))
            return
        unit.text = dump(definition)
        unit.place = source.place(kind.__qualname__, [definition])
        names = names_in([definition])
        self._refer_names(unit, names, Scope.of(module))
        if any("__subclasses__" in chain for _, chain in names.of_variables()):
            unit.refer("subclasses", self._subclasses(unit, kind))  # of its first parameter, most likely
        self._refer_members(unit, kind, source, definition)
        if module is not None:
            unit.refer("module", self._effects(module, source))

    def _refer_members(self, unit: Unit, kind: type[Any], source: Source | None, definition: ast.ClassDef | None) -> None:
        """Count the members of a class as they are now. Of methods that its definition shows, that is what this does not show."""
        shown = set(map(id, ast.walk(definition))) if definition is not None else set()
        for name, member in members_of(kind):
            functions = functions_of(member)
            here = [f for f in functions if any(id(d) in shown for d in self._definitions(source, f))]
            if not functions or len(here) < len(functions):
                unit.refer(f"member {name}", self._value(member, attribute_of(kind, name) if definition is not None else None, kind))
                continue
            unit.text += f" {name}"
            for function in functions:
                self._refer_attributes(unit, function)
                for cell in function.__closure__ or ():
                    if content(cell) is not kind:
                        unit.refer("cell", self._cell(unit, cell))


def _own_name(part: Any) -> str:
    """Return the name of a function that an object holds: who gets it from there may use it, as tools of a model are named."""
    return f" {part.__name__}" if isinstance(part, (FunctionType, MethodType)) else ""
