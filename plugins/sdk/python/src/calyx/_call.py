"""One call of a node: what it may ask for, and what it may tell."""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

from ._errors import Cancelled, NeedError, OutsideNodeError
from ._proto import plugin_pb2 as pb

if TYPE_CHECKING:
    from ._outbox import Outbox
    from ._program import Program
    from ._turns import Turns

#: Requests of one need, by bytes, up to which they go into one item.
_GOOD_ITEM = 512 << 10

#: Takes an item for the host.
Send = Callable[[pb.PluginItem], None]

_current: ContextVar[Call | None] = ContextVar("calyx_call", default=None)


def current_call(doing: str) -> Call:
    """Return the call that this thread or task works for; doing says what it was wanted for."""
    call = calling()
    if call is None:
        raise OutsideNodeError(
            f"{doing}: no node is being computed here; nodes run where calyx calls them. "
            "In a script or a notebook say calyx.Session(Pipeline).node(), and in a worker process pass values, not nodes"
        )
    return call


def calling() -> Call | None:
    """Return the call that this thread or task works for, if any. A process that was forked works for none."""
    call = _current.get()
    return call if call is None or call.process == os.getpid() else None


class Waiting:
    """A need on its way, and later its answers. Several threads and tasks may wait for one."""

    __slots__ = ("answers", "done", "taken", "wake")

    def __init__(self) -> None:
        self.answers: list[pb.Answer] = []
        self.done = False
        self.taken = False
        self.wake: list[Callable[[], object]] = []


