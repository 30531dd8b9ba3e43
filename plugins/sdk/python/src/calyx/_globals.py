"""Sees to it that nodes keep nothing in the project, where later nodes would find it and calyx would not see it.

That is in its modules, and in the classes, functions and objects that these lead to by names.
"""

from __future__ import annotations

import abc
import contextlib
import enum
import functools
import os
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from operator import is_, methodcaller
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

from ._declare import Node, Pipeline, Stored
from ._errors import CalyxError
from ._places import belongs, file_of_module
from ._types import module_name, slots_of

#: Containers of up to so many elements are compared element by element, longer ones by their lengths, and the longest not at all.
_COMPARED = 64
_LONGEST = 100_000
#: How many elements of containers within others are compared: it is done after every call.
_INNER = 5_000
_CONTAINERS = (list, dict, set, deque, OrderedDict, Counter, defaultdict)
_DICTS = (dict, OrderedDict, Counter, defaultdict)
_FIXED = frozenset({type(None), bool, int, float, complex, str, bytes})
_MISSING = object()
_VALUES = methodcaller("values")


class Globals:
    """What the modules of the project, and what they define, held when the process began to serve."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folder = os.getcwd()
        self._spaces = list(_spaces())
        self._variables = [space.variables for space in self._spaces]
        left = _INNER
        for space in self._spaces:
            left -= space.look_inside(left)
        self._copies = [copy for space in self._spaces for copy in space.copies]
        self._remember()

    def check(self) -> None:
        """Put back what was changed, and raise an error that names it."""
        changed: list[str] = []
        with self._lock:
            if self._same():
                self._check_folder()
                return
            for space in self._spaces:
                changed += space.put_back()
            self._remember()
        self._check_folder()
        if changed:
            raise CalyxError(changed[0])

    def _check_folder(self) -> None:
        try:
            now = os.getcwd()
        except OSError:
            now = "a folder that is gone"
        if now != self._folder:
            os.chdir(self._folder)
            raise CalyxError(
                f"the working directory was changed to {now} while a node ran, and later nodes would look for files there: "
                "use contextlib.chdir, which goes back, or paths that are absolute"
            )

    def _remember(self) -> None:
        """Remember what all names stand for, in one list: a project has thousands, and they are looked at after every call."""
        self._lengths = list(map(len, self._variables))
        self._filled = [variables for variables in self._variables if variables]  # most functions have none
        self._values = list(chain.from_iterable(map(_VALUES, self._filled)))
        self._containers = [container for _, container, _ in self._copies]
        self._sizes = list(map(len, self._containers))
        short = [container for container in self._containers if len(container) <= _COMPARED]
        self._dicts = [container for container in short if type(container) in _DICTS]
        self._others = [container for container in short if type(container) not in _DICTS]
        self._elements = list(self._now())

    def _now(self) -> Iterator[Any]:
        """The elements of all containers that are compared one by one."""
        return chain(
            chain.from_iterable(self._dicts), chain.from_iterable(map(_VALUES, self._dicts)), chain.from_iterable(self._others)
        )

    def _same(self) -> bool:
        try:
            return (
                list(map(len, self._variables)) == self._lengths
                and all(map(is_, chain.from_iterable(map(_VALUES, self._filled)), self._values))
                and list(map(len, self._containers)) == self._sizes
                and all(map(is_, self._now(), self._elements))
            )
        except RuntimeError:  # another thread sets a new name
            return False

    def restore(self) -> None:
        """Put back what a node changed that has failed anyway."""
        with contextlib.suppress(CalyxError):
            self.check()


class _Fixed(Mapping[str, Any]):
    """Variables of which there are always the same, and which are in no dictionary; one without a value has the mark for that."""

    def __init__(self, names: Iterable[str]) -> None:
        self._all = tuple(names)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    @abc.abstractmethod
    def set(self, name: str, value: Any) -> None:
        """Give a variable a value, or take it."""


class _Closure(_Fixed):
    """What a function took along from the functions around it."""

    def __init__(self, function: FunctionType) -> None:
        super().__init__(function.__code__.co_freevars)
        self._cells = dict(zip(self, function.__closure__ or (), strict=True))

    def __getitem__(self, name: str) -> Any:
        try:
            return self._cells[name].cell_contents
        except ValueError:
            return _MISSING

    def set(self, name: str, value: Any) -> None:
        if value is _MISSING:
            del self._cells[name].cell_contents
        else:
            self._cells[name].cell_contents = value


class _Slots(_Fixed):
    """The attributes of an object that are in slots."""

    def __init__(self, of: Any) -> None:
        super().__init__(slots_of(type(of)))
        self._of = of

    def __getitem__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self._of, name)
        except AttributeError:
            return _MISSING

    def set(self, name: str, value: Any) -> None:
        if value is _MISSING:
            object.__delattr__(self._of, name)
        else:
            object.__setattr__(self._of, name, value)


class _Space:
    """Names and what they stood for: the variables of a module, class, function or object."""

    __slots__ = ("_delete", "_label", "_names", "_of", "_set", "copies", "variables")

    def __init__(self, of: Any, label: str) -> None:
        self._of, self._label = of, label
        self.variables: Mapping[str, Any] = of if isinstance(of, _Fixed) else vars(of)
        if isinstance(of, type):
            self._set: Callable[[str, Any], None] = functools.partial(type.__setattr__, of)
            self._delete: Callable[[str], None] = functools.partial(type.__delattr__, of)
        elif isinstance(of, _Fixed):
            self._set, self._delete = of.set, lambda name: of.set(name, _MISSING)
        else:
            self._set, self._delete = vars(of).__setitem__, vars(of).__delitem__
        self._names = dict(self.variables)
        #: Of what the names stand for, that which can be changed itself: name, value and copy.
        self.copies = [(n, v, v.copy()) for n, v in self._names.items() if _counts(n) and _is_watched(v)]
        if isinstance(of, FunctionType):
            defaults = [*(of.__defaults__ or ()), *(of.__kwdefaults__ or {}).values()]
            self.copies += [("a default", v, v.copy()) for v in defaults if _is_watched(v)]

    def look_inside(self, most: int) -> int:
        """Have containers watched that lie in others, with so many elements at most in all; return how many they have."""
        todo = [(name, inner) for name, value in self._names.items() if _counts(name) for inner in _elements(value)]
        seen = {id(value) for _, value, _ in self.copies}
        looked = 0
        while todo and looked < most:
            name, value = todo.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            todo += [(name, inner) for inner in _elements(value)]
            if _is_watched(value):
                self.copies.append((name, value, value.copy()))
                looked += min(len(value), _COMPARED)
        return looked

    def values(self) -> Iterator[tuple[str, Any]]:
        """What the names stand for, with a label for people."""
        for name, value in self._names.items():
            if _counts(name) or name == "__wrapped__":
                yield f"{self._label}.{name}", value

    def put_back(self) -> list[str]:
        """Give everything its value back, and say what was changed."""
        now = dict(self.variables)
        changed = [n for n, value in self._names.items() if _counts(n) and now.get(n, _MISSING) is not value]
        for name in changed:
            self._set(name, self._names[name])
        for name, value, copy in self.copies:
            if _differs(value, copy):
                changed.append(name)
                _restore(value, copy)
        new = [n for n, value in now.items() if n not in self._names and _counts(n) and not self._may_come(n, value)]
        for name in new:
            self._delete(name)
        return [self._said(name) for name in changed + new]

    def _may_come(self, name: str, value: Any) -> bool:
        """Modules that are imported become names of their packages, and a cached property keeps what its object's other parts give."""
        if isinstance(value, ModuleType):
            return isinstance(self._of, ModuleType)
        return isinstance(getattr(type(self._of), name, None), functools.cached_property)

    def _said(self, name: str) -> str:
        if isinstance(self._of, type) and issubclass(self._of, Pipeline) and isinstance(self._names.get(name), Stored):
            hint = f'use `calyx set {name} …`, or Session.set("{name}", …)'
            return f"the stored {self._label}.{name} was set by a node, which cannot set inputs: {hint}"
        what = f"{name} of {self._label}" if name == "a default" or isinstance(self._of, _Fixed) else f"the global {self._label}.{name}"
        return (
            f"{what} was changed while a node ran: later nodes would see it, and calyx "
            "would not. Make it the result of a node, pass it as an argument, or keep what is costly to make with functools.cache"
        )


