"""Standard output: the handshake line's before the handshake, and the log's after it, or in the foreground the user's."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

_COOKIE_KEY = "CALYX_PLUGIN_COOKIE"
_FOREGROUND_KEY = "CALYX_PLUGIN_FOREGROUND"


class _Handshake:
    """Where the handshake line goes, kept apart from what modules print while they are imported."""

    stream: TextIO | None = None


def is_plugin() -> bool:
    """Tell whether calyx started this process."""
    return _COOKIE_KEY in os.environ


def in_foreground() -> bool:
    """Tell whether somebody runs a node by hand: standard input and standard error are theirs."""
    return os.environ.get(_FOREGROUND_KEY) == "1"


def guard_handshake() -> None:
    """Send what is printed from now on to standard error, until the handshake is done.

    It is called when calyx is imported in a plugin, so that a module which prints does not break the start.
    """
    if _Handshake.stream is None:
        sys.stdout.flush()
        _Handshake.stream = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)


def take_handshake_stream() -> TextIO:
    """Return where the handshake line goes, and let printing go its way again: in the foreground, where standard error goes."""
    stream = _Handshake.stream
    if stream is None:
        return sys.stdout
    sys.stdout.flush()
    if not in_foreground():
        os.dup2(stream.fileno(), 1)
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # it was no terminal when Python opened it
    return stream
