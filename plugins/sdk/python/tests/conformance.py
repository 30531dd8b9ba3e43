"""The conformance functions of docs/plugin-protocol.md, for `calyx plugin check`; with --queued, of kinds that take turns."""

from __future__ import annotations

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import calyx


@calyx.async_fn
async def calyx_check_echo(value: Any) -> Any:
    return value


@calyx.fn
def calyx_check_add(a: int, b: int = 2) -> int:
    return a + b


@calyx.fn
def calyx_check_half(number: int) -> float:
    return number / 2


@calyx.async_fn
async def calyx_check_need(values: list[Any], at_once: int = 1) -> list[Any]:
    got: list[Any] = []
    for first in range(0, len(values), at_once):
        got += await asyncio.gather(*(calyx_check_echo(value) for value in values[first : first + at_once]))
    return got


@calyx.fn
def calyx_check_env(name: str) -> str | None:
    return calyx.env(name, None)


@calyx.async_fn
async def calyx_check_sleep(seconds: float) -> None:
    calyx.progress(0, 1)
    await asyncio.sleep(seconds)


@calyx.fn
def calyx_check_fail(message: str) -> None:
    raise RuntimeError(message)


@calyx.fn
def calyx_check_retry(seconds: float) -> None:
    raise calyx.RetryAfter(seconds)


@calyx.fn
def calyx_check_tell(text: str) -> None:
    calyx.log(text)
    calyx.progress(1, 2, "steps")
    calyx.metric("calyx_check", 0.5, "units")


@calyx.fn
def calyx_check_print(text: str) -> None:
    print(text, end="")


if "--queued" in sys.argv:

    @calyx.fn
    def calyx_check_echo(value: Any) -> Any:
        return value

    @calyx.fn
    def calyx_check_need(values: list[Any], at_once: int = 1) -> list[Any]:
        with ThreadPoolExecutor(at_once) as pool:
            got: list[Any] = []
            for first in range(0, len(values), at_once):
                got += pool.map(calyx_check_echo, values[first : first + at_once])
            return got

    @calyx.fn
    def calyx_check_sleep(seconds: float) -> None:
        calyx.progress(0, 1)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.01)


if __name__ == "__main__":
    calyx.serve()
