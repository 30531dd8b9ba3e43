"""What a node may keep from one call to the next, and what is refused."""

from __future__ import annotations

import pytest
from conftest import Workspace


@pytest.mark.parametrize(
    "change",
    [
        "global KEPT; KEPT = 5", "SEEN.append(1)", "TABLE['a'] = 2", "sys.modules[__name__].KEPT = 1", "global NEW; NEW = 1",
        "DEEP['a']['b'].append(1)", "DEEP['a']['c'][0].v = 1", "QUEUE.append(1)", "COUNTS['x'] += 1", "GROUPS['x'].append(1)",
        "LONG.append(1)",
    ],
)
def test_what_a_node_keeps_in_a_global_is_refused(ws: Workspace, change: str) -> None:
    ws.program(
        f"""
        import collections, sys
        class Held: v = 0
        DEEP = {{'a': {{'b': [], 'c': (Held(),)}}}}
        QUEUE = collections.deque()
        COUNTS = collections.Counter()
        GROUPS = collections.defaultdict(list)
        LONG = list(range(1000))
        KEPT = None
        SEEN = []
        TABLE = {{'a': 1}}

        @fn
        def keeps():
            {change}

        @fn
        def reads():
            return [KEPT, SEEN, TABLE, DEEP['a']['b'], DEEP['a']['c'][0].v, len(QUEUE), len(COUNTS), len(GROUPS), len(LONG)]

        @fn
        def both():
            try:
                keeps()
            except calyx.NeedError:
                return reads()
        """
    )
    assert "was changed while a node ran" in ws.calyx("build", "--keep-going", "both", status=1).text
    assert ws.get("reads") == [None, [], {"a": 1}, [], 0, 0, 0, 0, 1000]


@pytest.mark.parametrize(
    "change",
    [
        "Options.level = 2",
        "Options.names.append('x')",
        "options.level = 2",
        "options.more = 2",
        "del options.own",
        "helper.calls = 1",
        "helper()",
        "P.plain = 2",
        "P.new = 2",
        "setattr(P, 'plain', 2)",
        "SPACE.x = 2",
        "slotted.v = 2",
        "del slotted.v",
        "count()",
        "collect()",
    ],
)
@pytest.mark.parametrize("fails", [False, True])
def test_what_a_node_keeps_in_a_class_object_or_function_is_refused(ws: Workspace, change: str, fails: bool) -> None:
    ws.program(
        f"""
        import types
        SPACE = types.SimpleNamespace(x=1)

        class Options:
            level = 1
            names = []
            def __init__(self): self.own = 1

        options = Options()

        def helper(kept=[]):
            kept.append(1)
            return len(kept)

        class Slotted:
            __slots__ = ("v", "unset")
            def __init__(self): self.v = 1

        slotted = Slotted()

        def closures():
            n, found = 0, []
            def count():
                nonlocal n
                n += 1
            def collect(): found.append(1)
            return count, collect, lambda: [n, found]

        count, collect, counted = closures()

        class P(Pipeline):
            plain = 1
            @fn
            def keeps(self):
                {change}
                {"raise ValueError" if fails else ""}
            @fn
            def reads(self, first: int = 0):
                kept = helper.__defaults__[0]
                own = [Options.level, Options.names, vars(options), vars(helper), kept, P.plain, hasattr(P, "new")]
                return [*own, SPACE.x, slotted.v, counted()]

        @fn
        def both():
            try:
                P().keeps()
            except Exception:
                pass
            return P().reads()
        """
    )
    assert ("was changed while a node ran" in ws.calyx("build", "--keep-going", "both", status=1).text) is not fails
    assert ws.get("reads") == [1, [], {"own": 1}, {}, [], 1, False, 1, 1, [0, []]]


@pytest.mark.parametrize("fails", [False, True])
def test_a_node_that_leaves_the_folder_is_refused(ws: Workspace, fails: bool) -> None:
    ws.write("here.txt", "1")
    ws.program(
        f"""
        import os

        @fn
        def leaves():
            os.chdir("/")
            {"raise ValueError" if fails else ""}

        @fn
        def both():
            try:
                leaves()
            except calyx.NeedError:
                return open("here.txt").read()
        """
    )
    assert ("working directory was changed to /" in ws.calyx("build", "--keep-going", "both", status=1).text) is not fails
    assert ws.calyx("get", "both", status=1).out.strip() == "1"


def test_a_node_that_sets_a_stored_value_is_refused(ws: Workspace) -> None:
    ws.program("class P(Pipeline):\n    @stored\n    def lr(self): return 1\n\n    @fn\n    def node(self):\n        P.lr = 2\n")
    text = ws.calyx("build", "node", status=1).text
    assert "P.lr was set by a node" in text and "calyx set lr" in text


def test_a_cached_property_of_an_object_may_be_kept(ws: Workspace) -> None:
    ws.program(
        """
        import functools

        class Tools:
            @functools.cached_property
            def model(self): return [1]

        tools = Tools()

        @fn
        def node(): return tools.model
        """
    )
    assert ws.get("node") == [1]


def test_what_is_costly_may_be_kept_by_functools(ws: Workspace) -> None:
    ws.program("import functools\n\n@functools.cache\ndef costly(): return [1]\n\n@fn\ndef node(): return costly()\n")
    assert ws.get("node") == [1]
