"""`calyx exec`: one node by hand, in the foreground, with a debugger."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from types import TracebackType

import pytest
from conftest import CALYX, Workspace
from scripts import has_ended


class Terminal:
    """A terminal on which calyx runs."""

    def __init__(self, ws: Workspace, *args: str) -> None:
        self._own, its = pty.openpty()
        self._calyx = subprocess.Popen(
            [CALYX, *args],
            cwd=ws.root,
            env={**ws.environ, "NO_COLOR": "1"},
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(its)
        self._new = ""
        self.screen = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._calyx.kill()
        self._calyx.wait()
        os.close(self._own)

    def type(self, keys: str) -> None:
        os.write(self._own, keys.encode())

    def see(self, text: str) -> None:
        """Wait until a text is on the screen, behind what was waited for before."""
        end = time.monotonic() + 180
        while text not in self._new:
            ready, _, _ = select.select([self._own], [], [], max(0, end - time.monotonic()))
            assert ready and self._read(), f"{text!r} did not come: {self.screen}"
        self._new = self._new.partition(text)[2]

    def runs(self) -> bool:
        return self._calyx.poll() is None

    def status(self) -> int:
        """Wait for the end of calyx."""
        while self._read():
            pass
        return self._calyx.wait()

    def _read(self) -> bool:
        try:
            some = os.read(self._own, 1 << 16).decode().replace("\r\n", "\n")
        except OSError:  # nobody has the terminal any more
            return False
        self.screen += some
        self._new += some
        return some != ""


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


NODES = """
import asyncio, os, sys, time

@fn
def raw() -> list[str]:
    return ["A", " b"]

@fn
def clean(lower: bool = True):
    print("cleaning")
    breakpoint()
    return [r.strip().lower() if lower else r for r in raw()]

@async_fn
async def later():
    breakpoint()
    return await raw.aio()

@fn
def slow():
    print("sleeping")
    while True:
        time.sleep(0.01)

@async_fn
async def slow_later():
    print("sleeping")
    while True:
        await asyncio.sleep(0.01)
"""


def test_a_breakpoint_gives_a_prompt_on_the_terminal(ws: Workspace) -> None:
    pytest.importorskip("readline")
    ws.program(NODES)
    with Terminal(ws, "exec", "clean(lower=False)") as terminal:
        terminal.see("cleaning\n")
        terminal.see("(Pdb) ")
        terminal.type("p lower\n")
        terminal.see("\nFalse\n(Pdb) ")
        terminal.type("\x1b[A\n")  # the line before, by a key of an editor of lines
        terminal.see("p lower\nFalse\n(Pdb) ")
        terminal.type("p len(raw())\n")
        terminal.see("\n2\n(Pdb) ")
        terminal.type("half a li\x03\n")  # Python notices one that comes just before it waits for a key with the next key
        terminal.see("KeyboardInterrupt")
        terminal.see("(Pdb) ")
        terminal.type("c\n")
        terminal.see('\n["A"," b"]\n')
        assert terminal.status() == 0
    assert "is up to date" in ws.calyx("status", "raw").text  # it was asked for
    assert "never built" in ws.calyx("status", "clean").text


def test_a_breakpoint_in_a_coroutine_gives_a_prompt_on_the_terminal(ws: Workspace) -> None:
    ws.program(NODES)
    with Terminal(ws, "exec", "later") as terminal:
        terminal.see("(Pdb) ")
        terminal.type("c\n")
        terminal.see('\n["A"," b"]\n')
        assert terminal.status() == 0


@pytest.mark.parametrize(("node", "error"), [("slow", "KeyboardInterrupt"), ("slow_later", "")])
def test_an_interruption_is_the_functions(ws: Workspace, node: str, error: str) -> None:
    ws.program(NODES)
    with Terminal(ws, "exec", node) as terminal:
        terminal.see("sleeping\n")
        terminal.type("\x03")
        terminal.see("p.py\", line ")  # the user's
        terminal.see(f'calyx: error: "{node}" failed: {error}')
        assert terminal.status() == 1
    assert "Exception ignored" not in terminal.screen


def test_a_need_can_be_interrupted_and_asked_for_again(ws: Workspace) -> None:
    ws.program(
        """
        import os, time

        @fn
        def patient():
            try:
                return needed()
            except KeyboardInterrupt:
                open("go", "w").close()
                return needed()

        @fn
        def needed():
            print("needed")
            open("begun", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)
            return 7
        """
    )
    with Terminal(ws, "exec", "patient") as terminal:
        while not (ws.root / "begun").exists():
            assert terminal.runs()
            time.sleep(0.01)
        terminal.type("\x03")
        terminal.see("\n7\n")
        assert terminal.status() == 0


def test_the_process_ends_with_calyx(ws: Workspace) -> None:
    ws.program(
        """
        import os, time

        @fn
        def sleeps():
            print(os.getpid())
            time.sleep(1000)
        """
    )
    with subprocess.Popen([CALYX, "exec", "sleeps"], cwd=ws.root, env=ws.environ, stderr=subprocess.PIPE) as calyx:
        assert calyx.stderr is not None
        process = int(calyx.stderr.readline())
        calyx.kill()
    assert has_ended(process)


def test_what_is_printed_is_seen_in_order_and_apart_from_the_value(ws: Workspace) -> None:
    ws.program(
        """
        import logging, os, subprocess, sys

        @fn
        def talks():
            print("one")
            print("two", file=sys.stderr)
            logging.warning("three")
            subprocess.run(["echo", "four"])
            os.write(1, b"five\\n")
            print(input("six? "))
            return "value"
        """
    )
    done = subprocess.run(
        [CALYX, "exec", "talks"], cwd=ws.root, env=ws.environ, input="seven\n", capture_output=True, text=True, check=True
    )
    assert done.stderr == "one\ntwo\nWARNING:root:three\nfour\nfive\nsix? seven\n"
    assert done.stdout == "value\n"


def test_a_value_is_shown_as_get_shows_it(ws: Workspace) -> None:
    pytest.importorskip("numpy")
    ws.program(
        """
        import calyx, numpy

        @fn
        def text(): return "é"

        @fn
        def nothing(): return None

        @fn
        def table(): return {"a": [1, 2.0, None]}

        @fn
        def long(): return list(range(100_000))

        @fn
        def array(): return numpy.arange(6.0).reshape(2, 3)

        @fn
        def arrays(): return [numpy.arange(3), numpy.arange(100_000)]

        @fn
        def folder():
            at = calyx.out_dir()
            (at / "sub").mkdir()
            (at / "sub" / "a.txt").write_text("a")
            (at / "b.txt").write_text("b")
            return calyx.File(at)

        @fn
        def file():
            (calyx.scratch() / "f").write_bytes(b"bytes\\0")
            return calyx.File(calyx.scratch() / "f")
        """
    )
    for node in ("text", "nothing", "table", "long", "array", "arrays", "folder", "file"):
        by_hand = ws.calyx("exec", node).out
        assert "never built" in ws.calyx("status", node).text
        assert by_hand == ws.calyx("get", node).out, node


def test_a_failure_that_the_function_catches_ends_nothing(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def bad():
            raise ValueError("no luck")

        @fn
        def good():
            return 1

        @fn
        def tries():
            try:
                return bad()
            except calyx.NeedError:
                return good() + 1
        """
    )
    assert ws.calyx("exec", "tries").out == "2\n"


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
    done = ws.calyx("exec", "broken", status=1)
    assert done.out == ""
    assert "return helper()" in done.err
    assert "/calyx/_" not in done.err
    assert done.err.endswith('calyx: error: "broken" failed: ValueError: no such thing\n')
