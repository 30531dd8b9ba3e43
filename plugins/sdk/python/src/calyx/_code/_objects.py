"""What objects consist of that are neither plain data nor code."""

from __future__ import annotations

import copyreg
import logging
import threading
from collections import OrderedDict, deque
from types import MappingProxyType
from typing import Any

from .._guard import MISSING, Watched
from .._types import slots_of
from ._constants import constant_digest

_LISTS = (list, tuple, deque, set, frozenset)
_DICTS = (dict, OrderedDict, MappingProxyType)
#: What a result does not depend on: who holds a lock, where a logger writes.
_STATELESS = (type(threading.Lock()), type(threading.RLock()), logging.Logger)
_WORD = object.__basicsize__ // 2

#: Values with labels.
Parts = list[tuple[str, Any]]


def state_of(value: Any, watched: Watched) -> Parts | None:
    """Return what an object consists of, and have it watched; None where that cannot be seen."""
    kind = type(value)
    if is_stateless(value):
        return []
    if kind in _LISTS:
        watched.shape(lambda: tuple(value))
        return [(f"[{i}]", v) for i, v in enumerate(value)]
    if kind in _DICTS:
        watched.shape(lambda: (*value, *value.values()))
        return [p for i, (k, v) in enumerate(value.items()) for p in ((f" key {i}", k), (f"[{k!r}]" if type(k) is str else f"[#{i}]", v))]
    if _is_ordinary(kind):
        watched.shape(lambda: _attributes(value))
        return named_attributes(value)
    parts = _reduced(value)
    if parts is None or _plain_state(value) is None:
        watched.unsure()
    else:
        watched.digest(lambda: _plain_state(value))
    return parts


def is_stateless(value: Any) -> bool:
    """Tell whether nothing of what an object holds can show in a result."""
    return isinstance(value, _STATELESS) or type(value).__module__.partition(".")[0] == "calyx"


def _is_ordinary(kind: type) -> bool:
    """Tell whether objects of a class hold nothing besides attributes, by their size: a dictionary, weak references, slots."""
    expected = object.__basicsize__ + _WORD * len(slots_of(kind))
    expected += _WORD * sum(getattr(kind, offset, 0) > 0 for offset in ("__dictoffset__", "__weakrefoffset__"))
    return kind.__itemsize__ == 0 and kind.__basicsize__ <= expected


def _own(value: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found


def _slot(value: Any, name: str) -> Any:
    try:
        return object.__getattribute__(value, name)
    except AttributeError:
        return MISSING


def _attributes(value: Any) -> tuple[Any, ...]:
    own = _own(value)
    return (type(value), *own, *own.values(), *(_slot(value, name) for name in slots_of(type(value))))


def named_attributes(value: Any) -> Parts:
    """Return the attributes of an object itself, without running code of its class."""
    found = {**{name: _slot(value, name) for name in slots_of(type(value))}, **_own(value)}
    return [(f".{name}", found[name]) for name in sorted(found, key=str) if found[name] is not MISSING]


def _plain_state(value: Any) -> str | None:
    """Return a digest of what would be pickled of an object besides its class, where that is plain data."""
    parts = _reduced(value)
    return None if parts is None else constant_digest([part for _, part in parts[1:]])


def _reduced(value: Any) -> Parts | None:
    """Return what would be pickled of an object: that is all its state."""
    try:
        reduce = copyreg.dispatch_table.get(type(value))
        made = reduce(value) if reduce is not None else value.__reduce_ex__(4)
        if isinstance(made, str):
            return [("", made)]
        function, args, state, items, pairs = (*made, None, None, None)[:5]
        return [("()", function), ("()", args), (" state", state), ("[]", list(items or ())), ("[]", list(pairs or ()))]
    except Exception:
        return None
