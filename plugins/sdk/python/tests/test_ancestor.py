"""What the tests of the library that calyx descends from fix, one behaviour each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Workspace

# A diamond over a base, and a node beside it.
SHAPES = """
    class Shapes(Pipeline):
        @stored
        def x(self): return 10

        @stored
        def y(self): return 3

        @fn
        def base(self): return self.x() // 10

        @fn
        def left(self): return self.base() + 1

        @fn
        def right(self): return self.base() + 2

        @fn
        def top(self): return self.left() * self.right()

        @fn
        def other(self): return self.y()

        @fn
        def scaled(self, factor=2, offset=None, extra=[]): return [self.x() * factor, offset, extra]

        @fn
        def keyed(self): return [self.scaled(factor=3), self.scaled(3, extra=[1]), self.scaled(offset=None)]
"""


@pytest.fixture
def shapes(ws: Workspace) -> Workspace:
    ws.program(SHAPES)
    ws.calyx("build")
    return ws


def info(ws: Workspace, node: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ws.calyx("info", "--json", node).out)
    return found


def test_a_second_call_computes_nothing(shapes: Workspace) -> None:
    assert shapes.runs() == []
    assert info(shapes, "top")["executions"] == 1


def test_arguments_by_keyword_none_and_lists(shapes: Workspace) -> None:
    assert shapes.get("keyed") == [[30, None, []], [30, None, [1]], [20, None, []]]


def test_a_diamonds_base_has_two_dependents_and_is_computed_once(shapes: Workspace) -> None:
    base = info(shapes, "base")
    assert base["executions"] == 1
    assert sorted(base["dependents"]) == ["left", "right"]


def test_a_change_marks_what_is_downstream_and_computes_nothing(shapes: Workspace) -> None:
    shapes.calyx("set", "x", "25")
    stale = shapes.calyx("status").out
    assert "base" in stale and "top" in stale and "other" not in stale
    assert info(shapes, "base")["executions"] == 1


def test_unrelated_nodes_stay(shapes: Workspace) -> None:
    shapes.calyx("set", "y", "4")
    assert shapes.runs() == ["other"]


def test_an_equal_value_set_again_changes_nothing(shapes: Workspace) -> None:
    shapes.calyx("set", "x", "10")
    assert shapes.runs() == []


def test_an_unchanged_intermediate_value_stops_the_wave(shapes: Workspace) -> None:
    shapes.calyx("set", "x", "15")
    assert shapes.runs("top") == ["base"]


def test_cutoff_is_by_value_and_not_by_a_flag(shapes: Workspace) -> None:
    shapes.calyx("set", "x", "25")
    assert shapes.runs("left") == ["base", "left"]
    assert shapes.get("right") == 4
    assert shapes.get("top") == 12


def test_instances_are_apart(shapes: Workspace) -> None:
    shapes.calyx("set", "-i", "second", "y", "7")
    assert json.loads(shapes.calyx("get", "-i", "second", "--json", "other").out) == 7
    assert shapes.get("other") == 3


def test_stored_values_survive_and_derived_ones_come_from_the_cache(shapes: Workspace) -> None:
    shapes.calyx("set", "x", "40")
    assert shapes.get("top") == 30
    shapes.calyx("set", "x", "10")
    assert shapes.runs("top") == []


def test_an_error_is_shown_and_gone_after_its_cause_is_mended(ws: Workspace) -> None:
    ws.program("@stored\ndef n(): return 0\n\n@fn\ndef node():\n    if n() == 0: raise ValueError('n is 0')\n    return n()\n")
    assert "ValueError: n is 0" in ws.calyx("build", status=1).text
    assert "n is 0" in info(ws, "node")["failure"]
    ws.calyx("set", "n", "5")
    assert ws.get("node") == 5


def test_introspection() -> None:
    import inspect

    from calyx import Pipeline, derived_nodes, fn, stored, stored_nodes

    class Small(Pipeline):
        @stored
        def rate(self) -> float:
            """The rate."""
            return 0.5

        @fn
        def twice(self, times: int = 2) -> float:
            """Twice the rate."""
            return self.rate() * times

    assert stored_nodes(Small) == ["rate"] and derived_nodes(Small) == ["twice"]
    assert {"rate", "twice"} <= set(dir(Small))
    assert Small.twice.__doc__ == "Twice the rate." and Small.twice.__name__ == "twice"
    assert list(inspect.signature(Small.twice.function).parameters) == ["self", "times"]


def test_recursion_through_super_ends(ws: Workspace) -> None:
    ws.program(
        """
        class A(Pipeline):
            @fn
            def x(self): return 1

        class B(A):
            @fn
            def x(self): return super().x() + 1

        class C(B):
            @fn
            def x(self): return super().x() + 1
        """
    )
    assert ws.get("C.x") == 3


def test_chains_are_deep_and_fans_are_wide(ws: Workspace) -> None:
    ws.program(
        """
        import asyncio

        @fn
        def chain(n: int): return 0 if n == 0 else chain(n - 1) + 1

        @fn
        def item(n: int): return n

        @async_fn
        async def fan(n: int): return sum(await asyncio.gather(*(item.aio(i) for i in range(n))))
        """
    )
    assert ws.get("chain(n=400)") == 400
    assert ws.get("fan(n=1000)") == 499500


def test_an_unchanged_value_stops_the_wave_across_pipelines(ws: Workspace) -> None:
    ws.program(
        """
        class Data(Pipeline):
            @stored
            def x(self): return 10

            @fn
            def tens(self): return self.x() // 10

        class Report(Pipeline):
            @fn
            def text(self): return f"{Data().tens()} tens"
        """
    )
    assert ws.get("text") == "1 tens"
    ws.calyx("set", "x", "19")
    assert ws.runs() == ["tens"]
    ws.calyx("set", "x", "20")
    assert ws.runs() == ["tens", "text"]
    assert ws.get("text") == "2 tens"


@pytest.mark.parametrize("value", [5, 2.5, "text", True, [1, [2]], {"a": 1.0}], ids=repr)
def test_what_was_set_is_there_for_the_next_process(ws: Workspace, value: object) -> None:
    default = type(value)()
    ws.program(f"@stored\ndef x(): return {default!r}\n\n@fn\ndef seen(): return [type(x()).__name__, x()]\n")
    ws.calyx("set", "-i", "other", "x", json.dumps(value) if not isinstance(value, str) else value)
    ws.calyx("build")
    assert info(ws, "seen")["executions"] == 1
    assert json.loads(ws.calyx("get", "-i", "other", "--json", "seen").out) == [type(value).__name__, value]
    assert ws.get("seen") == [type(default).__name__, default]


def test_an_empty_graph_prints(ws: Workspace) -> None:
    ws.write("Calyxfile", "")
    assert ws.calyx("graph").out == "the graph is empty\n"
    assert json.loads(ws.calyx("stats", "--json").out)["total_nodes"] == 0


def test_the_numbers_that_it_told(shapes: Workspace) -> None:
    stats = json.loads(shapes.calyx("stats", "--json").out)
    assert {"total_nodes", "stored_nodes", "derived_nodes", "invalid_nodes", "total_computes", "avg_computes_per_node"} <= set(stats)
    assert (stats["stored_nodes"], stats["invalid_nodes"]) == (2, 0)
    shapes.calyx("set", "y", "9")
    assert json.loads(shapes.calyx("stats", "--json").out)["invalid_nodes"] == 1
    assert info(shapes, "other")["last_reason"]["kind"] == "never-built"
    shapes.calyx("build")
    assert info(shapes, "other")["last_reason"]["kind"] == "stored-changed"
    assert info(shapes, "other")["executions"] == 2
