"""The slice from end to end: a program, a Calyxfile, builds."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from conftest import Workspace
from scripts import has_ended

REVIEWS = """
class Reviews(Pipeline):
    @stored
    def lr(self) -> float:
        return 1e-3

    @stored(path="data/reviews.csv")
    def raw(self): ...

    @fn
    def clean(self, lower: bool = True) -> list[str]:
        return [r.strip().lower() if lower else r.strip() for r in self.raw().read_text().splitlines()]

    @fn
    def count(self) -> int:
        return len(self.clean())

    @async_fn
    async def both(self):
        return await self.clean.aio() + await self.clean.aio(lower=False) + [self.lr()]
"""


def test_nodes_need_nodes(ws: Workspace) -> None:
    ws.program(REVIEWS)
    ws.write("data/reviews.csv", "Good\n Bad \n")
    assert ws.get("both") == ["good", "bad", "Good", "Bad", 0.001]
    assert ws.get("count") == 2
    assert ws.runs() == []


def test_only_what_saw_a_change_runs_again(ws: Workspace) -> None:
    ws.program(REVIEWS)
    ws.write("data/reviews.csv", "Good\n Bad \n")
    ws.calyx("build")
    ws.calyx("set", "lr", "0.5")
    assert ws.runs() == ["both"]
    ws.write("data/reviews.csv", "good\n Bad \n")
    assert ws.runs("count") == ["clean"]  # its value is the same


def test_a_failure_shows_the_users_lines(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def broken():
            return helper()

        def helper():
            raise ValueError("no such thing")
        """
    )
    text = ws.calyx("build", status=1).text
    assert "ValueError: no such thing" in text
    assert "return helper()" in text
    assert "/calyx/_" not in text


def test_plain_functions_are_nodes(ws: Workspace) -> None:
    ws.program(
        """
        @stored
        def size():
            return 3

        @fn
        def double(x: int = 1) -> int:
            return 2 * x

        @fn
        def total() -> int:
            return sum(double(n) for n in range(size())) + double() + double(x=1)
        """
    )
    assert ws.get("total") == 10


def test_what_modules_print_does_not_break_the_handshake(ws: Workspace) -> None:
    ws.program("print('hello')\n\n@fn\ndef one():\n    print('called')\n    return 1\n")
    assert ws.get("one") == 1
    assert "called" in ws.calyx("log", "one").text


def test_printing_and_logging_are_the_calls_own(ws: Workspace) -> None:
    ws.program(
        """
        import logging, os, sys, asyncio
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")

        @async_fn
        async def one():
            print("one begins")
            await asyncio.sleep(0.05)
            logging.info("one ends")

        @async_fn
        async def two():
            print("two begins", file=sys.stderr)
            await asyncio.sleep(0.05)
            calyx.log("two ends", 2)

        @fn
        def raw():
            os.write(1, b"from below")
        """
    )
    ws.calyx("build")
    assert ws.calyx("log", "one").out == "one begins\nINFO one ends\n"
    assert ws.calyx("log", "two").out == "two begins\ntwo ends 2\n"
    assert ws.calyx("log", "raw").out.strip() == "from below"


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="it looks at processes in /proc")
def test_a_quick_look_that_is_killed_leaves_no_file(ws: Workspace) -> None:
    os.mkfifo(ws.root / "runs")
    ws.program("@fn\ndef waits():\n    open('runs', 'w').close()\n    import time; time.sleep(600)\n")
    look = subprocess.Popen([sys.executable, "-m", "calyx", "get", "p.py:waits"], cwd=ws.root, env=ws.environ, start_new_session=True)
    with open(ws.root / "runs") as fifo:
        fifo.read()
    assert list(ws.root.glob(".look-*"))
    guard = next(int(pid) for pid in pathlib.Path(f"/proc/{look.pid}/task/{look.pid}/children").read_text().split() if leads(int(pid)))
    os.killpg(look.pid, signal.SIGKILL)
    look.wait()
    assert has_ended(guard)
    assert not list(ws.root.glob(".look-*"))


def leads(pid: int) -> bool:
    """Tell whether a process has a session of its own."""
    return os.getsid(pid) == pid


def test_a_quick_look_needs_no_calyxfile(ws: Workspace) -> None:
    ws.program(REVIEWS)
    ws.write("data/reviews.csv", "Good\n")
    (ws.root / "Calyxfile").unlink()
    look = "import sys; from calyx.__main__ import main; sys.exit(main(sys.argv[1:]))"
    assert json.loads(ws.python(look, "get", "p.py:Reviews.clean", "--json").out) == ["good"]
    assert json.loads(ws.python(look, "get", "p.py:clean(lower=False)", "--json").out) == ["Good"]
    assert "did you mean" in ws.python(look, "get", "p.py:clear", status=2).err
    assert "there is no such node" in ws.python(look, "get", "p.py:Other.clean", status=2).err
    assert "is no file" in ws.python(look, "get", "q.py:clean", status=2).err
    ws.write("wrong.py", "x = 1\ndef (\n")
    wrong = ws.python(look, "get", "wrong.py:clean", status=2).err
    assert 'wrong.py", line 2' in wrong and "Traceback" not in wrong
    assert sorted(path.name for path in ws.root.iterdir() if "look" in path.name) == []


def test_a_value_of_3_gib(ws: Workspace) -> None:
    """The file is sparse, and calyx keeps it as it is: the test takes no room."""
    ws.program("""
        @fn
        def big() -> calyx.File:
            path = calyx.out_dir() / "big"
            with open(path, "wb") as f:
                f.truncate((3 << 30) - 3)
                f.seek(0, 2)
                f.write(b"end")
            return calyx.File(path)

        @fn
        def end(big: calyx.File) -> list[object]:
            with open(big, "rb") as f:
                f.seek(-3, 2)
                return [f.read().decode(), f.tell()]
    """, 'step("last", run = p.end, args = dict(big = m.big))')
    assert ws.get("last") == ["end", 3 << 30]
    used = sum(p.stat().st_blocks * 512 for p in (ws.root / ".calyx" / "cache").rglob("*"))
    assert used < 1 << 30
