"""Plain Python values as JSON, and back with their types.

What JSON has (None, bool, int, float, str, list, dict with str keys) is written as it is. Everything else is a dictionary
with one key that begins with "$": {"$tuple": [1, 2]}. A dictionary of the user with such a key is written as {"$dict": …}.
Nothing that is read back can run code: classes are looked up among the modules that are loaded, and never constructed.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import math
import pathlib
import uuid
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

from ._errors import UnstorableError
from ._types import find_type, type_name

#: How deep values may be nested: one that holds itself must end somewhere.
DEEPEST = 100

_JSON_SCALARS = frozenset({type(None), bool, int, str})

#: Makes a tagged form of a value that this module does not know, such as an array; None where it does not know it either.
Other = Callable[[Any, str], Any]


class Packer:
    """Turns one value into what `json.dumps` writes faithfully."""

    def __init__(self, other: Other | None = None) -> None:
        self._other = other
        self._codes: dict[type, str | None] = {}

    def pack(self, value: Any, where: str = "the value", depth: int = 0) -> Any:
        """Return the tagged form. The error names the place in the value, its type, and what would help."""
        kind = type(value)
        if kind in _JSON_SCALARS:
            return value if kind is not str else _text(value, where)
        if kind is float:
            return value if math.isfinite(value) else {"$float": repr(value)}
        if depth > DEEPEST:
            raise UnstorableError(f"{where}: it is nested more than {DEEPEST} deep, or holds itself")
        pack = _CONTAINERS.get(kind)
        if pack is not None:
            return pack(self, value, where, depth)
        write = _SCALARS.get(kind)
        if write is not None:
            return {f"${kind.__name__}": write(value)}
        return self._special(value, where, depth)

    def _special(self, value: Any, where: str, depth: int) -> Any:
        kind = type(value)
        other = self._other(value, where) if self._other else None
        if other is not None:
            return other
        if isinstance(value, pathlib.PurePath):
            return {"$path": self._of_class(kind, where, _path_text(value))}
        if isinstance(value, enum.Enum):
            # A flag may be a combination, which has no name in every Python.
            return {"$enum": self._of_class(kind, where, value.value if isinstance(value, enum.Flag) else value.name)}
        if dataclasses.is_dataclass(kind) and _is_made_by_object(kind):
            return {"$data": self._of_class(kind, where, self.pack(_attributes(value), where, depth + 1))}
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return {"$named": self._of_class(kind, where, self.items(list(value), where, depth))}
        raise unstorable(value, where)

    def _of_class(self, kind: type, where: str, content: Any) -> list[Any]:
        """Return an object's content after the name of its class, and before the class's code: other code makes it another value."""
        if kind not in self._codes:
            self._codes[kind] = self._code(kind)
        code = self._codes[kind]
        return [_findable(kind, where), content, *([code] if code is not None else [])]

    def _code(self, kind: type) -> str | None:
        from ._classes import code_of

        return code_of(kind)

    def items(self, values: list[Any], where: str, depth: int) -> list[Any]:
        """Pack elements one by one."""
        if all(type(v) in (int, bool) for v in values):
            return values
        return [self.pack(v, f"{where}[{i}]", depth + 1) for i, v in enumerate(values)]

    def pairs(self, value: dict[Any, Any], where: str, depth: int) -> list[list[Any]]:
        """Pack the entries of a dictionary whose keys are not all strings."""
        return [
            [self.pack(k, f"a key of {where}", depth + 1), self.pack(v, f"{where}[{k!r}]", depth + 1)]
            for k, v in value.items()
        ]


def unstorable(value: Any, where: str) -> UnstorableError:
    """Return the error for a value of a type that no serializer takes."""
    return UnstorableError(
        f"{where} is a {type_name(type(value))}, which calyx cannot store; it stores None, bool, int, float, str, bytes, "
        "lists, tuples, sets, dictionaries, dataclasses, named tuples, enums, dates, paths, calyx.File, numpy, torch and jax "
        "arrays, pandas and polars frames and pyarrow tables; for anything else return one of these, or declare the "
        'node with serializer="pickle"'
    )


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UnstorableError(f"{where}: {value!r} is text that is not Unicode; use bytes") from None
    return value


def _path_text(value: pathlib.PurePath) -> str:
    try:
        return _text(str(value), "a path")
    except UnstorableError:
        raise UnstorableError(f"{value!r}: its name is not UTF-8, and cannot be a value; os.fsencode gives bytes") from None


def _findable(kind: type, where: str) -> str:
    """Return the name of a class, by which whoever reads the value finds it."""
    name = type_name(kind)
    try:
        find_type(name, lambda found: True, "class")
    except UnstorableError:
        raise UnstorableError(f"{where} is a {name}, a class that cannot be found by its name; define it at the top of a module") from None
    return name


def _is_made_by_object(kind: type) -> bool:
    """Tell whether an instance has nothing but attributes, unlike one of a class that derives from list."""
    try:
        object.__new__(kind)
    except TypeError:
        return False
    return True


def _attributes(value: Any) -> dict[str, Any]:
    """Return the attributes that are set, those that are no fields included; what a cached property holds is made again."""
    names = dict.fromkeys(f.name for f in dataclasses.fields(value)) | getattr(value, "__dict__", {})
    kept = (name for name in names if not isinstance(getattr(type(value), name, None), functools.cached_property))
    return {name: getattr(value, name) for name in kept if hasattr(value, name)}


def _pack_list(p: Packer, value: list[Any], where: str, depth: int) -> Any:
    return p.items(value, where, depth)


def _pack_dict(p: Packer, value: dict[Any, Any], where: str, depth: int) -> Any:
    if all(type(k) is str for k in value) and not any(k.startswith("$") for k in value):
        return {_text(k, f"a key of {where}"): p.pack(v, f"{where}[{k!r}]", depth + 1) for k, v in value.items()}
    return {"$dict": p.pairs(value, where, depth)}


def _pack_set(p: Packer, value: Any, where: str, depth: int) -> Any:
    # Sets have no order that lasts: elements are sorted by how they are written.
    elements = [p.pack(v, f"an element of {where}", depth + 1) for v in value]
    return {f"${type(value).__name__}": sorted(elements, key=repr)}


_CONTAINERS: dict[type, Callable[[Packer, Any, str, int], Any]] = {
    list: _pack_list,
    dict: _pack_dict,
    set: _pack_set,
    frozenset: _pack_set,
    tuple: lambda p, v, w, d: {"$tuple": p.items(list(v), w, d)},
    deque: lambda p, v, w, d: {"$deque": [p.items(list(v), w, d), v.maxlen]},
    OrderedDict: lambda p, v, w, d: {"$OrderedDict": p.pairs(v, w, d)},
    defaultdict: lambda p, v, w, d: _refuse_factory(w),
}


def _refuse_factory(where: str) -> Any:
    raise UnstorableError(f"{where} is a defaultdict, whose factory is code; use dict(value)")


_SCALARS: dict[type, Callable[[Any], Any]] = {
    bytes: lambda v: base64.b64encode(v).decode(),
    bytearray: lambda v: base64.b64encode(v).decode(),
    complex: lambda v: [repr(v.real), repr(v.imag)],
    range: lambda v: [v.start, v.stop, v.step],
    decimal.Decimal: str,
    fractions.Fraction: str,
    uuid.UUID: str,
    datetime.date: lambda v: v.isoformat(),
    datetime.timedelta: lambda v: [v.days, v.seconds, v.microseconds],
    type(...): lambda v: True,
}


def _unpack_datetime(text: list[str]) -> Any:
    kind = datetime.time if text[0] == "time" else datetime.datetime
    value: Any = kind.fromisoformat(text[1]).replace(fold=int(text[2]))
    return value if len(text) < 4 else value.replace(tzinfo=datetime.timezone(value.utcoffset(), text[3]))


def _unpack_zoned(text: list[str], key: str) -> Any:
    import zoneinfo  # loading it takes as long as all of this package does

    return _unpack_datetime(text).replace(tzinfo=zoneinfo.ZoneInfo(key))


def _pack_time(value: Any, where: str) -> Any:
    if type_name(type(value.tzinfo)) == "zoneinfo:ZoneInfo" and value.tzinfo.key is not None:
        return {"$zoned": [_pack_time(value.replace(tzinfo=None), where)["$time"], value.tzinfo.key]}
    if value.tzinfo is not None and type(value.tzinfo) is not datetime.timezone:
        raise UnstorableError(f"{where}: its time zone {value.tzinfo!r} cannot be stored; use datetime.timezone or zoneinfo.ZoneInfo")
    # A zone's name that its offset does not give is its own.
    name = [] if value.tzinfo is None or value.tzname() == datetime.timezone(value.utcoffset()).tzname(None) else [value.tzname()]
    return {"$time": [type(value).__name__, value.isoformat(), str(value.fold), *name]}


_CONTAINERS[datetime.datetime] = lambda p, v, w, d: _pack_time(v, w)
_CONTAINERS[datetime.time] = lambda p, v, w, d: _pack_time(v, w)


class Unpacker:
    """Turns what `json.loads` gave back into the value."""

    def __init__(self, other: Callable[[str, Any], Any] | None = None) -> None:
        self._other = other

    def unpack(self, value: Any) -> Any:
        """Return the value. Unknown tags are an error: they were written by a newer version, or by hand."""
        kind = type(value)
        if kind is list:
            return [self.unpack(v) for v in value]
        if kind is not dict:
            return value
        if len(value) == 1:
            tag = next(iter(value))
            if tag.startswith("$"):
                return self._tagged(tag, value[tag])
        return {k: self.unpack(v) for k, v in value.items()}

    def _tagged(self, tag: str, content: Any) -> Any:
        read = _TAGS.get(tag)
        if read is not None:
            return read(self, content)
        if self._other is not None:
            return self._other(tag, content)
        raise UnstorableError(f"a stored value has the unknown form {tag!r}")

    def pairs(self, pairs: list[list[Any]]) -> list[tuple[Any, Any]]:
        """Unpack the entries of a dictionary."""
        return [(self.unpack(k), self.unpack(v)) for k, v in pairs]

    def data(self, content: Any) -> Any:
        """Restore a dataclass by its fields; its own __init__ and __post_init__ do not run."""
        kind = find_type(content[0], dataclasses.is_dataclass, "dataclass")
        value = object.__new__(kind)
        for name, field in self.unpack(content[1]).items():
            object.__setattr__(value, name, field)
        return value

    def named(self, content: Any) -> Any:
        """Restore a named tuple."""
        kind = find_type(content[0], lambda t: issubclass(t, tuple) and hasattr(t, "_fields"), "named tuple")
        return tuple.__new__(kind, self.unpack(content[1]))


def _unpack_enum(_: Unpacker, content: Any) -> Any:
    kind = find_type(content[0], lambda t: issubclass(t, enum.Enum), "enum")
    return kind[content[1]] if isinstance(content[1], str) else kind(content[1])


def _unpack_path(_: Unpacker, content: Any) -> Any:
    return find_type(content[0], lambda t: issubclass(t, pathlib.PurePath), "path")(content[1])


_TAGS: dict[str, Callable[[Unpacker, Any], Any]] = {
    "$float": lambda u, c: float(c),
    "$tuple": lambda u, c: tuple(u.unpack(c)),
    "$set": lambda u, c: set(u.unpack(c)),
    "$frozenset": lambda u, c: frozenset(u.unpack(c)),
    "$deque": lambda u, c: deque(u.unpack(c[0]), c[1]),
    "$dict": lambda u, c: dict(u.pairs(c)),
    "$OrderedDict": lambda u, c: OrderedDict(u.pairs(c)),
    "$bytes": lambda u, c: base64.b64decode(c),
    "$bytearray": lambda u, c: bytearray(base64.b64decode(c)),
    "$complex": lambda u, c: complex(float(c[0]), float(c[1])),
    "$range": lambda u, c: range(*c),
    "$Decimal": lambda u, c: decimal.Decimal(c),
    "$Fraction": lambda u, c: fractions.Fraction(c),
    "$UUID": lambda u, c: uuid.UUID(c),
    "$date": lambda u, c: datetime.date.fromisoformat(c),
    "$time": lambda u, c: _unpack_datetime(c),
    "$zoned": lambda u, c: _unpack_zoned(*c),
    "$timedelta": lambda u, c: datetime.timedelta(*c),
    "$ellipsis": lambda u, c: ...,
    "$path": _unpack_path,
    "$enum": _unpack_enum,
    "$data": lambda u, c: u.data(c),
    "$named": lambda u, c: u.named(c),
}
