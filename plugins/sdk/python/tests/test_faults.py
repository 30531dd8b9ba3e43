"""Bad input, and the mistakes of the library that calyx descends from: each is a script that fails where calyx repeats one."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from typing import Any

import pytest
from conftest import CALYX, Workspace


@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched on Linux")
def test_a_node_that_takes_memory_without_end(ws: Workspace) -> None:
    ws.program(
        """
        import time

        @fn(mem="300MB", retries=2)
        def endless():
            kept = []
            while True:
                kept.append(b"x" * 10_000_000)
                time.sleep(0.01)

        @fn(mem="300MB")
        def small(): return 1
        """
    )
    err = ws.calyx("build", "-k", status=1).err
    assert 'plugin "p" held' in err and "more than its mem of 300 MB, and was killed" in err
    assert "attempt" not in err
    assert ws.get("small") == 1


def test_long_arrays_that_differ_in_the_middle(ws: Workspace) -> None:
    ws.program(
        """
        import numpy as np

        @fn
        def middle(a): return int(a[2500])

        @fn
        def both():
            one = np.zeros(5000, np.int32)
            two = one.copy()
            two[2500] = 1
            return [middle(one), middle(two)]
        """
    )
    assert ws.get("both") == [0, 1]


def test_floats_that_differ_little(ws: Workspace) -> None:
    ws.program("@fn\ndef same(x): return repr(x)\n\n@fn\ndef both(): return [same(1.0), same(1.0 + 1e-12)]\n")
    assert ws.get("both") == ["1.0", "1.000000000001"]


def test_objects_with_the_same_repr(ws: Workspace) -> None:
    ws.program(
        """
        import dataclasses

        @dataclasses.dataclass
        class Odd:
            n: int
            def __repr__(self): return "Odd"

        @fn
        def n_of(odd): return odd.n

        @fn
        def both(): return [n_of(Odd(1)), n_of(Odd(2))]
        """
    )
    assert ws.get("both") == [1, 2]


def test_a_list_that_is_changed_after_the_call(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def total(items): return sum(items)

        @fn
        def numbers(): return [1, 2]

        @fn
        def both():
            items = [1, 2]
            first = total(items)
            items.append(3)
            numbers().append(5)
            return [first, total(items), numbers()]
        """
    )
    assert ws.get("both") == [3, 6, [1, 2]]


def test_set_before_the_first_read_and_of_a_misspelt_name(ws: Workspace) -> None:
    ws.program("@stored\ndef rate(): return 1\n\n@fn\ndef node(): return rate()\n")
    ws.calyx("set", "rate", "5")
    assert ws.get("node") == 5
    assert 'did you mean "rate"' in ws.calyx("set", "rat", "6", status=2).text


def test_an_exception_then_mended_input(ws: Workspace) -> None:
    ws.program("@stored\ndef x(): return 0\n\n@fn\ndef inverse(): return 1 / x()\n")
    assert "ZeroDivisionError" in ws.calyx("build", status=1).text
    ws.calyx("set", "x", "2")
    assert ws.get("inverse") == 0.5


def test_a_global_is_code(ws: Workspace) -> None:
    ws.program("SCALE = 2\n\n@fn\ndef node(): return SCALE\n")
    assert ws.get("node") == 2
    ws.program("SCALE = 3\n\n@fn\ndef node(): return SCALE\n")
    assert ws.get("node") == 3


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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os; os._exit(3)", "exit status 3"),
        ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
        ("import time; time.sleep(600)", "ran for longer"),
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise ValueError('it begins' + 'x' * 5_000_000 + 'it ends')", "characters are left out"),
    ],
)
def test_a_node_that_ends_badly_does_not_take_others_along(ws: Workspace, body: str, said: str) -> None:
    ws.program(f"@fn(timeout='2s')\ndef bad(): {body}\n\n@fn\ndef good(): return 1\n")
    assert said in ws.calyx("build", "--keep-going", status=1).text
    assert ws.get("good") == 1


def test_unicode_names(ws: Workspace) -> None:
    ws.program("@fn\ndef node(naïve='ü'): return calyx.open('größe/日本.txt').read() + naïve\n".replace("naïve", "n"))
    ws.write("größe/日本.txt", "é")
    assert ws.get("node") == "éü"


def test_a_syntax_error_shows_file_and_line(ws: Workspace) -> None:
    ws.program("@fn\ndef node(): return 1\n")
    ws.write("p.py", "import calyx\n\ndef broken(:\n    pass\n")
    outcome = ws.calyx("build", status=2)
    assert "p.py" in outcome.text and "line 3" in outcome.text


