"""Tells cheaply whether the code of this process, and what it reaches, is as it was when it was described."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import is_
from typing import Any

#: What stands for a name that is not there.
MISSING = object()


class Watched:
    """What a piece of code stands on in this process: names, the shapes of objects, or something that nothing cheap can tell of."""

    __slots__ = ("digests", "names", "shapes", "sure")

    def __init__(self) -> None:
        self.names: list[tuple[Mapping[str, Any], str, Any]] = []
        self.shapes: list[tuple[Callable[[], tuple[Any, ...]], tuple[Any, ...]]] = []
        self.digests: list[tuple[Callable[[], str | None], str | None]] = []
        self.sure = True

    def name(self, space: Mapping[str, Any], name: str) -> None:
        """Note what a name stands for in a namespace."""
        self.names.append((space, name, space.get(name, MISSING)))

    def shape(self, read: Callable[[], tuple[Any, ...]]) -> None:
        """Note what an object consists of: the very same things, in the same order."""
        self.shapes.append((read, read()))

    def digest(self, read: Callable[[], str | None]) -> None:
        """Note a digest of an object's content."""
        self.digests.append((read, read()))

    def unsure(self) -> None:
        """Note that something can change without a trace."""
        self.sure = False


class Guard:
    """All that some pieces of code stand on. It may be asked from any thread."""

    def __init__(self, pieces: Iterable[Watched]) -> None:
        pieces = list(pieces)
        self._sure = all(p.sure for p in pieces)
        names = {(id(space), name, id(value)): (space, name, value) for p in pieces for space, name, value in p.names}
        self._names = list(names.values())
        self._shapes = [shape for p in pieces for shape in p.shapes]
        self._digests = [digest for p in pieces for digest in p.digests]

    def same(self) -> bool:
        """Tell whether everything is surely as it was."""
        return self._sure and not self.moved()

    def moved(self) -> bool:
        """Tell whether something is seen not to be as it was."""
        for space, name, value in self._names:
            if space.get(name, MISSING) is not value:
                return True
        try:
            for read, was in self._shapes:
                now = read()
                if len(now) != len(was) or not all(map(is_, now, was)):
                    return True
            return any(read() != was for read, was in self._digests)
        except RuntimeError:  # another thread changes it
            return True
