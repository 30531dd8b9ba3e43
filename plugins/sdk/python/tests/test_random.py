"""Random pipelines of Python nodes and histories of edits, against a plain evaluation in this process."""

from __future__ import annotations

import random

import pytest
from conftest import Workspace

NODES = 8


def program(rng: random.Random) -> str:
    """Write a random graph: each node adds up some that come before it, perhaps only where a condition holds."""
    lines = []
    for i in range(3):
        lines += ["@stored", f"def s{i}(): return {rng.randint(0, 3)}", ""]
    for i in range(NODES):
        before = [f"s{k}()" for k in range(3)] + [f"n{k}()" for k in range(i)]
        terms = rng.sample(before, min(len(before), rng.randint(1, 3)))
        guard = rng.choice(before)
        lines += ["@fn", f"def n{i}():", f"    if {guard} % 2: return {rng.randint(0, 3)}", f"    return ({' + '.join(terms)}) // 2", ""]
    return "\n".join(lines)


def evaluate(text: str, values: dict[str, int]) -> dict[str, int]:
    """Compute every node afresh."""
    namespace: dict[str, object] = {"fn": lambda f: f, "stored": lambda f: (lambda: values.get(f.__name__, f()))}
    exec(text, namespace)
    return {f"n{i}": namespace[f"n{i}"]() for i in range(NODES)}  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(3))
def test_random_histories(ws: Workspace, seed: int) -> None:
    rng = random.Random(seed)
    text = program(rng)
    ws.program(text)
    values: dict[str, int] = {}
    for _ in range(4):
        ws.calyx("build")
        expected = evaluate(text, values)
        node = rng.choice(list(expected))
        assert ws.get(node) == expected[node]
        assert ws.get(f"n{NODES - 1}") == expected[f"n{NODES - 1}"]
        assert ws.runs() == []
        name = f"s{rng.randrange(3)}"
        values[name] = rng.randint(0, 3)
        ws.calyx("set", name, str(values[name]))
