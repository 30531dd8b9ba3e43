"""`calyx.Session`: nodes of a pipeline from a script or a notebook, run in this very process by way of calyx and its cache.

A calyx that lives as long as the session answers questions, and calls functions here, so that they see the modules, models and
cells that are here. Answers are remembered with the stats of everything that they stand on, and with what code and objects hold in
this process, and given again while none of these has moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, cast

from ._answers import Answer
from ._call import calling
from ._child import Child, Message, Question
from ._declare import Fn, Node, Stored
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
#: How many answers are remembered: the last ones. Others are in the cache.
_KEPT = 10_000


class Session:
    """The nodes of pipelines and functions, as attributes: `s.clean(lower=False)`. What they return goes through calyx's cache.

    instance names a set of stored values. workspace is the folder that paths are relative to: without it that of the nearest
    Calyxfile above the working directory, else the working directory. Not for several processes; calls may come from any thread.
    """

    def __init__(self, *what: Any, instance: str = "main", workspace: str | None = None) -> None:
        self._instance = instance
        self._root = os.path.realpath(workspace) if workspace is not None else _workspace()
        if self._root != os.getcwd():
            os.chdir(self._root)  # paths in nodes are the workspace's
        watch_process(self._root, interactive=True)
        _Streams.take()
        self._living = Living(what)
        self._looking = threading.Lock()
        self._answers: dict[str, Answer] = {}
        self._room = threading.BoundedSemaphore(_MOST)
        self._held = _Held(self._root, instance)
        #: Gives back what the session holds; arrays that it gave stay. A session that is dropped is closed.
        self.close = weakref.finalize(self, self._held.close)

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
        node = served.node
        call = self._call(name, node)
        call.__name__, call.__doc__ = name, node.function.__doc__
        cast("Any", call).__signature__ = node.signature
        return call

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_") and name != "close":
            raise AttributeError(f"a session's {name} cannot be set so, since calyx would not see it: say s.set({name!r}, …)")
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        nodes = {n.partition(".")[0] for n in (*self._living.program.functions, *self._living.program.stored)}
        return sorted({*(n for n in super().__dir__() if not n.startswith("_")), *nodes})

    def set(self, name: str, value: Any) -> None:
        """Set a stored value of the instance, of any type that JSON can hold in the form of docs/python-sdk.md. Nothing is computed."""
        _check_name(name)
        self._outside(f"set({name!r}, …)")
        try:
            text = to_json(Packer().pack(value)).decode()
        except UnstorableError as e:
            raise UnstorableError(f"set {name!r}: {e}; a stored value is JSON, so an array goes into a file, @stored(path=…)") from None
        self._ask({"set": {"name": name, "json": text}})

    def unset(self, name: str) -> None:
        """Give a stored value back to its source."""
        _check_name(name)
        self._outside(f"unset({name!r})")
        self._ask({"unset": name})

    def why(self, node: str) -> str:
        """Tell why a node ran last time, and why it would run now."""
        _check_name(node)
        return str(self._ask({"why": node}).answer["text"])

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

    def _call(self, name: str, node: Node) -> Callable[..., Any]:
        if isinstance(node, Stored):
            return lambda: self._value(name)
        assert isinstance(node, Fn)
        return self._async(name, node) if node.asynchronous else self._plain(name, node)

    def _plain(self, name: str, node: Fn[Any, Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True  # IPython and pytest leave such frames out: a node's error shows the user's lines
            return self._value(self._target(name, node, args, kwargs))

        return call

    def _async(self, name: str, node: Fn[Any, Any]) -> Callable[..., Any]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            target = self._target(name, node, args, kwargs)
            return await _in_thread(lambda: self._value(target))

        return call

    def _target(self, name: str, node: Fn[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        return spell(name, named_literals(node.signature, str(node), args, kwargs))

    def _value(self, target: str) -> Any:
        __tracebackhide__ = True
        if calling() is not None:
            self._outside(target)
        known = self._answers.get(target)
        if known is None or not known.holds():
            known = self._answer(target, known)
        return Decoder(self._held.new_file).decode(known.value)

    def _answer(self, target: str, known: Answer | None) -> Answer:
        __tracebackhide__ = True
        living = self._look()
        if known is None or not known.described_by(living.entries) or not known.still():
            asked = self._ask({"get": target})
            known, living = Answer(asked.answer), asked.living
        known.rest_on(living)
        with self._looking:
            self._answers[target] = known
            if len(self._answers) > _KEPT:
                del self._answers[next(iter(self._answers))]
        return known

    def _look(self) -> Living:
        """Have everything described as it is now."""
        with self._looking:
            if not self._living.same():
                self._living = Living(self._living.what)
            return self._living

    def _ask(self, what: Message) -> Question:
        """Ask calyx. What a node raised is raised again."""
        __tracebackhide__ = True
        with self._room:
            question = self._held.child().ask(self._look(), what)
        for node in question.answer.get("failed", ()):
            if node in question.errors:
                raise question.errors[node]
        if "error" in question.answer:
            raise CalyxError(question.answer["error"])
        return question


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        meant = getattr(name, "__name__", None)
        raise TypeError(f"a node is named by a string{f', {meant!r}' if meant else ''}, and not by {name!r}")


class _Part:
    """The nodes of one of several pipelines: `s.Reviews.clean()`."""

    def __init__(self, session: Session, prefix: str) -> None:
        self._session, self._prefix = session, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, self._prefix + name)


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
    __tracebackhide__ = True
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def tell(end: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            end(value)

    def run() -> None:
        __tracebackhide__ = True
        try:
            end, value = future.set_result, work()
        except BaseException as e:
            end, value = future.set_exception, e
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(tell, end, value)

    threading.Thread(target=run, name="calyx-ask", daemon=True).start()
    return await future


class _Held:
    """What a session holds outside of this process."""

    def __init__(self, root: str, instance: str) -> None:
        self._root, self._instance = root, instance
        self._lock = threading.Lock()
        self._child: Child | None = Child(root, instance)
        self._folder: str | None = None
        self._closed = False

    def child(self) -> Child:
        """Return a calyx that answers: where somebody has ended it, another one."""
        with self._lock:
            if self._closed:
                raise CalyxError("the session is closed")
            if self._child is None or self._child.ended():
                self._child = Child(self._root, self._instance)
            return self._child

    def new_file(self, end: str) -> str:
        """Return the path of a new file for a value that has none."""
        with self._lock:
            if self._folder is None:
                self._folder = tempfile.mkdtemp(prefix="calyx-values-")
        number, path = tempfile.mkstemp(suffix=end, dir=self._folder)
        os.close(number)
        return path

    def close(self) -> None:
        """Give everything back."""
        with self._lock:
            self._closed = True
            child, self._child = self._child, None
        if child is not None:
            child.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class _Streams:
    """What the functions of sessions print goes to their logs, from the first session on."""

    taken = False

    @classmethod
    def take(cls) -> None:
        if not cls.taken:
            cls.taken = True
            capture()
            follow_threads()