def _spaces() -> Iterator[_Space]:
    """The modules of the project, and what of the project they lead to by names."""
    modules = [m for m in list(sys.modules.values()) if isinstance(m, ModuleType) and belongs(file_of_module(m) or "") == "project"]
    ours = {m.__name__ for m in modules}
    todo: list[tuple[str, Any]] = [(module_name(m.__name__), m) for m in modules]
    seen: set[int] = set()
    while todo:
        label, value = todo.pop()
        thing = _bare(value)
        if id(thing) in seen:
            continue
        inner = _elements(thing)
        if inner:
            seen.add(id(thing))
            todo += ((f"{label}[…]", v) for v in inner)
        if not (thing in modules if isinstance(thing, ModuleType) else _is_ours(thing, ours)):
            continue
        seen.add(id(thing))
        for of in _variables(thing):
            space = _Space(of, label)
            yield space
            todo += space.values()


def _variables(thing: Any) -> list[Any]:
    """Return what has the variables of a thing: itself, its slots, and what a function of the project took along."""
    found = [thing] if hasattr(thing, "__dict__") else []
    if isinstance(thing, FunctionType):
        return [*found, _Closure(thing)] if thing.__closure__ and belongs(thing.__code__.co_filename) == "project" else found
    return [*found, _Slots(thing)] if not isinstance(thing, (type, ModuleType)) and slots_of(type(thing)) else found


