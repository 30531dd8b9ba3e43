"""The stream on which the host and the calls of this process talk.

One thread of a pool reads the stream at a time. When a call begins, the reader runs it itself, after another thread has
been given the reading: so a call that is alone costs no change of threads, and one that waits holds up nobody.
"""

from __future__ import annotations

import contextvars
import functools
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator

from ._byhand import MainThread
from ._call import Call
from ._errors import Cancelled
from ._loop import Loop
from ._outbox import Outbox
from ._program import Program
from ._proto import plugin_pb2 as pb
from ._run import failure, run, run_async, run_by_hand
from ._threads import expect_threads
from ._turns import Turns
from ._watch import watching

#: The threads that may be idle; more of them end.
_IDLE = 16
#: A session that has begun so many threads may have calls that wait for one another, thousands deep.
_MANY = 256
_MOST = 1 << 14


class Session:
    """Calls of one program. told is how many reads of the process the host knows already.

    send takes messages from any thread, one at a time, where there is such a way beside messages(). main is given where
    somebody runs a node by hand, and then runs all calls.
    """

    def __init__(
        self,
        program: Program,
        requests: Iterator[pb.SessionRequest],
        told: int = 0,
        send: Callable[[pb.SessionResponse], None] | None = None,
        main: MainThread | None = None,
    ) -> None:
        self.program = program
        self._main = main
        self.outbox = Outbox(send)
        self._requests = requests
        self._loop = Loop()
        self._calls: dict[int, Call] = {}
        self._changed = threading.Condition(threading.Lock())
        self._beside: deque[Call] = deque()
        self._turns = Turns(self._wake)
        self._reading = False
        self._idle = 0
        self._spawned = 0
        self._observing = threading.Lock()
        #: How many reads of the process were reported, with what stood there and without.
        self._told = self._named = told
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
        self._spawned += 1
        if self._spawned == _MANY:
            expect_threads(_MOST)
        threading.Thread(target=self._work, name="calyx", daemon=True).start()

    def _work(self) -> None:
        while True:
            work = self._next()
            if work is None:
                return
            work()

    def _next(self) -> Callable[[], None] | None:
        """Return what an idle thread is to do: run a call that has begun, or else read; None: end."""
        with self._changed:
            self._idle += 1
            try:
                while True:
                    if self._closed:
                        return None
                    call = self._beside.popleft() if self._beside else self._turns.take()
                    if call is not None:
                        break
                    if not self._reading:
                        self._reading = True
                        return self._read
                    if self._idle > _IDLE:
                        return None
                    self._changed.wait()
            finally:
                self._idle -= 1
            if self._idle == 0:
                self._spawn()
        return functools.partial(self._run, call)

    def _wake(self) -> None:
        """Have a thread look for work."""
        with self._changed:
            if self._idle > 0:
                self._changed.notify()
            elif not self._closed:
                self._spawn()

    def _run(self, call: Call | None) -> None:
        """Run a call, and those whose turns come after it."""
        while call is not None:
            if self._main is None:
                contextvars.Context().run(run, call, self._ending)
            else:
                self._main.run(functools.partial(contextvars.Context().run, run_by_hand, call, self._ending))
            call = self._turns.end(call)
            if call is None:
                self.outbox.flush()
            else:
                self.outbox.hurry()

    def _read(self) -> None:
        """Read until a call may run."""
        try:
            while not self._take(next(self._requests)):
                pass
        except Exception as e:  # the stream has ended, in whatever way: nobody wants results any more
            if not isinstance(e, StopIteration):
                traceback.print_exc()
            self.close()

    def _take(self, message: pb.SessionRequest) -> bool:
        """Take a message. Where calls may run now, let another thread read, and tell this one to look for work."""
        beside: list[Call] = []
        for item in message.items:
            self._item(item, beside)
        run = len(beside) + self._turns.due()
        if not run:
            return False
        with self._changed:
            self._beside.extend(beside)
            self._reading = False
            self._changed.notify(run)
        return True

    def _item(self, item: pb.HostItem, beside: list[Call]) -> None:
        kind = item.WhichOneof("item")
        if kind == "start":
            self._start(item, beside)
            return
        found = self._calls.get(item.call)
        if found is None:
            return
        if kind == "answers":
            found.answered(item.answers)
        elif kind == "cancel":
            forgotten = self._turns.forget(found)
            found.cancel(item.cancel.reason)
            if forgotten:
                del self._calls[item.call]
                found.end(failure(Cancelled(found.cancelled)))

    def _start(self, item: pb.HostItem, beside: list[Call]) -> None:
        served = self.program.functions.get(item.start.function)
        overlap = served is None or served.overlap
        call = Call(
            item.call, item.start, self.program, self.outbox, None if overlap else self._turns, self._name_reads
        )
        self._calls[item.call] = call
        if not overlap:
            self._turns.begin(call)
        elif served is not None and served.asynchronous and self._main is None:
            self._loop.start(lambda: run_async(call, self._ending))
        else:
            beside.append(call)

    def _name_reads(self) -> None:
        """Report what the process read before something is asked for: the need may follow from it. What stood there is told later."""
        watch = watching()
        if watch is None or watch.count == self._named:
            return
        with self._observing:
            reads = watch.named(self._named)
            if reads is not None:
                self._named += len(reads.reads)
                self.outbox.put(pb.PluginItem(observed=reads))

    def _ending(self, call: Call) -> None:
        """Report what the process read meanwhile: that must be said before the result of a call which may have used it."""
        self._calls.pop(call.number, None)
        watch = watching()
        if watch is None:
            return
        with self._observing:
            observed = watch.since(self._told)
            if observed is not None:
                self._told += len(observed.reads)
                self._named = max(self._named, self._told)
                self.outbox.put(pb.PluginItem(observed=observed))
        seen = watch.seen_by(call) if call.looks else None
        if seen is not None:
            self.outbox.put(pb.PluginItem(call=call.number, observed=seen))
