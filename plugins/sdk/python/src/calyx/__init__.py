"""Nodes of a calyx pipeline as ordinary Python methods and functions.

    from calyx import Pipeline, fn, serve, stored

    class Reviews(Pipeline):
        @stored(path="data/reviews.csv")
        def raw(self): ...

        @fn
        def clean(self, lower: bool = True) -> list[str]:
            return [r.lower() if lower else r for r in self.raw().read_text().splitlines()]

    if __name__ == "__main__":
        serve(Reviews)

A node that calls another one depends on it, and is computed again when what it saw has changed: not before, and not otherwise.
"""

import os
from typing import TYPE_CHECKING

from ._stdio import guard_handshake, is_plugin

if is_plugin():
    from ._bytecode import compile_project
    from ._watch import watch_process

    compile_project()
    guard_handshake()
    watch_process(os.getcwd())

from ._declare import AsyncFn, Fn, Pipeline, Stored, async_fn, derived_nodes, fn, stored, stored_nodes
from ._errors import (
    CalyxError,
    Cancelled,
    DeclarationError,
    NeedError,
    OutsideNodeError,
    RetryAfter,
    UnstorableError,
)
from ._files import File
from ._reads import env, exists, glob, instance, listdir, open
from ._tell import log, metric, out_dir, progress, scratch
from ._version import VERSION as __version__


def serve(*what: object) -> None:
    """Serve pipelines, decorated functions and modules to calyx until it has no more use for the process.

    Without arguments: all that the module which calls it defines. Where the program was not started by calyx, it says so on
    standard error and ends with status 1.
    """
    import sys

    from ._serve import serve as serve_program

    serve_program(*(what or (sys.modules[sys._getframe(1).f_globals["__name__"]],)))


if TYPE_CHECKING:
    from ._interactive import Session


def __getattr__(name: str) -> object:
    """Load what plugins have no use for when it is asked for."""
    if name == "Session":
        from ._interactive import Session

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "AsyncFn",
    "CalyxError",
    "Cancelled",
    "DeclarationError",
    "File",
    "Fn",
    "NeedError",
    "OutsideNodeError",
    "Pipeline",
    "RetryAfter",
    "Session",
    "Stored",
    "UnstorableError",
    "__version__",
    "async_fn",
    "derived_nodes",
    "env",
    "exists",
    "fn",
    "glob",
    "instance",
    "listdir",
    "log",
    "metric",
    "open",
    "out_dir",
    "progress",
    "scratch",
    "serve",
    "stored",
    "stored_nodes",
]
