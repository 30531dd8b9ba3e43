"""The pieces of code that people know by a name, for the explanation of what changed."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol


class Place(NamedTuple):
    """Where a piece of code stands, with its text."""

    name: str
    path: str
    line: int
    text: str


def cell_place(name: str, value: Any) -> Place:
    """Return the place of what no file has: the cell that it stands in, where a notebook remembers that, or what a constant is."""
    if not callable(value):
        return Place(name, "", 0, f"{name} = {reprlib.repr(value)}\n")
    try:
        text = inspect.getsource(value)
    except (OSError, TypeError):
        text = ""
    return Place(name, "", 0, text)


class Part(NamedTuple):
    """A piece with a digest of what it is."""

    place: Place
    code: str


class _Unit(Protocol):
    place: Place | None

    def code(self) -> str: ...


def parts_of(reached: Iterable[_Unit | str]) -> list[Part]:
    """Return the parts among what a walk reached, in its order: pieces with a place, and installed packages."""
    parts = []
    for at in reached:
        if isinstance(at, str):
            kind, _, identity = at.partition(" ")
            if kind == "package":
                name, version, digest = identity.split(" ")
                parts.append(Part(Place(f"package {name}", "", 0, f"{name} {version}\n"), f"{version} {digest}"))
        elif at.place is not None:
            parts.append(Part(at.place, at.code()))
    return parts
