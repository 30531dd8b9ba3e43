"""Standard output: the handshake line's before the handshake, and the log's after it."""

from __future__ import annotations

import os
import sys
from typing import TextIO

_COOKIE_KEY = "CALYX_PLUGIN_COOKIE"


class _Handshake:
    """Where the handshake line goes, kept apart from what modules print while they are imported."""

    stream: TextIO | None = None


def is_plugin() -> bool:
    """Tell whether calyx started this process."""
    return _COOKIE_KEY in os.environ


def guard_handshake() -> None:
    """Send what is printed from now on to standard error, until the handshake is done.

    It is called when calyx is imported in a plugin, so that a module which prints does not break the start.
    """
    if _Handshake.stream is None:
        sys.stdout.flush()
        _Handshake.stream = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)


def take_handshake_stream() -> TextIO:
    """Return where the handshake line goes, and let printing go its way again."""
    stream = _Handshake.stream
    if stream is None:
        return sys.stdout
    sys.stdout.flush()
    os.dup2(stream.fileno(), 1)
    return stream
