"""The code that objects hold: what decorators, base classes or statements of any module registered with them."""

from __future__ import annotations

import argparse
import functools
import sys
from collections import deque
from collections.abc import Iterator
from types import FunctionType, MappingProxyType, MethodType, SimpleNamespace
from typing import Any

from .._declare import Node
from .._types import type_name
from ._modules import is_projects_module
from ._objects import is_stateless, named_attributes

_LISTS = (list, tuple, deque)
_SETS = (set, frozenset)
_DICTS = (dict, MappingProxyType)
_CONTAINERS = (*_LISTS, *_SETS, *_DICTS)
_CODE = (FunctionType, MethodType, type, staticmethod, classmethod, property, functools.partial, functools.partialmethod)
#: Objects of Python's own that are there to hold what the project gives them.
_NAMESPACES = (SimpleNamespace, argparse.Namespace)
_KEYS = (str, bytes, int, float, bool, type(None))


def held(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object holds that counts, with labels: functions and classes, the classes of objects of the project with all that
    these hold, and the elements of containers. Of an object of anybody else only what is the project's is taken: it may lead anywhere.
    """
    foreign = not isinstance(value, _CONTAINERS) and not _is_open(value)
    todo: list[tuple[str, Any, bool]] = [("", value, not foreign)]
    seen: set[int] = set()
    while todo:
        label, at, plain = todo.pop()
        container, object_ = isinstance(at, _CONTAINERS), _is_open(at)
        if isinstance(at, Node):
            continue
        if isinstance(at, _CODE):
            if not foreign or is_projects(getattr(at, "__func__", at)):
                yield label, at
        elif container and not object_ and _is_flat(at):
            if plain:
                yield label, _copied(at)
        elif container or object_ or at is value:
            if id(at) in seen or is_stateless(at):
                continue
            seen.add(id(at))
            if at is not value and object_:
                yield label, type(at)
            inner = [*(_inner(at) if container else ()), *(named_attributes(at) if object_ or not container else ())]
            todo += ((label + name, v, plain or object_) for name, v in reversed(inner))
        elif plain:
            yield label, at


def is_projects(code: Any) -> bool:
    """Tell whether a class or function is the project's."""
    module = sys.modules.get(getattr(code, "__module__", None) or "")
    return module is not None and is_projects_module(module)


def is_opaque(at: Any) -> bool:
    """Tell whether an object may hold what cannot be looked at: one of a package, unless it is a function by another type."""
    if isinstance(at, _CONTAINERS) or _is_open(at) or is_stateless(at):
        return False
    return not (callable(at) and isinstance(getattr(at, "__name__", None), str))


def _is_open(at: Any) -> bool:
    """Tell whether an object is the project's to fill."""
    return type(at) in _NAMESPACES or is_projects(type(at))


def _copied(at: Any) -> Any:
    """Return a container as one of Python's own, which is a constant."""
    if isinstance(at, _DICTS):
        return dict(at)
    return set(at) if isinstance(at, _SETS) else list(at)


def _is_flat(at: Any) -> bool:
    """Tell whether a container holds scalars alone, of which there may be many."""
    values = at.values() if isinstance(at, _DICTS) else at
    return all(type(v) in _KEYS for v in values) and all(type(k) in _KEYS for k in (at if isinstance(at, _DICTS) else ()))


def _inner(at: Any) -> list[tuple[str, Any]]:
    if isinstance(at, _LISTS):
        return [(f"[{i}]", v) for i, v in enumerate(at)]
    if isinstance(at, _SETS):  # they have no order that lasts
        return [("{}", v) for v in sorted(at, key=_order)]
    pairs = list(at.items())
    names = [repr(k) if type(k) in _KEYS else f"#{i}" for i, (k, _) in enumerate(pairs)]
    keys = [(f" key {name}", k) for name, (k, _) in zip(names, pairs, strict=True) if type(k) not in _KEYS]
    return keys + [(f"[{name}]", v) for name, (_, v) in zip(names, pairs, strict=True)]


def _order(value: Any) -> str:
    named = getattr(value, "__qualname__", None)
    if named is not None:
        return f"{getattr(value, '__module__', '')}.{named}"
    shown = [(label, v) for label, v in named_attributes(value) if type(v) in _KEYS] if _is_open(value) else value
    return f"{type_name(type(value))} {shown!r}"


def subclasses(kind: type[Any]) -> list[type[Any]]:
    """Return the classes of the project that derive from a class."""
    found: dict[type[Any], None] = {}
    todo = [kind]
    while todo:
        fresh = [c for c in type.__subclasses__(todo.pop()) if c not in found and is_projects(c)]
        found.update(dict.fromkeys(fresh))
        todo += fresh
    return sorted(found, key=_order)
