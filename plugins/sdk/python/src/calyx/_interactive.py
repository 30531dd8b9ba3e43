"""`calyx.Session`: nodes of a pipeline from a script or a notebook, run in this very process by way of calyx and its cache.

Each question is a `calyx` of its own, which reaches the functions through a channel, so that a function sees the modules, models
and cells that are here. Answers are remembered with the stats of everything that they stand on, and with what code and objects
hold in this process, and given again while none of these has moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from ._answers import Answer, state_stat
from ._call import calling
from ._channel import Channel, find_calyx
from ._declare import Fn, Stored
from ._errors import CalyxError, UnstorableError
from ._literals import named_literals
from ._living import Living
from ._plain import Packer
from ._printing import capture
from ._spell import spell
from ._threads import follow_threads
from ._transport import Decoder, to_json
from ._watch import watch_process

#: How many questions are on their way at once; others wait.
_MOST = 16


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
        find_calyx()
        watch_process(self._root)
        _Streams.take()
        self._options = ["-i", instance]
        self._living = Living(what)
        self._looking = threading.Lock()
        self._answers: dict[str, Answer] = {}
        self._idle: list[Channel] = []
        self._room = threading.BoundedSemaphore(_MOST)
        self._folder = tempfile.mkdtemp(prefix="calyx-values-")
        #: Gives back what the session holds; values that it gave stay. A session that is dropped is closed.
        self.close = weakref.finalize(self, _close, self._idle, self._folder)
        with self._channel():  # made early, its file is old enough to be trusted when the first question comes
            pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if not self._living.declared.same():
            self._look()
        served = self._living.program.functions.get(name) or self._living.program.stored.get(name)
        if served is None:
            inner = _Part(self, name + ".")
            if not any(n.startswith(name + ".") for n in (*self._living.program.functions, *self._living.program.stored)):
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
        nodes = {n.partition(".")[0] for n in (*self._living.program.functions, *self._living.program.stored)}
        return sorted({*(n for n in super().__dir__() if not n.startswith("_")), *nodes})

    def set(self, name: str, value: Any) -> None:
        """Set a stored value of the instance, of any type that JSON can hold in the form of docs/python-sdk.md. Nothing is computed."""
        self._outside(f"set({name!r}, …)")
        try:
            text = to_json(Packer().pack(value)).decode()
        except UnstorableError as e:
            raise UnstorableError(f"set {name!r}: {e}; a stored value is JSON, so an array goes into a file, @stored(path=…)") from None
        self._run("set", name, "--json", text)

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

        near = difflib.get_close_matches(name, [*self._living.program.functions, *self._living.program.stored], n=1)
        return f" (did you mean {near[0]!r}?)" if near else ""

    def _outside(self, what: str) -> None:
        if calling() is not None:
            raise CalyxError(f"{what}: a node runs, and what it computes must not change its own inputs")

    def _plain(self, name: str, node: Fn[Any, Any]) -> Callable[..., Any]:
        return lambda *args, **kwargs: self._value(self._target(name, node, args, kwargs))

    def _async(self, name: str, node: Fn[Any, Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            target = self._target(name, node, args, kwargs)
            return await _in_thread(lambda: self._value(target))

        return call

    def _target(self, name: str, node: Fn[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        return spell(name, named_literals(node.signature, str(node), args, kwargs))

    def _value(self, target: str) -> Any:
        if calling() is not None:
            self._outside(target)
        known = self._answers.get(target)
        if known is None or not known.holds():
            known = self._answer(target, known)
        return Decoder(self._new_file).decode(known.value)

    def _answer(self, target: str, known: Answer | None) -> Answer:
        living = self._look()
        if known is None or not known.described_by(living.entries) or not known.still():
            known = self._ask(target)
        else:
            known.rest_on(living.entries, living.guards)
        self._answers[target] = known
        return known

    def _look(self) -> Living:
        """Have everything described as it is now."""
        with self._looking:
            if not self._living.same():
                self._living = Living(self._living.what)
            return self._living

    @contextlib.contextmanager
    def _channel(self) -> Iterator[tuple[Channel, Living]]:
        if not self.close.alive:
            raise CalyxError("the session is closed")
        with self._room:
            living = self._look()
            program = living.program.copied()
            channel = self._idle.pop() if self._idle else Channel(program, self._root, self._options)
            try:
                channel.tell(program, living.described)
                yield channel, living
            finally:
                self._idle.append(channel)
                if not self.close.alive:
                    channel.close()

    def _ask(self, target: str) -> Answer:
        with self._channel() as (channel, living):
            stored = state_stat(self._root)
            done, errors = channel.ask(target)
        said = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        if done.returncode == 0:
            answer = Answer(said, self._root, stored)
            answer.rest_on(living.entries, living.guards)
            return answer
        for node in said.get("failed") or ():
            error = errors.get(node)
            if error is not None:
                raise error
        raise CalyxError(_plain_error(done.stderr))

    def _new_file(self, end: str) -> str:
        number, path = tempfile.mkstemp(suffix=end, dir=self._folder)
        os.close(number)
        return path

    def _run(self, *words: str) -> str:
        with self._channel() as (channel, _):
            done = channel.run(*words)
        if done.returncode != 0:
            raise CalyxError(_plain_error(done.stderr))
        return done.stdout


class _Part:
    """The nodes of one of several pipelines: `s.Reviews.clean()`."""

    def __init__(self, session: Session, prefix: str) -> None:
        self._session, self._prefix = session, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, self._prefix + name)


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


async def _in_thread(work: Callable[[], Any]) -> Any:
    """Return what a function returns that waits: each has a thread of its own, for so many questions may be on their way."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def tell(end: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            end(value)

    def run() -> None:
        try:
            end, value = future.set_result, work()
        except BaseException as e:
            end, value = future.set_exception, e
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(tell, end, value)

    threading.Thread(target=run, name="calyx-ask", daemon=True).start()
    return await future


def _close(channels: list[Channel], folder: str) -> None:
    for channel in channels:
        channel.close()
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
