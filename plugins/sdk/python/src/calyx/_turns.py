"""Turns of calls that allow no other beside them: calyx sends what they are to do next ahead of time, and one runs after the other."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._call import Call


class Turns:
    """Lets one call run at a time: those that were answered come first, then those that begin, in order.

    A call of several threads has no turn while one of them waits: another call may have to run for that one.

    wanted is called where a call may begin and no thread is at hand that would ask for it.
    """

    def __init__(self, wanted: Callable[[], None]) -> None:
        self._wanted = wanted
        self._lock = threading.Lock()
        self._holder: Call | None = None
        self._answered: deque[tuple[Call, Callable[[], object]]] = deque()
        self._begun: deque[Call] = deque()

    def begin(self, call: Call) -> None:
        """Let a call wait for its first turn."""
        with self._lock:
            self._begun.append(call)

    def due(self) -> bool:
        """Tell whether take() has a call to run."""
        with self._lock:
            return self._holder is None and bool(self._begun)

    def take(self) -> Call | None:
        """Give the next call that begins its turn, and return it; None: there is none, or another call has the turn."""
        with self._lock:
            if self._holder is not None or not self._begun:
                return None
            self._holder = self._begun.popleft()
            return self._holder

    def end(self, call: Call) -> Call | None:
        """End the turn of a call that is over. Return the call that this thread is to run next, which has its turn."""
        with self._lock:
            self._pass_on(call)
            if self._holder is None and self._begun:
                self._holder = self._begun.popleft()
                return self._holder
            return None

    def leave(self, call: Call) -> None:
        """Let others run while a call waits."""
        with self._lock:
            call.waiting += 1
            self._pass_on(call)
            for go in self._leaving(call):
                go()
            wanted = self._holder is None and bool(self._begun)
        if wanted:
            self._wanted()

    def enter(self, call: Call, go: Callable[[], object]) -> bool:
        """Take the turn back after a wait; False: it comes later, and go is called then. A cancelled call needs none."""
        with self._lock:
            call.waiting -= 1
            if call.waiting > 0 or call.cancelled is not None:
                return True
            if self._holder is None:
                self._holder = call
            if self._holder is call:
                return True
            self._answered.append((call, go))
            return False

    def forget(self, call: Call) -> bool:
        """Drop a call that is cancelled; True: its first turn had not come, and now it never does."""
        with self._lock:
            if call in self._begun:
                self._begun.remove(call)
                return True
            return False

    def release(self, call: Call) -> list[Callable[[], object]]:
        """Return what wakes the threads of a cancelled call that wait for its turn."""
        with self._lock:
            return self._leaving(call)

    def _pass_on(self, call: Call) -> None:
        if self._holder is not call:
            return
        self._holder = None
        if self._answered:
            self._holder = self._answered[0][0]
            for go in self._leaving(self._holder):
                go()

    def _leaving(self, call: Call) -> list[Callable[[], object]]:
        mine = [go for other, go in self._answered if other is call]
        if mine:
            self._answered = deque(entry for entry in self._answered if entry[0] is not call)
        return mine
