"""A quick look at one node of a file, without a Calyxfile: `python -m calyx get pipeline.py:Reviews.clean`."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from types import ModuleType

from ._child import find_calyx
from ._errors import CalyxError
from ._program import Program


def load(path: str) -> ModuleType:
    """Import a file by its own name, as the modules beside it would."""
    folder, name = os.path.split(os.path.abspath(path))
    stem, end = os.path.splitext(name)
    if end != ".py" or not os.path.isfile(path):
        raise CalyxError(f"{path!r} is no file of Python")
    sys.path.insert(0, folder)
    return importlib.import_module(stem)


def get(target: str, options: list[str]) -> int:
    """Have calyx bring a node up to date and print its value; return the exit status of calyx."""
    path, separator, node = target.partition(":")
    if not separator or not node:
        raise CalyxError(f"{target!r} names no node: say FILE:NODE, such as pipeline.py:Reviews.clean")
    calyx = find_calyx()
    program = Program(load(path))
    command = [sys.executable, "-m", "calyx", "serve", path]
    with tempfile.NamedTemporaryFile("w", dir=".", prefix=".look-", suffix=".Calyxfile") as f:
        f.write(f'use(plugin("look", cmd = {json.dumps(command)}))\n')
        f.flush()
        _remove_after_us(f.name)
        return subprocess.call([calyx, "--calyxfile", os.path.basename(f.name), "get", *options, node_name(program, node)])


def _remove_after_us(path: str) -> None:
    """Have a file removed once this process is gone, even if it is killed: then nothing else would."""
    script = ["/bin/sh", "-c", 'read -r _; rm -f "$1"', "sh", os.path.abspath(path)]
    _GUARDS.append(subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True))


#: Processes that wait for the end of this one, which is what closes their input.
_GUARDS: list[subprocess.Popen[bytes]] = []


def node_name(program: Program, node: str) -> str:
    """Return the name under which calyx knows a node: without its pipeline's, unless two have it."""
    name, bracket, arguments = node.partition("(")
    pipeline, _, inner = name.partition(".")
    if name not in program.functions and name not in program.stored and any(p.__name__ == pipeline for p in program.pipelines):
        name = inner
    return name + bracket + arguments
