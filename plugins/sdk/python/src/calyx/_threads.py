"""Threads that a node starts work for that node: what they ask for, and print, is the node's."""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

from ._call import calling

#: `prctl(PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS, …)` of Linux 6.16 and newer.
_PR_FUTEX_HASH, _SET_SLOTS = 78, 1


def expect_threads(number: int) -> None:
    """Prepare for so many threads that wait. Linux looks through lists of them to wake one, of which a process has few at first."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # where it is refused, waking takes a little longer
        prctl(_PR_FUTEX_HASH, _SET_SLOTS, ctypes.c_ulong(1 << (number - 1).bit_length()), ctypes.c_ulong(0))


def follow_threads() -> None:
    """Have threads, and what is submitted to pools of threads, inherit the context of a node that starts them."""
    threading.Thread.start = _following_start(threading.Thread.start)  # type: ignore[method-assign, assignment]
    ThreadPoolExecutor.submit = _following_submit(ThreadPoolExecutor.submit)  # type: ignore[method-assign]


def _following_start(plain: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    @functools.wraps(plain)
    def start(self: threading.Thread) -> None:
        if calling() is not None:
            self.run = functools.partial(copy_context().run, self.run)  # type: ignore[method-assign]
        plain(self)

    return start


def _following_submit(plain: Callable[..., Future[Any]]) -> Callable[..., Future[Any]]:
    @functools.wraps(plain)
    def submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if calling() is None:
            return plain(self, fn, *args, **kwargs)
        return plain(self, copy_context().run, fn, *args, **kwargs)

    return submit