def _bare(value: Any) -> Any:
    """The function within what decorators and classes make of it."""
    if isinstance(value, Node):
        return value.function
    if isinstance(value, (staticmethod, classmethod)):
        return value.__func__
    return value.fget if isinstance(value, property) else value


def _is_ours(value: Any, modules: set[str]) -> bool:
    """Tell whether something is a function, class or object of the project, with variables of its own."""
    if isinstance(value, FunctionType):
        return value.__module__ in modules
    if isinstance(value, type):  # an enumeration keeps combinations of its members as they come up
        return value.__module__ in modules and not issubclass(value, enum.Enum)
    kind = type(value)
    if issubclass(kind, enum.Enum) or not (kind is SimpleNamespace or kind.__module__ in modules):
        return False
    return isinstance(getattr(value, "__dict__", None), dict) or bool(slots_of(kind))


def _counts(name: str) -> bool:
    return not name.startswith("__")


def _is_watched(value: Any) -> bool:
    return type(value) in _CONTAINERS and len(value) <= _LONGEST and value is not sys.modules


def _elements(value: Any) -> list[Any]:
    """Return what of a container's elements may be changed itself."""
    if not (type(value) in _CONTAINERS or type(value) is tuple) or len(value) > _COMPARED:
        return []
    return [v for v in (value.values() if type(value) in _DICTS else value) if type(v) not in _FIXED]


def _differs(container: Any, copy: Any) -> bool:
    if len(container) != len(copy):
        return True
    if len(copy) > _COMPARED:
        return False
    if isinstance(container, set):
        return bool(container != copy)
    pairs = zip(container.items(), copy.items(), strict=True) if isinstance(container, dict) else zip(container, copy, strict=True)
    if isinstance(container, dict):
        return any(a[0] is not b[0] or a[1] is not b[1] for a, b in pairs)
    return any(a is not b for a, b in pairs)


def _restore(container: Any, copy: Any) -> None:
    container.clear()
    if isinstance(container, (list, deque)):
        container.extend(copy)
    else:
        container.update(copy)
