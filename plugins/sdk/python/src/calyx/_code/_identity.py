"""Walks from a function to all that it reaches, and digests it."""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import hashlib
import inspect
import os
import platform
import sys
from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from .._declare import Node, Pipeline
from .._guard import Guard, Watched
from .._types import module_name, type_name
from .._version import VERSION
from ._constants import constant_digest, is_fixed, watch_constant
from ._imports import Imports
from ._members import functions_of, members_of, shape_of
from ._modules import Definition, Packages, Source, belongs, file_of_module
from ._names import DYNAMIC, Names, compiled_names, effects, names_in
from ._objects import state_of
from ._parts import Part, Place, parts_of

#: What is seen as code; all else is an object.
_CODE = (Node, FunctionType, MethodType, ModuleType, type, staticmethod, classmethod, property, functools.partial, BuiltinFunctionType)
_ENGINE = f"calyx {VERSION} {platform.python_implementation()} {sys.version}"


class Code(NamedTuple):
    """The identity of one function."""

    digest: str
    #: What could not be seen, and what counts instead.
    notes: list[str]
    #: The pieces that it consists of, the function itself first.
    parts: list[Part]
    #: Tells whether all of that, as it is in this process, is as it was.
    guard: Guard
    #: Why the function cannot run here: it reaches something that cannot be seen.
    refused: str


