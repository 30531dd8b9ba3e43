"""Runs one call and tells how it ended."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from google.protobuf.duration_pb2 import Duration

from ._ask import decode_value
from ._call import Call
from ._declare import Fn
from ._errors import Cancelled, NeedError, RetryAfter
from ._files import content_of
from ._literals import unpack_argument
from ._printing import flush
from ._program import Served
from ._proto import plugin_pb2 as pb
from ._transport import JSON, Encoder, from_json

_HERE = os.path.dirname(os.path.abspath(__file__))
#: The characters of a message or traceback that are told: a message of the protocol has an end.
_LONGEST = 128 << 10


def run(call: Call, ended: Callable[[Call], None]) -> None:
    """Run a function on this thread, which has to flush the outbox then."""
    call.enter()
    call.thread = threading.get_ident()
    try:
        try:
            served, node, kwargs = _prepare(call)
            item = _result(call, node, node.function(*served.leading, **kwargs))
            call.program.check_globals()
            call.program.check_still(call.start.function)
        except BaseException as e:
            item = _failed(call, e)
            call.program.restore_globals()
    except Cancelled as e:  # it came amid the failure; there is no other one
        item = failure(e)
    call.leave_thread()
    flush()
    ended(call)
    call.end(item, flushed=True)


async def run_async(call: Call, ended: Callable[[Call], None]) -> None:
    """Run a coroutine function as the current task."""
    call.enter()
    call.task = asyncio.current_task()
    try:
        served, node, kwargs = _prepare(call)
        item = _result(call, node, await node.function(*served.leading, **kwargs))
        call.program.check_globals()
        call.program.check_still(call.start.function)
    except BaseException as e:
        item = _failed(call, e)
        call.program.restore_globals()
    flush()
    ended(call)
    call.end(item)


def run_by_hand(call: Call, ended: Callable[[Call], None]) -> None:
    """Run a function or coroutine function on this thread, which has to flush the outbox then."""
    served = call.program.functions.get(call.start.function)
    if served is not None and served.asynchronous:
        try:
            asyncio.run(run_async(call, ended))
        except KeyboardInterrupt as e:  # in Python 3.10 it also comes out here, and perhaps before the task has begun
            call.end(failure(e))
    else:
        run(call, ended)


def _prepare(call: Call) -> tuple[Served, Fn[Any, Any], dict[str, Any]]:
    name = call.start.function
    served = call.program.functions.get(name)
    if served is None:
        raise LookupError(f"this plugin has no function {name!r}")
    node = served.node
    assert isinstance(node, Fn)
    call.program.check_seen(name)
    return served, node, _arguments(call, node)


def _arguments(call: Call, node: Fn[Any, Any]) -> dict[str, Any]:
    """Read the arguments that the host gave; Python fills in the defaults of the others."""
    given: dict[str, Any] = {}
    if not call.start.arguments and not node.signature.parameters:
        return given
    for argument in call.start.arguments:
        if argument.name not in node.signature.parameters:
            raise TypeError(f"{node} has no parameter {argument.name!r}")
        given[argument.name] = _argument(call, argument.value, call.program.parameter_type(node, argument.name))
    for name, parameter in node.signature.parameters.items():
        if parameter.default is parameter.empty and name not in given:
            raise TypeError(f"{node} needs the argument {name!r}")
    return given


def _argument(call: Call, value: pb.Value, kind: str) -> Any:
    if value.media_type == JSON and kind != "file":
        return unpack_argument(from_json(content_of(value)))
    return decode_value(call, value, kind)


def _result(call: Call, node: Fn[Any, Any], value: Any) -> pb.PluginItem:
    encoded = Encoder(call.new_file, call.owns).encode(value, node.serializer)
    return pb.PluginItem(result=pb.Result(value=encoded))


def _failed(call: Call, error: BaseException) -> pb.PluginItem:
    if call.program.errors is not None:
        call.program.errors[call.start.node] = error
    return failure(error)


def failure(error: BaseException) -> pb.PluginItem:
    """Return the item for an exception: its type and message, and the traceback of the user's lines."""
    causes = _causes(error)
    told = pb.Failure(message=_message(error), details=_details(error), unmet=all(isinstance(e, NeedError) for e in causes))
    pauses = [e.seconds for e in causes if isinstance(e, RetryAfter)]
    if pauses and len(pauses) == len(causes):
        told.retryable = True
        told.retry_after.CopyFrom(Duration(seconds=int(max(pauses)), nanos=int(max(pauses) % 1 * 1e9)))
    return pb.PluginItem(failure=told)


def _causes(error: BaseException) -> list[BaseException]:
    """Return what a group of exceptions consists of, as of tasks that an asyncio.TaskGroup ran; an exception alone otherwise."""
    inner = getattr(error, "exceptions", None)
    if not isinstance(inner, tuple) or not inner or not all(isinstance(e, BaseException) for e in inner):
        return [error]
    return [cause for e in inner for cause in _causes(e)]


def _message(error: BaseException) -> str:
    if isinstance(error, (Cancelled, asyncio.CancelledError)):
        return str(error) or "the call was cancelled"
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    return _short(_valid(text)) or type(error).__name__


def _details(error: BaseException) -> str:
    """Format the traceback without the lines of this package."""
    for e in _chain(error):
        e.__traceback__ = _users(e.__traceback__)
    return _short(_valid("".join(traceback.format_exception(type(error), error, error.__traceback__))))


def _short(text: str) -> str:
    """Leave out the middle of a text that is too long for a message, such as that of an error which shows all of its data."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}\n… {len(text) - _LONGEST} characters are left out …\n{text[-_LONGEST // 2 :]}"


def _chain(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    while todo:
        e = todo.pop()
        if e is not None and e not in found:
            found.append(e)
            todo += [e.__cause__, e.__context__, *getattr(e, "exceptions", ())]
    return found


def _users(tb: Any) -> Any:
    """Leave out the frames of this package, at both ends and between."""
    if tb is None:
        return None
    rest = _users_rest(tb)
    kept = None
    for frame in reversed(rest):
        frame.tb_next = kept
        kept = frame
    return kept


def _users_rest(tb: Any) -> list[Any]:
    frames = []
    while tb is not None:
        if not tb.tb_frame.f_code.co_filename.startswith(_HERE):
            frames.append(tb)
        tb = tb.tb_next
    return frames


def _valid(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def program_name() -> str:
    """Return what the plugin calls itself."""
    return os.path.splitext(os.path.basename(sys.argv[0] or "python"))[0]
