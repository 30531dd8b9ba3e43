"""The description of a program for calyx."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

from ._ask import default_of
from ._declare import Fn, Node, Stored
from ._errors import DeclarationError, UnstorableError
from ._hints import type_hints, type_word
from ._literals import literal
from ._program import Program, Served
from ._proto import plugin_pb2 as pb
from ._reads import relative

if TYPE_CHECKING:
    from ._code import Code, Part


def describe(name: str, program: Program) -> pb.DescribeResponse:
    """Return the description, without code identity. The error names what cannot be described."""
    response = pb.DescribeResponse(name=name, queues=True)
    response.functions.extend(_function(served) for served in program.functions.values())
    response.stored.extend(_stored(served) for served in program.stored.values())
    return response


def add_identity(described: pb.DescribeResponse, program: Program, live: bool = False) -> dict[str, Code]:
    """Add code identity to a description, and what it rests on; return the identities by the functions' names.

    live: what counts is what the process holds now, not what its files say.
    """
    from ._code import Identity

    identity = Identity(live)
    codes: dict[str, Code] = {}
    workspace = os.getcwd()
    parts = _Parts(described, workspace)
    for function in described.functions:
        served = program.functions[function.name]
        code = identity.of(served.node.function, type(served.pipeline) if served.pipeline is not None else None)
        codes[function.name] = code
        function.code = code.digest
        function.notes.extend(code.notes)
        function.parts.extend(parts.number(part) for part in code.parts)
    if live:
        for name, stored in program.stored.items():
            codes[name] = identity.of(stored.node.function, type(stored.pipeline) if stored.pipeline is not None else None)
    if not live:
        identity.loaded()
    described.sources.extend(os.fsencode(relative(workspace, path)) for path in sorted(identity.files))
    rests_on = {*identity.records, os.path.realpath(sys.executable)}
    described.reads.extend(pb.Request(file=os.fsencode(relative(workspace, path))) for path in sorted(rests_on))
    absences = sorted(identity.absences)
    described.reads.extend(pb.Request(exists=os.fsencode(relative(workspace, path))) for path in absences)
    folders = sorted(identity.folders)
    described.reads.extend(pb.Request(listing=os.fsencode(relative(workspace, path))) for path in folders)
    return codes


class _Parts:
    """The parts of a description, each once."""

    #: How much text of parts a description holds, in bytes; the rest goes without, for a message has an end.
    MOST = 1 << 20

    def __init__(self, described: pb.DescribeResponse, workspace: str) -> None:
        self._described = described
        self._workspace = workspace
        self._numbers: dict[Part, int] = {}
        self._names: dict[str, int] = {}
        self._left = self.MOST

    def number(self, part: Part) -> int:
        """Return the number of a part."""
        if part not in self._numbers:
            self._numbers[part] = len(self._numbers)
            self._add(part)
        return self._numbers[part]

    def _add(self, part: Part) -> None:
        place = part.place
        count = self._names[place.name] = self._names.get(place.name, 0) + 1
        name = place.name if count == 1 else f"{place.name} ({count})"
        path = os.fsencode(relative(self._workspace, place.path)) if place.path else b""
        size = len(place.text.encode("utf-8", "replace"))
        text = place.text if size <= self._left else ""
        self._left -= size if text else 0
        self._described.parts.add(name=name, path=path, line=place.line, code=part.code, source=text)


def _function(served: Served) -> pb.Function:
    node = served.node
    assert isinstance(node, Fn)
    hints = type_hints(node)
    return pb.Function(
        name=served.name,
        doc=inspect.getdoc(node.function) or "",
        batch=node.options.get("batch", 0),
        overlap=node.overlap,
        returns=type_word(hints.get("return", Any)),
        parameters=[_parameter(node, p, hints) for p in node.signature.parameters.values()],
        options={name: literal(value, f"{node}: the option {name!r}") for name, value in node.options.items()},
    )


def _parameter(node: Node, parameter: inspect.Parameter, hints: dict[str, Any]) -> pb.Parameter:
    described = pb.Parameter(name=parameter.name, type=type_word(hints.get(parameter.name, Any)))
    if parameter.default is not parameter.empty:
        where = f"{node}: the default of {parameter.name!r}"
        described.default.CopyFrom(literal(parameter.default, where))
    return described


def _stored(served: Served) -> pb.Stored:
    node = served.node
    assert isinstance(node, Stored)
    described = pb.Stored(name=served.name, doc=inspect.getdoc(node.function) or "", type=type_word(type_hints(node).get("return", Any)))
    if node.path is not None:
        described.path = os.fsencode(node.path)
    elif node.glob is not None:
        described.glob = os.fsencode(node.glob)
    elif node.env is not None:
        described.env = node.env
        if node.default is not None:
            described.default.CopyFrom(literal(node.default, f"{node}: its default"))
    else:
        described.value.CopyFrom(_default(node, served))
    return described


def _default(node: Stored[Any], served: Served) -> pb.Literal:
    value = default_of(node, served.pipeline)
    try:
        return literal(value, f"{node}: its default")
    except UnstorableError as e:
        raise DeclarationError(str(e)) from e
