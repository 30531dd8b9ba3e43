"""Calls that catch a failure of what they asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Workspace

_FALLBACKS = """
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    def bad(): return calyx.open("bad.txt").read() == "yes"

    @fn
    def first():
        if bad():
            raise ValueError("it is bad")
        return "first"

    @fn
    def second(): return "second"

    @fn
    def inner(): return first()

    @fn
    def other():
        try:
            return first()
        except calyx.NeedError:
            return second()

    @fn
    def outer():
        try:
            return inner()
        except calyx.NeedError:
            return second()

    @async_fn
    async def part(i: int):
        if i == 3 and bad():
            raise ValueError("it is bad")
        return i

    @async_fn
    async def gathered():
        parts = await asyncio.gather(*(part(i) for i in range(9)), return_exceptions=True)
        return [p if isinstance(p, int) else "failed" if "it is bad" in str(p) else str(p) for p in parts]

    @fn
    def in_threads():
        def one(i):
            try:
                return thing(i)
            except calyx.NeedError as e:
                return "failed" if "it is bad" in str(e) else str(e)
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(one, range(9)))

    @fn
    def thing(i: int):
        if i == 3 and bad():
            raise ValueError("it is bad")
        return i
"""


@pytest.mark.parametrize(
    ("node", "well", "fallen_back"),
    [
        ("other", "first", "second"),
        ("outer", "first", "second"),
        ("gathered", [*range(9)], [0, 1, 2, "failed", 4, 5, 6, 7, 8]),
        ("in_threads", [*range(9)], [0, 1, 2, "failed", 4, 5, 6, 7, 8]),
    ],
)
def test_a_call_that_catches_a_failure_gets_what_else_it_asks_for(ws: Workspace, node: str, well: Any, fallen_back: Any) -> None:
    """The build stops at the failure, but not under those that deal with it."""
    ws.program(_FALLBACKS)
    for text, value in (("yes", fallen_back), ("no", well), ("yes", fallen_back)):
        ws.write("bad.txt", text)
        got = ws.calyx("get", "--json", node, status=1 if text == "yes" else 0)
        assert json.loads(got.out) == value


def test_a_build_still_stops_at_a_failure(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def first(): raise ValueError
        @fn
        def part(i: int): return i
        @fn
        def needs():
            first()
            return [part(i) for i in range(9)]
        @async_fn
        async def strict():
            import asyncio
            return await asyncio.gather(*(apart(i) for i in range(99)))
        @async_fn
        async def apart(i: int):
            if i == 0: raise ValueError
            return i
        """
    )
    assert "part(" not in ws.calyx("build", "needs", status=1).text
    assert ws.calyx("build", "-j", "1", "strict", status=1).text.count("executed  ") < 50
