"""`calyx.Session`: nodes of a pipeline from a script or a notebook, run in this very process by way of calyx and its cache.

Each question is a `calyx` of its own. It reaches the functions through a program of two lines, which shakes hands in the name of
a server in this process, so that a function sees the modules, models and cells that are here. Answers are remembered with the
stats of everything that they stand on, and given again while none of these has moved.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ._call import calling
from ._declare import Fn, Stored
from ._errors import CalyxError
from ._literals import named_literals
from ._printing import capture
from ._program import Program
from ._proto import plugin_pb2 as pb
from ._serve import Server
from ._spell import spell
from ._threads import follow_threads
from ._transport import Decoder
from ._watch import watch_process

#: Tells calyx where this process serves, and ends when it says that calyx has no more use for it.
_RELAY = "printf '1|1|unix|%s|grpc|\\n' {address}; read -r _ < {gate} # {digest}"


class Session:
    """The nodes of pipelines and functions, as attributes: `s.clean(lower=False)`. What they return goes through calyx's cache.

    instance names a set of stored values. workspace is the folder that paths are relative to: without it that of the nearest
    Calyxfile above the working directory, else the working directory. Not for several processes; calls may come from any thread.
    """

    def __init__(self, *what: Any, instance: str = "main", workspace: str | None = None) -> None:
        self._instance = instance
        self._root = os.path.abspath(workspace) if workspace is not None else _workspace()
        if self._root != os.getcwd():
            os.chdir(self._root)  # paths in nodes are the workspace's
        self._calyx = _calyx()
        watch_process(self._root)
        _Streams.take()
        self._program = Program(*what)
        self._folder = tempfile.mkdtemp(prefix="calyx-session-")
        self._gate = os.path.join(self._folder, "gate")
        os.mkfifo(self._gate)
        self._server = Server(self._program, folder=self._folder, done=functools.partial(_open_gate, self._gate))
        self._program.released()
        self._answers: dict[str, _Answer] = {}
        self._one = threading.RLock()
        number, self._calyxfile = tempfile.mkstemp(prefix=".session-", suffix=".calyx", dir=self._root)
        os.close(number)
        #: Gives back what the session holds; values that it gave stay. A session that is dropped is closed.
        self.close = weakref.finalize(self, _close, self._server, self._calyxfile, self._folder)
        self._declare()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        served = self._program.functions.get(name) or self._program.stored.get(name)
        if served is None:
            inner = _Part(self, name + ".")
            if not any(n.startswith(name + ".") for n in (*self._program.functions, *self._program.stored)):
                raise AttributeError(f"there is no node {name!r}{self._near(name)}")
            return inner
        if isinstance(served.node, Stored):
            return lambda: self._value(name)
        node = served.node
        assert isinstance(node, Fn)
        call = self._async(name, node) if node.asynchronous else self._plain(name, node)
        call.__name__, call.__doc__ = name, node.function.__doc__
        return call

    def __dir__(self) -> list[str]:
        nodes = {n.partition(".")[0] for n in (*self._program.functions, *self._program.stored)}
        return sorted({*(n for n in super().__dir__() if not n.startswith("_")), *nodes})

    def set(self, name: str, value: Any) -> None:
        """Set a stored value of the instance. Nothing is computed."""
        self._outside(f"set({name!r}, …)")
        self._run("set", name, "--json", json.dumps(value))

    def unset(self, name: str) -> None:
        """Give a stored value back to its source."""
        self._outside(f"unset({name!r})")
        self._run("unset", name)

    def why(self, node: str) -> str:
        """Tell why a node ran last time, and why it would run now."""
        return self._run("why", node)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None) -> None:
        self.close()

    def _near(self, name: str) -> str:
        import difflib

        near = difflib.get_close_matches(name, [*self._program.functions, *self._program.stored], n=1)
        return f" (did you mean {near[0]!r}?)" if near else ""

    def _outside(self, what: str) -> None:
        if calling() is not None:
            raise CalyxError(f"{what}: a node runs, and what it computes must not change its own inputs")

    def _plain(self, name: str, node: Fn[Any, Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._value(self._target(name, node, args, kwargs))

    def _async(self, name: str, node: Fn[Any, Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.to_thread(self._value, self._target(name, node, args, kwargs))

        return call

    def _target(self, name: str, node: Fn[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        return spell(name, named_literals(node.signature, str(node), args, kwargs))

    def _value(self, target: str) -> Any:
        self._outside(target)
        if not self._guard.same():
            self._declare()  # a cell may have been written anew, or a global set
        known = self._answers.get(target)
        if known is None or not known.holds():
            known = self._answers[target] = self._ask(target)
        return Decoder(self._new_file).decode(known.value)

    def _ask(self, target: str) -> _Answer:
        with self._one:
            errors: dict[str, BaseException] = {}
            self._program.errors = errors
            self._program.loaded()
            try:
                done = self._calyx_run("session-get", target, "--progress", "none")
            finally:
                self._program.released()
        said = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        if done.returncode == 0:
            return _Answer(said, self._root)
        for node in said.get("failed") or ():
            error = errors.get(node)
            if error is not None:
                raise error
        raise CalyxError(_plain_error(done.stderr))

    def _run(self, *words: str) -> str:
        done = self._calyx_run(*words)
        if done.returncode != 0:
            raise CalyxError(_plain_error(done.stderr))
        return done.stdout

    def _calyx_run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [self._calyx, "-f", self._calyxfile, "-i", self._instance, *words]
        return subprocess.run(command, cwd=self._root, capture_output=True, text=True, check=False)

    def _declare(self) -> None:
        """Write the Calyxfile. The digest of the description is in it: what ran in this process before is another plugin."""
        described, self._guard = self._server.describe_anew()
        digest = hashlib.blake2b(described, digest_size=16).hexdigest()
        relay = _RELAY.format(address=shlex.quote(self._server.address), gate=shlex.quote(self._gate), digest=digest)
        command = ["/bin/sh", "-c", relay]
        text = f"use(plugin({json.dumps(self._program_name())}, cmd = {json.dumps(command)}))\n"
        with open(self._calyxfile, "r+") as f:
            if f.read() != text:
                self._answers.clear()
                f.seek(0)
                f.truncate()
                f.write(text)

    def _program_name(self) -> str:
        return self._program.pipelines[0].__name__ if self._program.pipelines else "session"

    def _new_file(self, end: str) -> str:
        number, path = tempfile.mkstemp(suffix=end, dir=self._folder)
        os.close(number)
        return path


class _Part:
    """The nodes of one of several pipelines: `s.Reviews.clean()`."""

    def __init__(self, session: Session, prefix: str) -> None:
        self._session, self._prefix = session, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, self._prefix + name)


class _Answer:
    """A value, and what it stands on."""

    def __init__(self, said: dict[str, Any], root: str) -> None:
        self.value = _value(said["value"])
        looked = said.get("looked")
        self._stands = looked is not None
        state = os.path.join(root, "calyx.state.json")
        self._paths: list[tuple[Any, str, Any]] = [(os.stat, state, _stat(os.stat, state))]
        self._environ: dict[str, str | None] = {}
        if looked is not None:
            self._note(looked)

    def _note(self, looked: dict[str, Any]) -> None:
        self._environ = {name: os.environ.get(name) for name in looked["Variables"] or ()}
        for p in looked["Paths"] or ():
            of, s = os.stat if p["Follow"] else os.lstat, p["Stat"]
            stat = None if p["Absent"] else (s["Dev"], s["Ino"], s["Size"], s["Mtime"], s["Ctime"], s["Mode"])
            self._paths.append((of, p["Path"], stat))
        if not looked["Expires"].startswith("0001-"):
            self._stands = False  # when it expires is calyx's to tell

    def holds(self) -> bool:
        """Tell whether nothing has moved on which the value stands."""
        if not self._stands:
            return False
        if any(_stat(of, path) != stat for of, path, stat in self._paths):
            return False
        return all(os.environ.get(name) == text for name, text in self._environ.items())


def _stat(of: Any, path: str) -> tuple[int, ...] | None:
    try:
        s = of(path)
    except OSError:
        return None
    return (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


def _value(said: dict[str, Any]) -> pb.Value:
    value = pb.Value(media_type=said["media_type"], executable=said.get("executable", False))
    if said.get("items") is not None:
        value.list.items.extend(_value(item) for item in said["items"])
    elif "path" in said:
        value.path = os.fsencode(said["path"])
    elif "inline" in said:
        value.inline = base64.b64decode(said["inline"])
    return value


def _plain_error(text: str) -> str:
    lines = [line.removeprefix("calyx: error: ") for line in text.strip().splitlines()]
    return "\n".join(lines) or "calyx failed"


def _workspace() -> str:
    at = os.getcwd()
    while True:
        if os.path.isfile(os.path.join(at, "Calyxfile")):
            return at
        above = os.path.dirname(at)
        if above == at:
            return os.getcwd()
        at = above


def _calyx() -> str:
    calyx = os.environ.get("CALYX_BIN") or shutil.which("calyx")
    if calyx is None:
        raise CalyxError("there is no calyx in PATH")
    return calyx


def _open_gate(gate: str) -> None:
    """Let the program that shook hands end."""
    with contextlib.suppress(OSError):  # nobody waits there
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))


def _close(server: Server, calyxfile: str, folder: str) -> None:
    """Give back what a session holds. It is called once: at its close, when it is dropped, or when the process ends."""
    server.stop()
    with contextlib.suppress(OSError):
        os.unlink(calyxfile)
    shutil.rmtree(folder, ignore_errors=True)


class _Streams:
    """What the functions of sessions print goes to their logs, from the first session on."""

    taken = False

    @classmethod
    def take(cls) -> None:
        if not cls.taken:
            cls.taken = True
            capture()
            follow_threads()
