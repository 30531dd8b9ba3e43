"""What nodes print, sorted by the call that printed it."""

from __future__ import annotations

import io
import logging
import sys
from typing import Any, TextIO

from ._call import calling


class Printer(io.TextIOBase):
    """A standard stream that sends the text of a node to the node's log, and all else where it went before."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text."""
        call = calling()
        if call is None or not call.printed(text):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream itself; what nodes print is sent line by line."""
        self._stream.flush()

    def writable(self) -> bool:
        """Return True."""
        return True

    def isatty(self) -> bool:
        """Return False: nobody sits there."""
        return False

    def fileno(self) -> int:
        """Return the stream's own number: what is written to it is the log of the calls that run."""
        return self._stream.fileno()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def capture() -> None:
    """Put printers in the place of the standard streams, also where the handlers of logging hold them already."""
    printers = {sys.stdout: Printer(sys.stdout), sys.stderr: Printer(sys.stderr)}
    sys.stdout, sys.stderr = printers.values()
    for logger in [logging.root, *logging.root.manager.loggerDict.values()]:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler) and handler.stream in printers:
                handler.setStream(printers[handler.stream])


def flush() -> None:
    """Flush what went past the printers, so that it is in the log before the call ends."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.flush()
