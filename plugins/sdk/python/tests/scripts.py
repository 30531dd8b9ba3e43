"""Scripts and notebooks that use calyx.Session."""

from __future__ import annotations

import pathlib
import textwrap
import time

from conftest import Workspace

HEAD = """
import asyncio, inspect, os, signal, sys, time
import calyx
from calyx import Pipeline, Session, async_fn, fn, stored

"""

REVIEWS = """
class Reviews(Pipeline):
    @stored
    def least(self) -> int:
        return 3

    @stored(path="reviews.txt")
    def raw(self): ...

    @fn
    def clean(self, lower: bool = True) -> list[str]:
        return [line.lower() if lower else line for line in self.raw().read_text().splitlines()]

    @fn
    def kept(self) -> tuple[str, ...]:
        return tuple(line for line in self.clean() if len(line) >= self.least())

"""


def script(ws: Workspace, text: str) -> list[str]:
    """Run a script and return what it printed, line by line."""
    ws.write("reviews.txt", "Good\nOk\n")
    ws.write("script.py", HEAD + textwrap.dedent(text))
    return ws.python("import runpy; runpy.run_path('script.py', run_name='__main__')").out.splitlines()


CELLS = """
import code
console = code.InteractiveConsole({"__name__": "__main__"})
import sys, types
sys.modules["__main__"] = types.ModuleType("__main__")
console.locals = vars(sys.modules["__main__"])
def cell(text):
    console.runcode(compile(text, f"<cell {hash(text)}>", "exec"))
"""


def cells(ws: Workspace, *texts: str) -> list[str]:
    """Run texts as the cells of a notebook: their source is in no file."""
    program = CELLS + "".join(f"cell({textwrap.dedent(text)!r})\n" for text in ("import calyx\nfrom calyx import *\n", *texts))
    return ws.python(program).out.splitlines()


def runs(pid: int) -> bool:
    """Tell whether a process runs: nobody may have taken note of its end."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def has_ended(pid: int) -> bool:
    """Wait for the end of a process that is no child of this one."""
    deadline = time.monotonic() + 60
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not runs(pid)
