"""A workspace per test, in which the real calyx runs real plugins."""

from __future__ import annotations

import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from calyx._literals import literal, unpack_literal
from calyx._transport import Decoder, Encoder

CALYX = os.environ.get("CALYX_BIN", "calyx")

#: A workspace has bytecode of its own, and to compile the SDK and its libraries takes a second: the tests share it.
BYTECODE = tempfile.TemporaryDirectory(prefix="calyx-bytecode-")


@dataclass
class Outcome:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class Workspace:
    """A folder with a Calyxfile, a program `p.py` and whatever else a test writes."""

    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.environ = dict(os.environ)
        (root / ".calyx").mkdir()
        (root / ".calyx" / "bytecode").symlink_to(BYTECODE.name)

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def program(self, text: str, *more: str, plugin: str = "") -> None:
        """Write the program, and a Calyxfile with all its nodes."""
        self.write("p.py", _HEAD + textwrap.dedent(text) + "\n\nif __name__ == '__main__':\n    calyx.serve()\n")
        self.declare(*more, plugin=plugin)

    def declare(self, *more: str, plugin: str = "") -> None:
        """Write a Calyxfile with all nodes of the program."""
        head = f'p = plugin("p", cmd = ["{sys.executable}", "p.py"], {plugin})\nm = use(p)'
        self.write("Calyxfile", "\n".join([head, *more]) + "\n")

    def calyx(self, *args: str, status: int | None = 0, timeout: float = 120) -> Outcome:
        done = subprocess.run(
            [CALYX, *args], cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=timeout, check=False
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        if status is not None:
            assert done.returncode == status, outcome.text
        return outcome

    def python(self, code: str, *args: str, status: int | None = 0) -> Outcome:
        """Run Python in the workspace."""
        done = subprocess.run(
            [sys.executable, "-c", code, *args], cwd=self.root, env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )
        if status is not None:
            assert done.returncode == status, done.stdout + done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)

    def get(self, node: str) -> Any:
        """Bring a node up to date and return its value."""
        return json.loads(self.calyx("get", "--json", node).out)

    def runs(self, *nodes: str) -> list[str]:
        """Build and return the nodes that were executed, in the order of their names."""
        out = self.calyx("build", *nodes).text
        return sorted(line.split()[1] for line in out.splitlines() if line.startswith("executed "))


_HEAD = """\
import calyx
from calyx import Pipeline, async_fn, fn, stored

"""


@pytest.fixture
def ws(tmp_path: pathlib.Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def round_trip(tmp_path: pathlib.Path) -> Callable[[Any], Any]:
    """Give a value the way of a result: through a message and files, and back."""
    count = itertools.count()

    def new_file(end: str) -> str:
        return str(tmp_path / f"{next(count)}{end}")

    def trip(value: Any) -> Any:
        message = Encoder(new_file, lambda path: False).encode(value)
        return Decoder(new_file).decode(type(message).FromString(message.SerializeToString()))

    return trip


def argument_trip(value: Any) -> Any:
    """Give a value the way of an argument."""
    return unpack_literal(literal(value, "x"))
