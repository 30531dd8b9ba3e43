"""Whose files are: the project's, the SDK's, an installed package's, or Python's."""

from __future__ import annotations

import functools
import os
import site
import sysconfig
from types import ModuleType

_SDK = os.path.dirname(os.path.abspath(__file__)) + "/"


def _folders(*paths: str) -> tuple[str, ...]:
    return tuple({os.path.realpath(path) + "/" for path in paths})


# Found out while this module is imported, which one thread does (sysconfig shows others a half of what it is about to know), and
# before anything is watched: what Python's own modules import for it would ask for it again.
_PATHS = sysconfig.get_paths()
_LIBRARIES = _folders(_PATHS["purelib"], _PATHS["platlib"], site.getusersitepackages(), *site.getsitepackages())
_PYTHON = _folders(_PATHS["stdlib"], _PATHS["platstdlib"])


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
    if full.startswith(_LIBRARIES):
        return "package"
    return "python" if full.startswith(_PYTHON) else "project"


def file_of_module(module: ModuleType) -> str | None:
    """Return the file that a module was loaded from; None for one that is built in."""
    return getattr(module, "__file__", None)


def is_projects_module(module: ModuleType) -> bool:
    """Tell whether a module is the project's. A package without __init__.py has no file: its folders tell."""
    path = file_of_module(module)
    if path is None:
        return any(belongs(os.path.join(folder, "x.py")) == "project" for folder in getattr(module, "__path__", ()))
    return belongs(path) == "project"