class Call:
    """The host's view of one running node. Its methods may be called from any thread or task that works for it."""

    def __init__(
        self,
        number: int,
        start: pb.Start,
        program: Program,
        outbox: Outbox,
        turns: Turns | None = None,
        before_need: Callable[[], object] = lambda: None,
    ) -> None:
        self.number = number
        self.start = start
        self.program = program
        self.process = os.getpid()
        self._outbox = outbox
        self._send = outbox.put
        self._before_need = before_need
        #: What it waits in for its turns; None: it may run beside others.
        self._turns = turns
        #: The threads and tasks that wait for answers; of Turns.
        self.waiting = 0
        self._lock = threading.Lock()
        self._seen = 0
        self._needs = 0
        self._open: dict[int, Waiting] = {}
        self._known: dict[bytes, Waiting] = {}
        self._over = False
        self._files = 0
        self._progress = 0.0
        self._printed: list[str] = []
        #: Files and folders that calyx gave to the call: to look into them is no read that nobody asked for.
        self.given: set[str] = set()
        #: What it saw that is for itself to answer for, by kind and path in the workspace; of Watch.
        self.looks: dict[tuple[str, str], tuple[str, pb.Request, pb.Stood]] = {}
        self.cancelled: str | None = None
        self.thread: int | None = None
        #: Whether that thread sends something.
        self._flushing = False
        self.task: asyncio.Task[object] | None = None

    def enter(self) -> None:
        """Make this the call that the current context works for."""
        _current.set(self)

    def ask_one(self, request: pb.Request) -> pb.Answer:
        """Ask for one thing and wait for it. The same question is asked once in a call."""
        waiting = self._asked(request, self._outbox.put_flushed)
        self._wait(waiting)
        return self._take(waiting)[0]

    async def ask_one_async(self, request: pb.Request) -> pb.Answer:
        """Ask for one thing; other tasks of the loop go on meanwhile."""
        waiting = self._asked(request, self._send)
        await self._wait_async(waiting)
        return self._take(waiting)[0]

    def ask(self, requests: Sequence[pb.Request]) -> list[pb.Answer]:
        """Ask for several things at once and wait for all."""
        waiting = self._ask(requests, self._outbox.put_flushed)
        self._wait(waiting)
        return self._take(waiting)

    async def ask_async(self, requests: Sequence[pb.Request]) -> list[pb.Answer]:
        """Ask for several things at once; other tasks of the loop go on meanwhile."""
        waiting = self._ask(requests, self._send)
        await self._wait_async(waiting)
        return self._take(waiting)

    def _asked(self, request: pb.Request, send: Send) -> Waiting:
        key = request.SerializeToString(deterministic=True)
        with self._lock:
            waiting = self._known.get(key)
            if waiting is None:
                waiting = self._known[key] = self._begin()
                self._need(send, [request], more=False)
            return waiting

    def _ask(self, requests: Sequence[pb.Request], send: Send) -> Waiting:
        """Send a need, in as many items as it takes. The lock is held, so that numbers and items are in order."""
        with self._lock:
            waiting = self._begin()
            some: list[pb.Request] = []
            size = 0
            for request in requests:
                length = request.ByteSize()
                if some and size + length > _GOOD_ITEM:
                    self._need(send, some, more=True)
                    some, size = [], 0
                some.append(request)
                size += length
            self._need(send, some, more=False)
            return waiting

    def _begin(self) -> Waiting:
        if self._over:
            raise OutsideNodeError(f"{self.start.node} has ended, and a thread or task that it left behind asks for a node")
        self._raise_if_cancelled()
        self._needs += 1
        waiting = self._open[self._needs] = Waiting()
        return waiting

    def _need(self, send: Send, requests: list[pb.Request], more: bool) -> None:
        self._before_need()
        need = pb.Need(id=self._needs, seen=self._seen, requests=requests, more=more)
        send(pb.PluginItem(call=self.number, need=need))

    def _raise_if_cancelled(self) -> None:
        if self.cancelled is not None:
            raise Cancelled(self.cancelled)

    def _wait(self, waiting: Waiting) -> None:
        lock = threading.Lock()
        lock.acquire()
        if self._on_done(waiting, lock.release):
            self._flush()
            if self._turns is not None:
                self._turns.leave(self)
            lock.acquire()
            if self._turns is not None and not self._turns.enter(self, lock.release):
                lock.acquire()
        self._raise_if_cancelled()

    def _flush(self) -> None:
        """Send what there is. A cancel that comes meanwhile is seen when the wait is over: it must not end this half-way."""
        own = threading.get_ident() == self.thread
        with self._lock:
            self._flushing = self._flushing or own
        self._outbox.flush()
        if own:
            with self._lock:
                self._flushing = False

    async def _wait_async(self, waiting: Waiting) -> None:
        done, wake = _future()
        if self._on_done(waiting, wake):
            if self._turns is not None:
                self._turns.leave(self)
            await done
            turn, wake = _future()
            if self._turns is not None and not self._turns.enter(self, wake):
                await turn
        self._raise_if_cancelled()

    def _on_done(self, waiting: Waiting, wake: Callable[[], object]) -> bool:
        """Have wake called when the answers are there; False where they are there already."""
        with self._lock:
            if waiting.done or self.cancelled is not None:
                return False
            waiting.wake.append(wake)
            return True

    def _take(self, waiting: Waiting) -> list[pb.Answer]:
        """Hand answers to the function: from here on it has seen them."""
        with self._lock:
            if not waiting.taken:
                waiting.taken = True
                self._seen += 1
        return waiting.answers

    def answered(self, answers: pb.Answers) -> None:
        """Take answers from the session's reader."""
        with self._lock:
            waiting = self._open.get(answers.need)
            if waiting is None:
                return
            waiting.answers.extend(answers.answers)
            if answers.more:
                return
            del self._open[answers.need]
            waiting.done = True
            wake, waiting.wake = waiting.wake, []
        for w in wake:
            w()

    def cancel(self, reason: str) -> None:
        """End the call as soon as it can be: waits are woken, running code gets an exception."""
        with self._lock:
            if self._over or self.cancelled is not None:
                return
            self.cancelled = f"calyx ended the call: {reason}"
            wake: list[Callable[[], object]] = []
            for waiting in self._open.values():
                wake += waiting.wake
                waiting.wake = []  # answers may still come: nobody is to be woken twice
            if self._turns is not None:
                wake += self._turns.release(self)
            task = self.task
            if task is None and self.thread is not None and not self._flushing and not wake:
                _raise_in(self.thread, ctypes.py_object(Cancelled))
        if task is not None:
            task.get_loop().call_soon_threadsafe(task.cancel)
        for w in wake:
            w()

    def leave_thread(self) -> None:
        """Note that the function has ended: from here on no cancel raises anything in its thread."""
        while True:
            try:
                with self._lock:
                    thread, self.thread = self.thread, None
                if thread is not None:
                    _raise_in(thread, None)
                return
            except Cancelled:  # it was under way
                continue

    def end(self, item: pb.PluginItem, flushed: bool = False) -> None:
        """Send the last item of the call; flushed: the caller flushes the outbox then."""
        with self._lock:
            if self._over:
                return
            self._over = True
            self._send_printed()
            self._known.clear()
            item.call = self.number
            if flushed:
                self._outbox.put_flushed(item)
            else:
                self._send(item)

    def say(self, item: pb.PluginItem) -> None:
        """Send an item, unless the call is over."""
        with self._lock:
            if not self._over:
                item.call = self.number
                self._send(item)

    def printed(self, text: str) -> bool:
        """Add text to the log, line by line; False where the call is over."""
        with self._lock:
            if self._over:
                return False
            self._printed.append(text)
            if "\n" in text or len(self._printed) > 256:
                self._send_printed()
            return True

    def _send_printed(self) -> None:
        text = "".join(self._printed).encode("utf-8", "replace")
        self._printed.clear()
        for at in range(0, len(text), _GOOD_ITEM):
            self._send(pb.PluginItem(call=self.number, log=pb.Log(text=text[at : at + _GOOD_ITEM])))

    def knows(self, path: str) -> bool:
        """Tell whether calyx gave a path, or a folder above it, to the call."""
        while path not in self.given:
            path, name = os.path.split(path)
            if not name:
                return False
        return True

    def progress(self, done: float, total: float, unit: str) -> None:
        """Tell how far the call is, ten times a second at most."""
        now = time.monotonic()
        if now - self._progress < 0.1 and done != total:
            return
        self._progress = now
        self.say(pb.PluginItem(progress=pb.Progress(done=done, total=total, unit=unit)))

    def new_file(self, end: str) -> str:
        """Name a new file in the call's scratch folder, which is made for the first."""
        folder = os.fsdecode(self.start.scratch)
        os.makedirs(folder, exist_ok=True)
        with self._lock:
            self._files += 1
            return os.path.join(folder, f".calyx-{self._files}{end}")

    def owns(self, path: str) -> bool:
        """Tell whether a path lies where the call may leave results."""
        return any(
            folder and (path == folder or path.startswith(folder.rstrip("/") + "/"))
            for folder in (os.fsdecode(self.start.scratch), os.fsdecode(self.start.out_dir))
        )


def _raise_in(thread: int, error: ctypes.py_object[type[BaseException]] | None) -> None:
    """Raise an exception in a thread; None takes one back that was not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), error)


def _future() -> tuple[asyncio.Future[None], Callable[[], object]]:
    """Return a future of the running loop, and what any thread may call to set it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()
    return future, lambda: loop.call_soon_threadsafe(lambda: None if future.done() else future.set_result(None))


def raise_unanswered(answer: pb.Answer, what: str) -> None:
    """Raise what a node is to see where it got no value."""
    kind = answer.WhichOneof("answer")
    if kind == "absent":
        raise FileNotFoundError(2, "there is no such thing", what)
    if kind != "value":
        raise NeedError(answer.error or f"{what}: calyx gave no answer")
