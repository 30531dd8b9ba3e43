"""Digests of values that code reaches as constants."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import re
from collections import deque
from collections.abc import Iterable
from typing import Any

from .._errors import UnstorableError
from .._formats import write_format
from .._guard import Watched
from .._plain import Packer
from .._transport import to_json

_ENUM = frozenset({"_value_", "_name_", "__objclass__", "_sort_order_"})
_FIXED = frozenset({type(None), bool, int, float, complex, str, bytes, range, type(...)})
#: Modules whose plain values cannot change in place.
_FIXED_MODULES = frozenset({"datetime", "decimal", "fractions", "uuid", "pathlib", "pathlib._local"})


class _Constants(Packer):
    """Refuses what holds more than a value of its type shows."""

    def _special(self, value: Any, where: str, depth: int) -> Any:
        more = set(getattr(value, "__dict__", ()))
        if isinstance(value, enum.Enum):
            more -= _ENUM
        elif dataclasses.is_dataclass(value):
            more -= {f.name for f in dataclasses.fields(value)}
        elif not isinstance(value, tuple):
            more = set()
        if more:
            raise UnstorableError(where)
        return super()._special(value, where, depth)

    def _code(self, kind: type) -> str | None:
        return None  # it is counted beside the value


def constant_digest(value: Any) -> str | None:
    """Return a digest of a value that is plain data; None for any other."""
    if isinstance(value, re.Pattern):
        value = ("pattern", value.pattern, value.flags)
    try:
        return hashlib.blake2b(to_json(_Constants(_other).pack(value)), digest_size=20).hexdigest()
    except (UnstorableError, RecursionError):
        return None


def _other(value: Any, where: str) -> Any:
    written = write_format(value, where)
    if written is None:
        return None
    return {"$file": hashlib.blake2b(written.to_bytes(), digest_size=20).hexdigest()}


def is_fixed(value: Any) -> bool:
    """Tell whether a value surely cannot change in place."""
    return type(value) in _FIXED


def watch_constant(value: Any, watched: Watched) -> None:
    """Have a value that is plain data watched: where it can change in place, what it consists of."""
    kind = type(value)
    if kind in _FIXED or isinstance(value, (enum.Enum, re.Pattern)) or getattr(kind, "__module__", "") in _FIXED_MODULES:
        return
    inner: Iterable[Any] = ()
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        if kind is not tuple and kind is not frozenset:
            watched.shape(lambda: tuple(value))
        inner = value
    elif isinstance(value, dict):
        watched.shape(lambda: (*value, *value.values()))
        inner = (*value, *value.values())
    elif dataclasses.is_dataclass(kind):
        names = [f.name for f in dataclasses.fields(value)]
        watched.shape(lambda: (type(value), *getattr(value, "__dict__", ()), *(getattr(value, n, None) for n in names)))
        inner = tuple(getattr(value, n) for n in names)
    else:
        watched.digest(lambda: constant_digest(value))
        return
    for v in inner:
        if type(v) not in _FIXED:
            watch_constant(v, watched)
