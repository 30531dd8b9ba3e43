"""Whose files are: the project's, the SDK's, an installed package's, or Python's."""

from __future__ import annotations

import functools
import os
import site
import sysconfig
from types import ModuleType

_SDK = os.path.dirname(os.path.abspath(__file__)) + "/"


@functools.cache
def _library_folders() -> tuple[str, ...]:
    found = {sysconfig.get_paths()[k] for k in ("purelib", "platlib")} | {site.getusersitepackages(), *site.getsitepackages()}
    return tuple(os.path.realpath(p) + "/" for p in found)


@functools.cache
def _python_folders() -> tuple[str, ...]:
    return tuple({os.path.realpath(sysconfig.get_paths()[k]) + "/" for k in ("stdlib", "platstdlib")})


@functools.cache
def belongs(path: str | None) -> str:
    """Tell whose a file is: "project", "sdk", "package" (installed) or "python". Editable installs are the project's.

    A session asks for every module at each question, so it is remembered: files do not change hands while a process runs.
    """
    if not path or path.startswith("<frozen"):
        return "python"
    full = os.path.realpath(path)
    if full.startswith(os.path.realpath(_SDK) + "/"):
        return "sdk"
    if full.startswith(_library_folders()):
        return "package"
    return "python" if full.startswith(_python_folders()) else "project"


def file_of_module(module: ModuleType) -> str | None:
    """Return the file that a module was loaded from; None for one that is built in."""
    return getattr(module, "__file__", None)
