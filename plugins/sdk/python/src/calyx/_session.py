"""The stream on which the host and the calls of this process talk.

One thread of a pool reads the stream at a time. When a call begins, the reader runs it itself, after another thread has
been given the reading: so a call that is alone costs no change of threads, and one that waits holds up nobody.
"""

from __future__ import annotations

import contextvars
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator

import grpc

from ._call import Call
from ._loop import Loop
from ._outbox import Outbox
from ._program import Program
from ._proto import plugin_pb2 as pb
from ._run import run, run_async
from ._watch import watching

#: The threads that may be idle; more of them end.
_IDLE = 16


class Session:
    """Calls of one program. told is how many reads of the process the host knows already."""

    def __init__(self, program: Program, requests: Iterator[pb.SessionRequest], told: int = 0) -> None:
        self.program = program
        self.outbox = Outbox()
        self._requests = requests
        self._loop = Loop()
        self._calls: dict[int, Call] = {}
        self._changed = threading.Condition(threading.Lock())
        self._begun: deque[Call] = deque()
        self._reading = False
        self._idle = 0
        self._observing = threading.Lock()
        self._told = told
        self._closed = False

    def messages(self) -> Iterator[pb.SessionResponse]:
        """Start to read, and yield what is to be sent until the host closes the stream."""
        self._spawn()
        yield from self.outbox.messages()

    def close(self) -> None:
        """Drop all calls: nobody waits for their results."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for call in list(self._calls.values()):
            call.cancel("calyx has ended")
        self.outbox.close()

    def _spawn(self) -> None:
        threading.Thread(target=self._work, name="calyx", daemon=True).start()

    def _work(self) -> None:
        while True:
            work = self._next()
            if work is None:
                return
            contextvars.Context().run(work)

    def _next(self) -> Callable[[], None] | None:
        """Return what an idle thread is to do: run a call that has begun, or else read; None: end."""
        with self._changed:
            self._idle += 1
            try:
                while not self._begun and self._reading and not self._closed:
                    if self._idle > _IDLE:
                        return None
                    self._changed.wait()
                if self._closed:
                    return None
                if not self._begun:
                    self._reading = True
                    return self._read
                call = self._begun.popleft()
            finally:
                self._idle -= 1
            if self._idle == 0:
                self._spawn()
        return lambda: run(call, self._ending)

    def _read(self) -> None:
        """Read until a call begins."""
        begun: list[Call] = []
        try:
            while not begun:
                message = next(self._requests)
                for item in message.items:
                    self._item(item, begun)
        except Exception as e:  # the stream has ended, in whatever way: nobody wants results any more
            if not isinstance(e, (StopIteration, grpc.RpcError)):
                traceback.print_exc()
            self.close()
            return
        with self._changed:
            self._reading = False
            self._begun.extend(begun)
            self._changed.notify(len(begun))

    def _item(self, item: pb.HostItem, begun: list[Call]) -> None:
        kind = item.WhichOneof("item")
        if kind == "start":
            call = Call(item.call, item.start, self.program, self.outbox.put)
            self._calls[item.call] = call
            served = self.program.functions.get(item.start.function)
            if served is not None and getattr(served.node, "asynchronous", False):
                self._loop.start(lambda: run_async(call, self._ending))
            else:
                begun.append(call)
            return
        found = self._calls.get(item.call)
        if found is None:
            return
        if kind == "answers":
            found.answered(item.answers)
        elif kind == "cancel":
            found.cancel(item.cancel.reason)

    def _ending(self, call: Call) -> None:
        """Report what the process read meanwhile: that must be said before the result of a call which may have used it."""
        self._calls.pop(call.number, None)
        watch = watching()
        if watch is None:
            return
        with self._observing:
            reads = watch.since(self._told)
            if reads:
                self._told += len(reads)
                self.outbox.put(pb.PluginItem(observed=pb.Observed(reads=reads)))
