"""A call that somebody runs by hand: it has the main thread, the only one that Ctrl-C interrupts and a debugger is at home in."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable
from typing import NoReturn


class MainThread:
    """Does on the main thread what other threads want done there."""

    def __init__(self) -> None:
        self._wanted: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def run(self, work: Callable[[], None]) -> None:
        """Have work done, and return when it is."""
        done = threading.Event()

        def whole() -> None:
            work()
            done.set()

        self._wanted.put(whole)
        done.wait()

    def serve(self) -> NoReturn:
        """Do what is wanted as long as the process lives. Once something was, an interruption is nobody's any more."""
        while True:
            self._wanted.get()()
            signal.signal(signal.SIGINT, signal.SIG_IGN)
