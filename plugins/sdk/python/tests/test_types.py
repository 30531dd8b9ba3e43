"""What a type checker knows of a program that uses the package."""

from __future__ import annotations

import pathlib
import subprocess
import sys

PROGRAM = """
import calyx
from calyx import File, Pipeline, async_fn, fn, stored
from typing_extensions import assert_type


class Reviews(Pipeline):
    @stored
    def rate(self) -> float:
        return 0.1

    @stored(path="data.txt")
    def raw(self) -> File:
        raise NotImplementedError

    @fn
    def clean(self, lower: bool = True) -> list[str]:
        assert_type(self.rate(), float)
        return [self.raw().read_text()]

    @fn(retries=3, timeout="30s")
    def count(self) -> int:
        assert_type(self.clean(lower=False), list[str])
        self.clean(lower="no")  # type: ignore[arg-type]
        self.clear()  # type: ignore[attr-defined]
        return len(self.clean())

    @async_fn(pool="model")
    async def answer(self, question: str) -> bytes:
        assert_type(await self.count.aio(), int)
        assert_type(await self.answer("why?"), bytes)
        return b""


@fn
def double(n: int) -> int:
    return 2 * n


@stored
def limit() -> int:
    return 3


@async_fn
async def text(n: int) -> str:
    assert_type(double(n), int)
    assert_type(limit(), int)
    assert_type(calyx.env("HOME"), str | None)
    assert_type(calyx.env("LANG", "C"), str)
    assert_type(await text(n), str)
    double("2")  # type: ignore[arg-type]
    return ""


calyx.serve(Reviews, double, limit, text)
"""


def test_nodes_have_the_types_of_their_functions(tmp_path: pathlib.Path) -> None:
    (tmp_path / "p.py").write_text(PROGRAM)
    words = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", "--cache-dir", str(tmp_path / "cache"), "p.py"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
