"""What a node reads by asking: files, folders, patterns, variables. Each becomes a dependency, also where it is not there.

Outside of nodes, where modules are imported, these functions read directly: what is read then counts for all nodes.
"""

from __future__ import annotations

import builtins
import json
import os
from glob import glob as plain_glob
from typing import IO, Any, overload

from ._ask import file_of
from ._call import Call, calling, current_call, raise_unanswered
from ._errors import CalyxError
from ._files import content_of
from ._proto import plugin_pb2 as pb


def open(path: str | os.PathLike[str], mode: str = "r", **options: Any) -> IO[Any]:
    """Open a file to read it, with the options of the built-in open. The node runs again when its bytes change."""
    if set(mode) & set("wax+"):
        raise CalyxError(f"open {os.fspath(path)!r} with mode {mode!r}: calyx.open only reads; write below calyx.out_dir()")
    call = calling()
    if call is None:
        return builtins.open(path, mode, **options)
    subject = asked_path(call, path)
    answer = call.ask_one(pb.Request(file=os.fsencode(subject), view=pb.View(kind=pb.View.KIND_BYTES)))
    raise_unanswered(answer, subject)
    own = file_of(call, answer.value, os.path.basename(subject))
    return builtins.open(own, mode, **options)


def listdir(path: str | os.PathLike[str] = ".") -> list[str]:
    """Return the sorted names in a folder. The node runs again when one comes or goes, not when a file changes."""
    call = calling()
    if call is None:
        return sorted(os.listdir(path))
    subject = asked_path(call, path)
    names = _json(call, pb.Request(listing=os.fsencode(subject)), subject)
    return sorted(name.rstrip("/") for name in names)


def glob(pattern: str) -> list[str]:
    """Return the sorted paths of the files that match a pattern, in which ** stands for any folders."""
    call = calling()
    if call is None:
        return sorted(p for p in plain_glob(pattern, recursive=True) if os.path.isfile(p))
    found = _json(call, pb.Request(glob=os.fsencode(pattern)), pattern)
    return sorted(found)


def exists(path: str | os.PathLike[str]) -> bool:
    """Tell whether there is something at a path."""
    call = calling()
    if call is None:
        return os.path.exists(path)
    subject = asked_path(call, path)
    answer = call.ask_one(pb.Request(exists=os.fsencode(subject)))
    return bool(answer.WhichOneof("answer") == "value" and json.loads(content_of(answer.value)))


@overload
def env(name: str, default: str) -> str: ...


@overload
def env(name: str, default: None = None) -> str | None: ...


def env(name: str, default: str | None = None) -> str | None:
    """Return a variable of the user's environment; default where it is not set."""
    call = calling()
    if call is None:
        return os.environ.get(name, default)
    answer = call.ask_one(pb.Request(env=name))
    if answer.WhichOneof("answer") == "absent":
        return default
    raise_unanswered(answer, name)
    return str(json.loads(content_of(answer.value)))


def instance() -> str:
    """Return the name of the instance that is built. A node that asks has a result per instance."""
    return str(_json(current_call("calyx.instance"), pb.Request(instance=True), "the instance's name"))


def _json(call: Call, request: pb.Request, what: str) -> Any:
    answer = call.ask_one(request)
    raise_unanswered(answer, what)
    return json.loads(content_of(answer.value))


def asked_path(call: Call, path: str | os.PathLike[str]) -> str:
    """Return a path as calyx wants it: relative in the workspace, absolute outside."""
    return relative(os.fsdecode(call.start.workspace), os.fspath(path))


def relative(workspace: str, path: str) -> str:
    """Return a path relative to the workspace where it lies in it, else as an absolute path."""
    full = os.path.normpath(os.path.join(os.getcwd(), path))
    if full == workspace:
        return "."
    return full[len(workspace) + 1 :] if full.startswith(workspace + "/") else full
