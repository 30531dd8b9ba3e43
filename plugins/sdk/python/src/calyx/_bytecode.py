"""Sees to it that modules of the project are what their sources say.

Python takes the bytecode that it kept for a module where the source has the same length and was written in the same second.
An edit soon after a build may be such a source: the old code would run, and be taken for the new.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

from ._places import belongs, file_of_module

#: The length of what stands before the code in a file of bytecode.
_HEADER = 16


def compile_project() -> None:
    """Have modules of the project compiled whenever they are loaded, and start anew if an older one was loaded already."""
    plain = SourceFileLoader.path_stats

    def path_stats(self: Any, path: str) -> Any:
        if belongs(path) == "project":
            raise OSError("bytecode is neither read nor kept for this file")
        return plain(self, path)

    SourceFileLoader.path_stats = path_stats  # type: ignore[method-assign]
    stale = [m for m in list(sys.modules.values()) if isinstance(m, ModuleType) and _is_stale(m)]
    for module in stale:
        os.unlink(str(module.__cached__))
    if stale:
        os.execv(sys.executable, sys.orig_argv)


def _is_stale(module: ModuleType) -> bool:
    path, cached = file_of_module(module), getattr(module, "__cached__", None)
    if path is None or cached is None or not os.path.isfile(cached) or belongs(path) != "project":
        return False
    with open(cached, "rb") as f:
        kept = marshal.loads(f.read()[_HEADER:])
    with open(path, "rb") as f:
        return bool(kept != compile(f.read(), path, "exec", dont_inherit=True))
