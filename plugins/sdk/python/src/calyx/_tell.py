"""What nodes tell while they run, and where they may write."""

from __future__ import annotations

import os
import pathlib

from ._call import current_call
from ._proto import plugin_pb2 as pb


def log(*parts: object) -> None:
    """Add a line to the log of the node, which calyx shows when it fails or the user asks."""
    text = " ".join(map(str, parts)) + "\n"
    current_call("calyx.log").say(pb.PluginItem(log=pb.Log(text=text.encode("utf-8", "replace"))))


def progress(done: float, total: float = 0.0, unit: str = "") -> None:
    """Tell that done of total units are done; total is 0 where it is not known. It may be called as often as one likes."""
    current_call("calyx.progress").progress(done, total, unit)


def metric(name: str, value: float, unit: str = "") -> None:
    """Record a number with the node's result: tokens, dollars, rows, loss."""
    current_call("calyx.metric").say(pb.PluginItem(metric=pb.Metric(name=name, value=value, unit=unit)))


def scratch() -> pathlib.Path:
    """Return a private folder for temporary files, which is removed after the call."""
    return _made(os.fsdecode(current_call("calyx.scratch").start.scratch))


def out_dir() -> pathlib.Path:
    """Return a folder in which the node may build what it returns as calyx.File."""
    return _made(os.fsdecode(current_call("calyx.out_dir").start.out_dir))


def _made(folder: str) -> pathlib.Path:
    path = pathlib.Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path
