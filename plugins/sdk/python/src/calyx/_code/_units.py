"""Pieces of code, what they refer to, and the walk over them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from .._guard import Guard, Watched
from .._places import file_of_module, is_projects_module
from ._parts import Part, Place


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
    """A name in a module, or that of a class there with an attribute: where a value was found."""

    module: ModuleType
    name: str


def attribute_of(kind: type[Any], name: str) -> Where | None:
    """Return where the body of a class of the project binds a name."""
    module = sys.modules.get(kind.__module__)
    if module is None or not (file_of_module(module) is None or is_projects_module(module)):
        return None
    return Where(module, f"{kind.__qualname__}.{name}")


class Scope(NamedTuple):
    """What the names in a piece of code stand for that are no variables of it."""

    module: ModuleType | None
    #: The globals of a function, which may be none of its module's.
    namespace: dict[str, Any]
    #: The cells of a function by their names.
    closure: dict[str, Any] = {}  # noqa: RUF012

    @classmethod
    def of(cls, module: ModuleType | None) -> Scope:
        """Return the scope of a module's own statements."""
        return cls(module, vars(module) if module else {})


def walk(target: Target, numbers: dict[int, int], reached: list[Target]) -> Iterator[str]:
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
