"""The program of a session as it is now: cells define classes and functions anew, and code and objects change."""

from __future__ import annotations

import functools
import sys
from types import ModuleType
from typing import Any

from ._code._members import shape_of
from ._declare import Node, Pipeline
from ._describe import add_identity, describe
from ._guard import Guard, Watched
from ._program import Program


class Living:
    """What is served, described as it is at one time."""

    def __init__(self, what: tuple[Any, ...]) -> None:
        watched = Watched()
        #: What was given, as it is by now.
        self.what = tuple(_latest(thing, watched) for thing in what)
        self.program = Program(*self.what)
        for pipeline in self.program.pipelines:
            for base in pipeline.__mro__[:-1]:
                watched.shape(functools.partial(shape_of, base))
        for served in (*self.program.functions.values(), *self.program.stored.values()):
            served.node.__dict__.pop("signature", None)  # its defaults may be others
        self.described = describe(self.program.pipelines[0].__name__ if self.program.pipelines else "session", self.program)
        self.program.live = add_identity(self.described, self.program, live=True)
        #: What tells whether a node, or what nodes there are, is as described.
        self.guards = {name: code.guard for name, code in self.program.live.items()}
        self.declared = Guard([watched])
        #: The nodes' own descriptions.
        self.entries = {n.name: n.SerializeToString(deterministic=True) for n in (*self.described.functions, *self.described.stored)}

    def same(self) -> bool:
        """Tell whether everything is surely as it was described."""
        return self.declared.same() and all(guard.same() for guard in self.guards.values())


def _latest(thing: Any, watched: Watched) -> Any:
    """Return what now has the name of a class or function: a cell may have defined it anew."""
    if isinstance(thing, ModuleType):
        watched.shape(lambda: tuple(v for v in vars(thing).values() if isinstance(v, (Node, type))))
        return thing
    function = thing.function if isinstance(thing, Node) else thing
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    name = getattr(function, "__qualname__", "")
    if module is None or name not in vars(module):
        return thing
    watched.name(vars(module), name)
    now = vars(module)[name]
    same_kind = isinstance(now, Node) if isinstance(thing, Node) else isinstance(now, type) and issubclass(now, Pipeline)
    return now if same_kind else thing