class Unit:
    """A piece of code with what it refers to: other pieces, or texts that stand for what is not the project's."""

    def __init__(self, text: str, keep: Any = None) -> None:
        self.text = text
        self.refs: list[tuple[str, Target]] = []
        self.notes: list[str] = []
        self.keep = keep  # so that the id under which the unit is known stays its own
        self.place: Place | None = None  # of a piece that people know by a name
        self.watched = Watched()
        self.refused = ""

    def code(self) -> str:
        """Return a digest of the piece and of what it refers to that is no piece itself."""
        texts = [self.text, *(f"{label} {t}" for label, t in self.refs if isinstance(t, str))]
        return hashlib.blake2b("\n".join(texts).encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()

    def refer(self, label: str, targets: list[Target]) -> None:
        """Add references; the label is the name that the code has for them."""
        self.refs += [(label, t) for t in targets]


Target = Unit | str


class Where(NamedTuple):
    """A name in a module: where a value was found."""

    module: ModuleType
    name: str


class Identity:
    """The identities of the functions of one program. Not for several threads at once.

    live: the program is one that asks for values itself, and goes on meanwhile. Then it is not what its files say that counts but
    what its functions, classes and objects are now. What its own statements do besides binding names is no part of its functions;
    else each line that prints a result would count for all results.
    """

    def __init__(self, live: bool = False) -> None:
        self._live = live
        self._sources: dict[str, Source | None] = {}
        self._units: dict[Any, Unit] = {}
        self._packages: Packages | None = None
        self._imports = Imports()
        #: The files of the project that any identity rests on.
        self.files: set[str] = set()
        #: Files that tell what is installed, and paths at which an import looked in vain.
        self.records: set[str] = set()
        self.absences: set[str] = self._imports.absences

    def of(self, function: Any, owner: type[Any] | None) -> Code:
        """Return the identity of a function; owner is the pipeline whose method it is."""
        digest = hashlib.blake2b(_ENGINE.encode(), digest_size=20)
        numbers: dict[int, int] = {}
        reached: list[Target] = []
        for target in self._value(function, None, owner):
            for line in _walk(target, numbers, reached):
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
            return [self._function(value, owner)]
        if isinstance(value, MethodType):
            return self._value(value.__func__, where, owner) + self._value(value.__self__, where)
        if isinstance(value, ModuleType):
            return self._module(value)
        if isinstance(value, type):
            return [self._class(value)]
        if isinstance(value, (staticmethod, classmethod)):
            return self._value(value.__func__, where, owner)
        if isinstance(value, property):
            return [t for f in (value.fget, value.fset, value.fdel) if f for t in self._value(f, where, owner)]
        if isinstance(value, functools.partial):
            inner = [value.func, *value.args, *value.keywords.values()]
            return [t for v in inner for t in self._value(v, where)]
        if isinstance(value, BuiltinFunctionType):
            bound = getattr(value, "__self__", None)
            of = [] if bound is None or isinstance(bound, (ModuleType, type)) else self._value(bound, where)
            return self._foreign(value.__module__ or "builtins") + of
        return self._object(value, where)

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
        return found + (self._binding(where) if where is not None else [])

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
            unit.refer(label, self._part(part, f"{name}{label}" if name else ""))
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
        key = ("constant", where.module.__name__, where.name) if where is not None else ("constant", id(value))
        if key not in self._units:
            unit = self._units[key] = Unit(f"value {digest}", keep=value)
            if self._live:
                watch_constant(value, unit.watched)
            source = self._source(file_of_module(where.module)) if where is not None else None
            statements = source.bindings.get(where.name, []) if source and where is not None else []
            if source and where is not None and statements:
                unit.place = source.place(where.name, statements)
        return self._units[key]

    def _binding(self, where: Where) -> list[Target]:
        """Stand for a name by the statements that bind it in its module, and by what these reach."""
        key = ("binding", where.module.__name__, where.name)
        if key in self._units:
            return [self._units[key]]
        source = self._source(file_of_module(where.module))
        statements = source.bindings.get(where.name, []) if source else []
        unit = self._units[key] = Unit("binding " + "".join(map(_dump, statements)))
        if source and statements:
            unit.place = source.place(where.name, statements)
        imported = [s for s in statements if isinstance(s, ast.ImportFrom)]
        for statement in imported:
            self._follow(unit, where, statement)
        rest: list[ast.AST] = [s for s in statements if not isinstance(s, (ast.Import, ast.ImportFrom))]
        self._refer_names(unit, names_in(rest), where.module, {}, None, set())
        return [unit]

    def _follow(self, unit: Unit, where: Where, statement: ast.ImportFrom) -> None:
        origin = sys.modules.get(self._imports.absolute(statement, where.module))
        for alias in statement.names:
            if origin is not None and (alias.asname or alias.name) == where.name and belongs(file_of_module(origin)) == "project":
                unit.refer(where.name, self._binding(Where(origin, alias.name)))

    def _module(self, module: ModuleType) -> list[Target]:
        """Stand for a module that is used as a whole."""
        path = file_of_module(module)
        if belongs(path) != "project":
            return self._foreign(module.__name__)
        return [self._whole(path, module, "")] if path else []

    def _foreign(self, module: str) -> list[Target]:
        """Stand for a module that is not the project's by what is installed."""
        root = module.partition(".")[0]
        if root in sys.stdlib_module_names or root in ("calyx", "builtins", "__main__"):
            return []
        if self._packages is None:
            self._packages = Packages()
        packages = self._packages.of(root)
        self.records |= {p.record for p in packages if p.record}
        return [f"package {p.identity}" for p in packages]

    def _source(self, path: str | None) -> Source | None:
        if path is None or not path.endswith((".py", ".pyw")) or not os.path.isfile(path):
            return None
        path = os.path.realpath(path)
        if path not in self._sources:
            self._sources[path] = self._read(path)
        self.files.add(path)
        return self._sources[path]

    def _read(self, path: str) -> Source | None:
        try:
            return Source(path)
        except SyntaxError:
            if not self._live:
                raise
            return None  # it is being edited: what runs is older

    def _function(self, function: FunctionType, owner: type[Any] | None) -> Target:
        path = function.__code__.co_filename
        if belongs(path) != "project" and os.path.exists(path):
            targets = self._foreign(function.__module__ or "")
            wrapped = getattr(function, "__wrapped__", None)
            unit = Unit("foreign")
            unit.refer("", targets + (self._value(wrapped, None, owner) if wrapped is not None else []))
            for cell in function.__closure__ or ():
                unit.refer("cell", self._cell(unit, cell))
            return unit
        key = (id(function), owner)
        if key not in self._units:
            self._units[key] = Unit("", keep=function)
            self._fill_function(self._units[key], function, owner)
        return self._units[key]

    def _fill_function(self, unit: Unit, function: FunctionType, owner: type[Any] | None) -> None:
        module = sys.modules.get(function.__module__)
        source = self._source(function.__code__.co_filename)
        definitions = self._definitions(source, function)
        self._refer_attributes(unit, function)
        if source and definitions:
            unit.place = source.place(function.__qualname__.replace("<locals>.", ""), definitions)
        scope = _Scope(function)
        if not definitions:
            unit.text = f"code {_code_text(function.__code__)}"
            unit.notes.append(f"the source of {function.__qualname__} was not found; its compiled form counts")
            names = compiled_names(function.__code__)
            names.loads.update({n: {()} for n in scope.closure})
            if owner is not None and scope.first is not None:
                names.loads[scope.first] = {()}
            self._refer_names(unit, names, module, scope.closure, owner, set(), scope.globals, scope.first)
        for definition in definitions:
            plain = _anonymous(definition, scope)
            unit.text += _dump(plain)
            names = names_in([plain])
            self._refer_names(unit, names, module, scope.closure, owner, scope.local - names.rebinds, scope.globals, scope.first)
            self._refer_supers(unit, names, function, owner)
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            unit.refer("__wrapped__", self._value(wrapped, None, owner))
        if module is not None and source is not None:
            unit.refer("module", [self._effects(module, source)])

    def _definitions(self, source: Source | None, function: FunctionType) -> list[Definition]:
        """Return the definitions that a function may come from; none where its file says something else by now."""
        if source is None or (self._live and not source.holds(function.__code__)):
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

    def _refer_names(
        self,
        unit: Unit,
        names: Names,
        module: ModuleType | None,
        closure: dict[str, Any],
        owner: type[Any] | None,
        local: set[str],
        namespace: dict[str, Any] | None = None,
        first: str | None = None,
    ) -> None:
        namespace = namespace if namespace is not None else vars(module) if module else {}
        for name, chain in names.ordered():
            label = ".".join((name, *chain))
            if owner is not None and name == first:
                unit.refer(label, self._member(unit, owner, chain))
            elif name in closure:
                unit.refer(label, self._cell(unit, closure[name], chain))
            elif name in local:
                continue
            elif name in namespace:
                unit.watched.name(namespace, name)
                unit.refer(label, self._chain(unit, namespace[name], chain, Where(module, name) if module else None))
            elif name in DYNAMIC and hasattr(builtins, name):
                unit.watched.name(namespace, name)
                self._widen(unit, module, f"{name}()")
            elif not hasattr(builtins, name):
                unit.watched.name(namespace, name)
        for statement in names.imports:
            unit.refer("import", [t for path in self._imports.targets(statement, module) for t in self._imported(path)])
        if any(chain[-1:] == ("import_module",) or (name == "import_module" and not chain) for name, chain in names.ordered()):
            self._widen(unit, module, "import_module()")
        for name in sorted(names.rebinds):
            unit.notes.append(f"the global {name} is set while nodes run: what it holds then is not seen")

    def _chain(self, unit: Unit, value: Any, chain: tuple[str, ...], where: Where | None) -> list[Target]:
        """Follow attributes through modules to what is really meant."""
        while chain and isinstance(value, ModuleType):
            if belongs(file_of_module(value)) != "project":
                return self._foreign(value.__name__)
            unit.watched.name(vars(value), chain[0])
            if not hasattr(value, chain[0]):
                return self._module(value)
            where = Where(value, chain[0])
            value, chain = getattr(value, chain[0]), chain[1:]
        return self._value(value, where)

    def _cell(self, unit: Unit, cell: Any, chain: tuple[str, ...] = ()) -> list[Target]:
        unit.watched.shape(lambda: (_content(cell),))
        return self._chain(unit, _content(cell), chain, None)

    def _member(self, unit: Unit, owner: type[Any], chain: tuple[str, ...]) -> list[Target]:
        """Stand for what a method reaches through self: one member, or all of them where self goes elsewhere."""
        if not chain:
            return [self._class(owner)]
        for base in owner.__mro__:
            if base is not Pipeline and base is not object:
                unit.watched.name(vars(base), chain[0])
        member = inspect.getattr_static(owner, chain[0], None)
        if member is None or isinstance(member, Node):
            return []
        if isinstance(member, (FunctionType, staticmethod, classmethod, property)):
            return self._value(member, None, owner)
        if hasattr(member, "func") and isinstance(member, functools.cached_property):
            return self._value(member.func, None, owner)
        digest = constant_digest(member)
        return [self._constant(member, None, digest)] if digest is not None else [self._class(owner)]

    def _refer_supers(self, unit: Unit, names: Names, function: FunctionType, owner: type[Any] | None) -> None:
        if owner is None:
            return
        defining = next((c for c in owner.__mro__ if function in map(_function_of, vars(c).values())), owner)
        after = owner.__mro__[owner.__mro__.index(defining) + 1 :]
        for name in sorted(names.supers):
            for base in after:
                unit.watched.name(vars(base), name)
            member = next((vars(c)[name] for c in after if name in vars(c)), None)
            if member is not None and not isinstance(member, Node):
                unit.refer(f"super.{name}", self._value(member, None, owner))

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
                unit.refer(name, self._value(member, None, kind))
            return
        definition = source.class_(kind.__qualname__) if source else None
        if definition is None or source is None:
            unit.notes.append(f"the source of class {kind.__qualname__} was not found; its compiled form counts")
            unit.text = "class"
            self._refer_members(unit, kind, source, None)
            return
        unit.text = _dump(definition)
        unit.place = source.place(kind.__qualname__, [definition])
        self._refer_names(unit, names_in([definition]), module, {}, None, set())
        self._refer_members(unit, kind, source, definition)
        if module is not None:
            unit.refer("module", [self._effects(module, source)])

    def _refer_members(self, unit: Unit, kind: type[Any], source: Source | None, definition: ast.ClassDef | None) -> None:
        """Count the members of a class as they are now. Of methods that its definition shows, that is what this does not show."""
        shown = set(map(id, ast.walk(definition))) if definition is not None else set()
        for name, member in members_of(kind):
            functions = functions_of(member)
            here = [f for f in functions if any(id(d) in shown for d in self._definitions(source, f))]
            if not functions or len(here) < len(functions):
                unit.refer(f"member {name}", self._value(member, None, kind))
                continue
            unit.text += f" {name}"
            for function in functions:
                self._refer_attributes(unit, function)
                for cell in function.__closure__ or ():
                    if _content(cell) is not kind:
                        unit.refer("cell", self._cell(unit, cell))

    def _effects(self, module: ModuleType, source: Source) -> Unit:
        """Stand for what importing a module does besides binding names, also in the project's modules that it imports."""
        key = ("effects", source.path)
        if key in self._units:
            return self._units[key]
        statements = [] if self._live and module.__name__ == "__main__" else effects(source.tree)
        unit = self._units[key] = Unit("effects " + "".join(map(_dump, statements)))
        if statements:
            unit.place = source.place("(when imported)", statements)
        self._refer_names(unit, names_in(list(statements)), module, {}, None, set())
        for path in sorted(self._imports.of_module(source.tree, module)):
            imported = self._imports.loaded_from(path)
            inner = self._source(path) if belongs(path) == "project" and imported is not None else None
            if inner is not None and imported is not None:
                unit.refer("imports", [self._effects(imported, inner)])
        return unit

    def _widen(self, unit: Unit, module: ModuleType | None, because: str) -> None:
        """Let whole files count where code reaches what cannot be seen: the file, or all of its folder for imports."""
        path = file_of_module(module) if module else None
        if path is None or module is None:
            if self._live:
                unit.refused = f"{because} is used outside of a file: what it reaches cannot be seen; write the function in a module"
            return
        what = os.path.basename(path)
        if because in ("__import__()", "import_module()"):
            folder = os.path.dirname(path)
            what = f"every file in {os.path.basename(folder)}/"
            for other in self._imports.files_below(folder):
                unit.refer("folder", [self._whole(other, None, "")])
        unit.notes.append(f"all of {what} counts, because {because} is used")
        unit.refer("file", [self._whole(path, module, "")])

    def _whole(self, path: str, module: ModuleType | None, _why: str) -> Unit:
        """Stand for a whole file."""
        key = ("whole", path)
        if key in self._units:
            return self._units[key]
        source = self._source(path)
        if source is None:
            self.files.add(path)
            unit = self._units[key] = Unit(f"native {_file_digest(path)}")
            unit.notes.append(f"all of {os.path.basename(path)} counts, because it is no source of Python")
            return unit
        unit = self._units[key] = Unit("whole " + _dump(source.tree))
        unit.place = Place(os.path.basename(path), path, 1, source.text)
        names = names_in([source.tree])
        if module is not None:
            self._refer_names(unit, Names(names.loads), module, {}, None, set())
            if self._live:
                held = Names({name: {()} for name in vars(module) if not name.startswith("__")})
                self._refer_names(unit, held, module, {}, None, set())
        for statement in names.imports:
            unit.refer("import", [t for p in self._imports.targets(statement, module, path) for t in self._imported(p)])
        return unit

    def _imported(self, target: str) -> list[Target]:
        """Stand for a module that is imported while a function runs: a file, or the name of one that is not the project's."""
        if not os.path.isabs(target):
            return self._foreign(target) or [f"module {target}"]
        return [self._whole(target, self._imports.loaded_from(target) if self._live else None, "")]


class _Scope:
    """The names that a function's body sees."""

    def __init__(self, function: FunctionType) -> None:
        code = function.__code__
        self.globals = function.__globals__
        self.closure = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
        self.local = {*code.co_varnames, *code.co_cellvars}
        self.first = code.co_varnames[0] if code.co_argcount else None


def _walk(target: Target, numbers: dict[int, int], reached: list[Target]) -> Iterator[str]:
    """Yield the texts of everything that is reached, each once, with references as numbers in the order of the walk."""
    todo: list[tuple[str, Target]] = [("", target)]
    while todo:
        label, at = todo.pop()
        if isinstance(at, str):
            reached.append(at)
            yield f"{label} {at}\n"
        elif id(at) in numbers:
            yield f"{label} #{numbers[id(at)]}\n"
        else:
            numbers[id(at)] = len(numbers)
            reached.append(at)
            yield f"{label} :{at.text}\n"
            todo += reversed(at.refs)


def _anonymous(definition: Any, scope: _Scope) -> Any:
    """Return a definition without its name, and without the decorators of calyx: both may change freely."""
    if isinstance(definition, ast.Lambda):
        return definition
    plain = copy.copy(definition)
    plain.name = "_"
    plain.decorator_list = [d for d in definition.decorator_list if not _is_calyx(d, scope.globals)]
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


def _dump(node: ast.AST) -> str:
    return ast.dump(node, annotate_fields=False)


def _function_of(member: Any) -> Any:
    """Return the function behind a member of a class."""
    if isinstance(member, Node):
        return member.function
    return getattr(member, "__func__", None) or getattr(member, "fget", None) or member


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _code_text(code: Any) -> str:
    constants = [_code_text(c) if hasattr(c, "co_code") else constant_digest(c) or repr(c) for c in code.co_consts]
    arguments = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags, code.co_varnames)
    shape = (*arguments, code.co_freevars, getattr(code, "co_exceptiontable", b""))
    return hashlib.blake2b(repr((code.co_code, constants, code.co_names, shape)).encode(), digest_size=20).hexdigest()


def _file_digest(path: str) -> str:
    with open(path, "rb") as f:
        return hashlib.blake2b(f.read(), digest_size=20).hexdigest()
