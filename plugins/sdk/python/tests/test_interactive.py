"""calyx.Session: nodes from a script, run in its own process."""

from __future__ import annotations

import json
import textwrap

from conftest import Workspace

HEAD = """
import asyncio, os, sys, time
import calyx
from calyx import Pipeline, Session, async_fn, fn, stored

"""

REVIEWS = """
class Reviews(Pipeline):
    @stored
    def least(self) -> int:
        return 3

    @stored(path="reviews.txt")
    def raw(self): ...

    @fn
    def clean(self, lower: bool = True) -> list[str]:
        return [line.lower() if lower else line for line in self.raw().read_text().splitlines()]

    @fn
    def kept(self) -> tuple[str, ...]:
        return tuple(line for line in self.clean() if len(line) >= self.least())

"""


def script(ws: Workspace, text: str) -> list[str]:
    """Run a script and return what it printed, line by line."""
    ws.write("reviews.txt", "Good\nOk\n")
    ws.write("script.py", HEAD + textwrap.dedent(text))
    return ws.python("import runpy; runpy.run_path('script.py', run_name='__main__')").out.splitlines()


def test_calls_go_through_the_cache(ws: Workspace) -> None:
    said = script(
        ws,
        REVIEWS
        + """
s = Session(Reviews)
print(s.kept(), s.clean(False), s.clean(lower=False) == s.clean(False))
with open("reviews.txt", "a") as f:
    f.write("Bad\\n")
print(s.kept())
print(s.least())
s.set("least", 4)
print(s.kept(), s.least())
s.unset("least")
print(s.kept())
print(s.why("kept").splitlines()[0])
""",
    )
    assert said == [
        "('good',) ['Good', 'Ok'] True",
        "('good', 'bad')",
        "3",
        "('good',) 4",
        "('good', 'bad')",
        "kept is fresh: its function and 2 things that it looked at as it ran are as before.",
    ]
    assert not list(ws.root.glob(".session*"))
    again = script(ws, REVIEWS + "print(Session(Reviews).kept())\n")
    assert again == ["('good',)"]


def test_what_was_computed_by_a_plugin_is_a_hit(ws: Workspace) -> None:
    ws.write("reviews.txt", "Good\nOk\n")
    ws.program("import os\n" + REVIEWS)
    assert ws.get("kept") == {"$tuple": ["good"]}
    assert script(ws, "sys.path.insert(0, '.')\nimport p\nprint(Session(p.Reviews).kept())\n") == ["('good',)"]
    assert json.loads(ws.calyx("info", "clean", "--json").out)["executions"] == 1


def test_exceptions_are_the_original_ones(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import traceback

        class Odd(Exception):
            pass

        @fn
        def bad():
            raise Odd("what else", 3)

        @fn
        def outer(): return bad()

        s = Session(bad, outer)
        for call in (s.bad, s.outer):
            try:
                call()
            except Odd as e:
                frames = traceback.extract_tb(e.__traceback__)
                print(e.args, frames[-1].name, frames[-1].line)
        try:
            s.badd
        except AttributeError as e:
            print(e)
        try:
            s.set("badd", 1)
        except calyx.CalyxError as e:
            print(str(e).splitlines()[0])
        """,
    )
    assert said[:2] == ["('what else', 3) bad raise Odd(\"what else\", 3)"] * 2
    assert said[2] == "there is no node 'badd' (did you mean 'bad'?)"
    assert "badd" in said[3]


def test_what_is_defined_anew_counts(ws: Workspace) -> None:
    said = script(
        ws,
        """
        FACTOR = 2
        SCALE = [1]

        def helper(x):
            return x * FACTOR * SCALE[0]

        @fn
        def node(x: int):
            return helper(x)

        s = Session(node)
        print(s.node(3))
        FACTOR = 5
        print(s.node(3))
        SCALE.clear(); SCALE.append(10)
        print(s.node(3))

        def helper(x):
            return -x

        print(s.node(3))
        """,
    )
    assert said == ["6", "15", "150", "-3"]


def test_async_nodes_give_awaitables(ws: Workspace) -> None:
    said = script(
        ws,
        """
        @async_fn
        async def answer(question: str) -> str:
            await asyncio.sleep(0.01)
            return question + "!"

        @fn
        def sets():
            s.set("x", 1)

        s = Session(answer, sets)

        async def main():
            return await asyncio.gather(*(s.answer(q) for q in "abc"))

        print(asyncio.run(main()))
        try:
            s.sets()
        except calyx.CalyxError as e:
            print(e)
        """,
    )
    assert said[0] == "['a!', 'b!', 'c!']"
    assert "must not change its own inputs" in said[1]


def test_instances_and_dropped_sessions(ws: Workspace) -> None:
    said = script(
        ws,
        REVIEWS
        + """
with Session(Reviews, instance="a") as a:
    a.set("least", 1)
    print(a.kept())
b = Session(Reviews)
print(b.kept())
del b
print([n for n in os.listdir(".") if n.startswith(".session")])
""",
    )
    assert said == ["('good', 'ok')", "('good',)", "[]"]


def test_a_hit_starts_nothing(ws: Workspace) -> None:
    said = script(
        ws,
        REVIEWS
        + """
for name in ("reviews.txt", "script.py"):
    os.utime(name, (1, 1))
time.sleep(2.1)  # what was just written is read once more
s = Session(Reviews)
time.sleep(2.1)
s.kept()
s.kept()
os.environ["CALYX_BIN"] = s._calyx = "/nowhere/calyx"
print(s.kept())
with open("reviews.txt", "a") as f:
    f.write("Bad\\n")
try:
    s.kept()
except FileNotFoundError as e:
    print("started")
""",
    )
    assert said == ["('good',)", "started"]
