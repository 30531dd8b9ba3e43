"""What calling a node inside a node does: it asks calyx, and that makes the edge."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ._call import Call, calling, current_call, raise_unanswered
from ._errors import CalyxError, DeclarationError
from ._files import File, content_of, is_mapped
from ._literals import named_literals
from ._proto import plugin_pb2 as pb
from ._transport import Decoder

if TYPE_CHECKING:
    from ._declare import Fn, Stored

#: The stored node whose default is being computed, outside of any call.
_defaulting: ContextVar[Stored[Any] | None] = ContextVar("calyx_defaulting", default=None)


def value(node: Fn[Any, Any], pipeline: type[Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Ask for the value of a derived node and wait for it."""
    call = current_call(f"call {node}")
    _refuse_on_loop(call, node)
    request = _request(call, node, pipeline, args, kwargs)
    return _decode(call, call.ask_one(request), request.node.name)


async def value_async(node: Fn[Any, Any], pipeline: type[Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Ask for the value of a derived node; other tasks go on meanwhile."""
    call = current_call(f"call {node}")
    request = _request(call, node, pipeline, args, kwargs)
    return _decode(call, await call.ask_one_async(request), request.node.name)


def _refuse_on_loop(call: Call, node: Fn[Any, Any]) -> None:
    """Where all asynchronous nodes share a loop, waiting without await would keep the needed node from running."""
    if call.task is not None and asyncio._get_running_loop() is call.task.get_loop():
        raise CalyxError(
            f"{node} is called in an asynchronous node: say `await self.{node.attribute}.aio(…)`, so that others can run meanwhile"
        )


def _request(call: Call, node: Fn[Any, Any], pipeline: type[Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> pb.Request:
    name = call.program.name(node, pipeline)
    return pb.Request(node=pb.NodeRequest(name=name, arguments=named_literals(node.signature, str(node), args, kwargs)))


def _decode(call: Call, answer: pb.Answer, what: str) -> Any:
    raise_unanswered(answer, what)
    return decode_value(call, answer.value)


def decode_value(call: Call, value: pb.Value, kind: str = "") -> Any:
    """Return a value that calyx gave to the call."""
    found = Decoder(call.new_file).decode(value, kind)
    if isinstance(found, File):
        call.given.add(os.fspath(found))
    return found


def stored(node: Stored[Any], obj: Any) -> Any:
    """Return the value of a stored node: of a file a handle, which asks when it is looked into."""
    call = calling()
    if call is None:
        return _default_above(node, obj)
    name = call.program.name(node, type(obj) if obj is not None else None)
    if node.path is not None:
        return NodeFile(name, "", os.path.basename(node.path.rstrip("/")))
    if node.glob is not None:
        files = NodeFile(name, "", name)
        return [files / path for path in files.names()]
    answer = call.ask_one(pb.Request(node=pb.NodeRequest(name=name)))
    if answer.WhichOneof("answer") == "absent":
        raise CalyxError(f"{name} is not there: the variable {node.env!r} is not set, and it has no default")
    return _decode(call, answer, name)


def default_of(node: Stored[Any], obj: Any) -> Any:
    """Compute the default of a stored value: what its body returns."""
    token = _defaulting.set(node)
    try:
        return node.function(obj) if node.owner else node.function()
    finally:
        _defaulting.reset(token)


def _default_above(node: Stored[Any], obj: Any) -> Any:
    """Answer super().x() in the default of x. Other nodes have no value while defaults are computed."""
    asking = _defaulting.get()
    if asking is None:
        current_call(f"read {node}")
    if asking is not None and asking.attribute == node.attribute and asking is not node:
        return default_of(node, obj)
    raise DeclarationError(f"the default of {asking} reads {node}: a default is a constant; make it a derived node (@fn)")


class NodeFile(File):
    """The file or folder of a node. What is looked at becomes a dependency, and nothing else."""

    __slots__ = ("_name", "_node", "_part")

    def __init__(self, node: str, part: str, name: str) -> None:
        self._node, self._part, self._name = node, part, name

    def __fspath__(self) -> str:
        view = pb.View(kind=pb.View.KIND_FILE, name=self._part.encode()) if self._part else None
        call, answer = self._answer(view)
        raise_unanswered(answer, f"{self._node}/{self._part}" if self._part else self._node)
        return file_of(call, answer.value, self._name)

    def _answer(self, view: pb.View | None) -> tuple[Call, pb.Answer]:
        call = current_call(f"read {self._node}")
        return call, call.ask_one(pb.Request(node=pb.NodeRequest(name=self._node), view=view))

    def names(self) -> list[str]:
        """Return the sorted paths of all files in the folder."""
        _, answer = self._answer(pb.View(kind=pb.View.KIND_KEYS))
        raise_unanswered(answer, self._node)
        below = f"{self._part}/" if self._part else ""
        found: list[str] = json.loads(content_of(answer.value))
        return sorted(path[len(below) :] for path in found if path.startswith(below))

    def __iter__(self) -> Iterator[File]:
        """The entries of a folder, by name."""
        return iter([self / name for name in sorted({path.partition("/")[0] for path in self.names()})])

    @property
    def name(self) -> str:
        """The last part of the path: it is known without a look."""
        return self._name

    def __truediv__(self, name: str) -> File:
        part = f"{self._part}/{name}" if self._part else name
        return NodeFile(self._node, part, os.path.basename(name))

    def exists(self) -> bool:
        """Tell whether there is something at the path."""
        if self._part:
            return self.is_file() or self.is_dir()
        _, answer = self._answer(pb.View(kind=pb.View.KIND_EXISTS))
        return _is_there(answer, self._node)

    def is_file(self) -> bool:
        """Tell whether it is a file."""
        try:
            return os.path.isfile(os.fspath(self))
        except FileNotFoundError:
            return False

    def is_dir(self) -> bool:
        """Tell whether it is a folder."""
        try:
            return bool(self.names()) if self._part else os.path.isdir(os.fspath(self))
        except FileNotFoundError:
            return False

    def __repr__(self) -> str:
        return f"<calyx file {self._node}/{self._part}>" if self._part else f"<calyx file {self._node}>"


def _is_there(answer: pb.Answer, what: str) -> bool:
    if answer.WhichOneof("answer") == "absent":
        return False
    raise_unanswered(answer, what)
    return True


def file_of(call: Call, value: pb.Value, name: str) -> str:
    """Return the path of a file with the value's content; one that came inline is written."""
    if is_mapped(value):
        path = os.fsdecode(value.path)
        call.given.add(path)
        return path
    path = call.new_file("-" + name)
    with open(path, "wb") as f:
        f.write(content_of(value))
    return path