def test_a_large_value(ws: Workspace) -> None:
    ws.program(
        """
        import numpy as np

        @fn
        def big(): return np.arange(20_000_000)

        @fn
        def last(): return int(big()[-1])
        """
    )
    assert ws.get("last") == 19_999_999


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@fn\ndef f(*args): return 1", "has no name of its own"),
        ("@fn\ndef f(): yield 1", "is a generator"),
        ("@fn\nasync def f(): return 1", "@async_fn is for"),
        ("@fn(pool='gpu')\ndef f(): return 1", 'unknown pool "gpu"'),
            ("@fn(retires=2)\ndef f(): return 1", "there is no option 'retires' (did you mean 'retries'?)"),
            ("@fn(env=['X'])\ndef f(): return 1", "variables are given to the whole plugin"),
            ("@fn(batch=3)\ndef f(): return 1", 'option "batch" is not supported by this version'),
            ("@fn(timeout='soon')\ndef f(): return 1", "timeout: "),
        ("@stored\ndef f(): return object()\n@fn\ndef g(): return 1", "cannot store"),
        ("@stored\ndef f(): return 1\n@stored\ndef h(): return f()\n@fn\ndef g(): return 1", "a default is a constant"),
        ("class A(Pipeline):\n    def __init__(self): pass", "a pipeline holds nothing"),
        ("class A:\n    @fn\n    def f(self): return 1", "no calyx.Pipeline"),
        ("@fn\ndef f(x=object()): return 1", "the default of 'x'"),
    ],
)
def test_declarations_that_cannot_be(ws: Workspace, text: str, said: str) -> None:
    ws.program("@fn\ndef f(): return 1\n")
    ws.write("p.py", f"import calyx\nfrom calyx import *\n\n{text}\n\ncalyx.serve()\n")
    # What the program says of itself is its failure; an option that the Calyxfile does not take is the Calyxfile's.
    assert said in ws.calyx("build", status=2 if text.startswith(("@fn(pool", "@fn(batch", "@fn(timeout")) else 1).text


def test_a_program_that_is_started_by_hand_says_what_it_is(ws: Workspace) -> None:
    ws.program("@fn\ndef f(): return 1\n")
    outcome = ws.python("import runpy; runpy.run_path('p.py', run_name='__main__')", status=1)
    assert "plugin for calyx" in outcome.err


@pytest.mark.parametrize(("text", "said"), [("def länge(): return 1", 'function "länge"'), ("def f(naïve): return 1", 'parameter "naïve"')])
def test_names_that_calyx_does_not_have_are_told(ws: Workspace, text: str, said: str) -> None:
    ws.program(f"@fn\n{text}\n")
    assert f"{said}: that is no name: letters (A to Z), digits" in ws.calyx("build", status=1).text


def test_a_set_during_a_computation_is_not_lost(ws: Workspace) -> None:
    ws.environ["PATH"] = str(pathlib.Path(CALYX).parent) + os.pathsep + ws.environ["PATH"]
    ws.program(
        """
        import subprocess

        @stored
        def x(): return 1

        @fn
        def first():
            seen = x()
            subprocess.run(["calyx", "set", "x", "5"], check=True)
            return seen

        @fn
        def both(): return [first(), x()]
        """
    )
    assert ws.get("both") == [1, 1]
    assert ws.get("both") == [5, 5]
    assert ws.runs() == []


def test_cutoff_is_by_version_for_readers_that_come_late(ws: Workspace) -> None:
    ws.program(
        """
        @stored
        def x(): return 10

        @fn
        def tens(): return x() // 10

        @fn
        def one(): return tens()

        @fn
        def two(): return tens()
        """
    )
    assert [ws.get("one"), ws.get("two")] == [1, 1]
    ws.calyx("set", "x", "15")
    assert ws.get("one") == 1
    ws.calyx("set", "x", "26")
    assert ws.get("one") == 2
    assert ws.get("two") == 2


def test_attributes_of_classes_and_objects_are_code(ws: Workspace) -> None:
    def write(a: int, b: int) -> None:
        ws.program(
            f"""
            class Config:
                scale = {a}

            class P(Pipeline):
                factor = {b}

                @fn
                def scaled(self): return Config.scale

                @fn
                def times(self): return self.factor * 2

                @fn
                def other(self): return 1
            """
        )

    write(1, 2)
    assert [ws.get("scaled"), ws.get("times"), ws.get("other")] == [1, 4, 1]
    write(3, 2)
    assert ws.runs() == ["scaled"]
    write(3, 4)
    assert ws.runs() == ["times"]
    assert [ws.get("scaled"), ws.get("times")] == [3, 8]


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
