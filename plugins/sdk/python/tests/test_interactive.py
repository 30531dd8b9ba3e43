"""calyx.Session: nodes from a script, run in its own process."""

from __future__ import annotations

import json

import pytest
from conftest import Workspace
from scripts import REVIEWS, cells, script


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
    assert said[:5] == ["('good',) ['Good', 'Ok'] True", "('good', 'bad')", "3", "('good',) 4", "('good', 'bad')"]
    assert said[5].startswith("kept is fresh: its function and ")
    assert not list(ws.root.glob(".session*"))
    again = script(ws, REVIEWS + "print(Session(Reviews).kept())\n")
    assert again == ["('good',)"]


def test_a_stored_value_is_not_lost_that_is_set_as_an_attribute(ws: Workspace) -> None:
    said = script(
        ws,
        REVIEWS
        + """
s = Session(Reviews)
try:
    s.least = 4
except AttributeError as e:
    print(e)
print(s.least())
""",
    )
    assert "s.set('least', …)" in said[0]
    assert said[1] == "3"


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
                shown = [f.name for f, (at, _) in zip(frames, traceback.walk_tb(e.__traceback__)) if "__tracebackhide__" not in at.f_locals]
                print(shown)
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
    assert said[:4:2] == ["('what else', 3) bad raise Odd(\"what else\", 3)"] * 2
    assert said[1:4:2] == ["['<module>', 'bad']"] * 2
    assert said[4] == "there is no node 'badd' (did you mean 'bad'?)"
    assert "badd" in said[5]


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
s.kept()
s.kept()
child = s._held._child._process
child.send_signal(signal.SIGSTOP)  # it answers nothing
print(s.kept())
child.kill()
child.wait()
os.environ["CALYX_BIN"] = "/nowhere/calyx"
with open("reviews.txt", "a") as f:
    f.write("Bad\\n")
try:
    s.kept()
except FileNotFoundError as e:
    print("started")
""",
    )
    assert said == ["('good',)", "started"]


def test_what_is_changed_in_place_counts(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import dataclasses

        class Conf:
            K = 2
            def scale(self): return 10

        class Plain:
            def __init__(self): self.v, self.inner = 1, [Conf()]

        class Slotted:
            __slots__ = ("v",)

        @dataclasses.dataclass
        class Data:
            v: int = 1

        obj, slotted, data = Plain(), Slotted(), Data()
        slotted.v = 1

        def helper(x=1, *, y=1): return x + y
        def other(x=1, *, y=1): return 100 * x * y
        def counted(): return counted.n
        counted.n = 1

        def closure():
            n = 1
            def read(): return n
            def put(v):
                nonlocal n
                n = v
            return read, put
        read, put = closure()

        @fn
        def node(z: int = 0):
            return [Conf.K, Conf().scale(), obj.v, len(obj.inner), slotted.v, data.v, getattr(data, "w", 0), helper(), counted(), read(), z]

        def show(what):
            print(what, s.node() == node.function(), calyx.Session(node).node() == node.function())

        s = Session(node)
        show("first")
        Conf.K = 7; show("class attribute")
        Conf.scale = lambda self: 11; show("method")
        Conf.scale = property(lambda self: lambda: 12); show("property")
        obj.v = 7; show("attribute")
        obj.inner.append(3); show("inner list")
        slotted.v = 7; show("slot")
        data.v = 7; show("dataclass")
        data.w = 7; show("attribute beside fields")
        helper.__defaults__ = (7,); show("defaults")
        helper.__kwdefaults__["y"] = 7; show("keyword defaults")
        helper.__code__ = other.__code__; show("code")
        counted.n = 7; show("function attribute")
        put(7); show("closure")
        node.function.__defaults__ = (7,); show("defaults of the node")
        obj.__class__ = type("Plain", (), {"v": 3}); show("class of an object")
        """,
    )
    assert len(said) == 16
    assert [line for line in said if not line.endswith(" True True")] == []


def test_what_a_needed_node_reaches_counts(ws: Workspace) -> None:
    said = script(
        ws,
        """
        class Conf:
            K = 2

        class P(Pipeline):
            @stored
            def base(self): return Conf.K
            @fn
            def inner(self): return Conf.K + self.base()
            @fn
            def outer(self): return self.inner()

        s = Session(P)
        print(s.outer(), s.base())
        Conf.K = 7
        print(s.outer(), s.base())
        """,
    )
    assert said == ["4 2", "14 7"]


def test_objects_that_cannot_be_seen_are_refused_by_name(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import functools, logging, threading

        class Holder: pass
        holder = Holder()
        holder.stream = open(os.devnull)
        lock, log = threading.Lock(), logging.getLogger()

        @functools.cache
        def model(): return open(os.devnull)

        @fn
        def bad(): return holder.stream.closed
        @fn
        def good():
            with lock:
                log.debug("x")
                return model().closed

        s = Session(bad, good)
        print(s.good())
        try:
            s.bad()
        except calyx.CalyxError as e:
            print(e)
        """,
    )
    assert said[0] == "False"
    assert "script.holder.stream is a _io:TextIOWrapper, and calyx cannot see when that changes" in said[1]
    assert "functools.cache" in said[1]


def test_a_change_while_a_node_runs_is_an_error(ws: Workspace) -> None:
    said = script(
        ws,
        """
        class Conf: pass
        conf = Conf()
        conf.v = 1

        @fn
        def node():
            conf.v += 1
            return conf.v

        s = Session(node)
        try:
            s.node()
        except calyx.CalyxError as e:
            print(e)
        """,
    )
    assert "was changed while it ran" in said[0]


def test_cells_that_define_again_count(ws: Workspace) -> None:
    first = """
        class Conf:
            K = 1
        K = 1
        class P(Pipeline):
            FACTOR = 1
            def _help(self): return 1
            @fn
            def node(self, x: int = 1):
                def inner(): return Conf.K
                return [self._help(), inner(), K, self.FACTOR, x]
        s = Session(P)
        print(s.node())
    """
    said = cells(
        ws,
        first,
        "class Conf:\n    K = 2\nprint(s.node())",
        "K = 3\nprint(s.node())",
        "Conf.K = 4\nprint(s.node())",
        "P._help = lambda self: 5\nprint(s.node())",
        "P.FACTOR = 6\nprint(s.node())",
        """
        class P(Pipeline):
            @fn
            def node(self, x: int = 2): return x
            @fn
            def more(self): return "more"
        print(s.node(), s.more())
        """,
    )
    assert said[:3] == ["[1, 1, 1, 1, 1]", "[1, 2, 1, 1, 1]", "[1, 2, 3, 1, 1]"]
    assert said[3:] == ["[1, 4, 3, 1, 1]", "[5, 4, 3, 1, 1]", "[5, 4, 3, 6, 1]", "2 more"]


def test_a_file_that_is_edited_after_its_import_is_not_what_runs(ws: Workspace) -> None:
    ws.write("helpers.py", "def helper(): return 1\n")
    said = script(
        ws,
        """
        sys.path.insert(0, ".")
        sys.dont_write_bytecode = True
        import helpers

        @fn
        def node(): return helpers.helper()

        if helpers.helper() == 1:
            with open("helpers.py", "w") as f:
                f.write("def helper(): return 2\\n")
        print(Session(node).node())
        """,
    )
    assert said == ["1"]
    assert ws.python("import runpy; runpy.run_path('script.py', run_name='__main__')").out == "2\n"


def test_a_thread_that_asks_as_the_main_thread_ends_is_answered(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import threading

        @fn
        def node(x: int): return x

        s = Session(node)

        def ask():
            threading.main_thread().join()
            print([s.node(x) for x in range(3)], flush=True)

        threading.Thread(target=ask).start()
        """,
    )
    assert said == ["[0, 1, 2]"]
    assert not list(ws.root.glob(".session*"))


def test_async_nodes_overlap(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import functools, threading
        @functools.cache
        def barrier(): return threading.Barrier(3)

        @async_fn
        async def meet(x: int) -> int:
            await asyncio.to_thread(barrier().wait, 60)
            return x

        s = Session(meet)

        async def main():
            return await asyncio.gather(*(s.meet(x) for x in range(3)))

        print(asyncio.run(main()))
        """,
    )
    assert said == ["[0, 1, 2]"]


def test_stored_values_keep_their_types(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import datetime

        class P(Pipeline):
            @stored
            def x(self): return ()
            @fn
            def node(self): return repr(self.x())

        s = Session(P)
        for v in ((1, (2,)), datetime.date(2020, 1, 2), b"\\xff", float("nan"), {1: 2}, {"a": [1.0, -0.0, 1 << 80]}):
            s.set("x", v)
            print(s.node() == repr(v), repr(s.x()) == repr(v))
        try:
            s.set("x", object())
        except calyx.UnstorableError as e:
            print(e)
        """,
    )
    assert said[:6] == ["True True"] * 6
    assert "set 'x': the value is a builtins:object, which calyx cannot store" in said[6]


def test_an_interrupt_ends_the_node_too(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import functools, signal, threading

        @functools.cache
        def begun(): return threading.Event()
        @functools.cache
        def ended(): return threading.Event()
        @functools.cache
        def quick(): return threading.Event()

        @fn
        def node():
            if quick().is_set():
                return "answer"
            begun().set()
            try:
                while True:
                    time.sleep(0.01)
            finally:
                ended().set()

        s = Session(node)

        def interrupt():
            begun().wait()
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt).start()
        try:
            s.node()
        except KeyboardInterrupt:
            print("interrupted", ended().wait(60))
        quick().set()
        print(s.node())
        """,
    )
    assert said == ["interrupted True", "answer"]


def test_other_nodes_objects_cost_a_hit_nothing(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import random
        from calyx._living import Living

        class Held(dict): pass
        held = Held(key=Held)
        rng = random.Random(1)

        @fn
        def drawn(): return rng is None
        @fn
        def plain(): return 1
        @fn
        def other(): return held["key"].__name__

        living = Living((plain, other, drawn))
        print(living.guards["plain"].same(), living.guards["other"].same(), living.guards["other"].moved())
        print(living.guards["drawn"].same(), rng.random() < 1, living.guards["drawn"].same())
        """,
    )
    assert said == ["True False False", "True True False"]


@pytest.mark.parametrize(
    ("first", "use", "second"),
    [
        ("@dataclass\nclass C:\n    x: int = 1\n    y: int = 1", "repr(C())", "@dataclass\nclass C:\n    y: int = 1\n    x: int = 1"),
        ("@dataclass\nclass C:\n    x: int = one()", "C().x", "@dataclass\nclass C:\n    x: int = two()"),
        ("class C:\n    x: int", "C.__annotations__['x'].__name__", "class C:\n    x: str"),
        ("class C:\n    x: list[int]", "str(C.__annotations__['x'])", "class C:\n    x: list[str]"),
        ("class C:\n    'one'", "C.__doc__", "class C:\n    'two'"),
        ("def f(x: int): ...", "f.__annotations__['x'].__name__", "def f(x: str): ..."),
    ],
)  # fmt: skip
def test_what_a_cell_declares_counts(ws: Workspace, first: str, use: str, second: str) -> None:
    before, after = cells(
        ws,
        f"from dataclasses import dataclass, field\ndef one(): return field(default_factory=lambda: 1)\n"
        f"def two(): return field(default_factory=lambda: 2)\n{first}",
        f"class P(Pipeline):\n    @fn\n    def node(self): return {use}\ns = Session(P)\nprint(s.node())",
        f"{second}\nprint(s.node())",
    )
    assert before != after


def test_what_is_registered_in_a_cell_counts(ws: Workspace) -> None:
    """What singledispatch remembers of its calls is no change of its function."""
    said = cells(
        ws,
        """
        import functools
        @functools.singledispatch
        def kind(value): return "other"
        @kind.register
        def _(value: int): return "integer"
        class P(Pipeline):
            @fn
            def node(self): return kind(1)
        s = calyx.Session(P)
        print(s.node())
        """,
        """
        @kind.register
        def _(value: int): return "whole"
        print(s.node())
        """,
    )
    assert said == ["integer", "whole"]


def test_a_node_is_named_by_a_string(ws: Workspace) -> None:
    """Anything else ends neither the session nor its calyx."""
    said = script(
        ws,
        REVIEWS
        + """
s = Session(Reviews)
for wrong in (lambda: s.why(s.kept), lambda: s.set(5, 1), lambda: s.unset(None)):
    try:
        wrong()
    except TypeError as e:
        print(str(e).partition(", and not")[0])
print(s.kept())
""",
    )
    assert said == ["a node is named by a string, 'kept'", "a node is named by a string", "a node is named by a string", "('good',)"]


def test_files_are_edited_between_calls(ws: Workspace) -> None:
    """A child process stands for the user, who edits files beside the session."""
    ws.write("a.txt", "one")
    ws.write("b.txt", "one")
    said = script(
        ws,
        """
        import subprocess

        def edit(name, text):
            subprocess.run(["sh", "-c", f"echo {text} > {name}"], check=True)

        @fn
        def both(n, edited=False):
            read = open("a.txt").read().strip()
            if edited:
                edit("a.txt", "late")
            return read + open("b.txt").read().strip()

        s = Session(both)
        open("b.txt").read()
        edit("b.txt", "two")
        print(s.both(1), s.both(1))
        edit("a.txt", "three")
        print(s.both(1), s.both(2))
        try:
            s.both(1, edited=True)
        except calyx.CalyxError as e:
            print(e)
        print(s.both(1))
        """,
    )
    assert said[:2] == ["onetwo onetwo", "threetwo threetwo"]
    assert 'an input changed while the step ran: "a.txt"' in said[2]
    assert said[3] == "latetwo"


def test_a_workspace_may_be_given_by_a_link(ws: Workspace) -> None:
    (ws.root / "link").symlink_to(".")
    ws.write("seen.txt", "1")
    said = script(
        ws,
        """
        class P(Pipeline):
            @fn
            def node(self): return open("seen.txt").read()
        s = Session(P, workspace="link")
        print(s.node())
        with open("seen.txt", "w") as f:
            f.write("2")
        print(s.node())
        """,
    )
    assert said == ["1", "2"]


def test_stored_files_are_files(ws: Workspace) -> None:
    ws.write("d/a.json", "[1]")
    ws.write("d/b.txt", "b")
    said = script(
        ws,
        """
class Files(Pipeline):
    @stored(path="d/a.json")
    def one(self): ...

    @stored(path="d")
    def folder(self): ...

    @stored(glob="d/*")
    def many(self): ...

    @stored(glob="*.zip")
    def none(self): ...

    @fn
    def made(self, name: str = "made.txt") -> calyx.File:
        path = calyx.out_dir() / name
        path.write_text("made")
        return calyx.File(path)

s = Session(Files)
print(s.one().read_text(), s.one().name)
print([f.name for f in s.folder()], (s.folder() / "b.txt").read_text())
print([f.read_text() for f in s.many()], s.none())
print(s.made().read_text())
print(inspect.signature(s.made), inspect.signature(s.one))
with open("d/a.json", "w") as f:
    f.write("[2]")
print(s.one().read_text())
""",
    )
    assert said == [
        "[1] a.json", "['a.json', 'b.txt'] b", "['[1]', 'b'] []", "made", "(name: str = 'made.txt') -> calyx._files.File ()", "[2]",
    ]  # fmt: skip


def test_why_names_what_changed(ws: Workspace) -> None:
    ws.write("helpers.py", "def tidy(text):\n    return text.strip()\n")
    text = """
sys.path.insert(0, ".")
from helpers import tidy

class P(Pipeline):
    @fn
    def f(self) -> str:
        return tidy(" a ")

s = Session(P)
print(s.why("f"))
s.f()
"""
    script(ws, text)
    ws.write("helpers.py", "def tidy(text):\n    return text.strip().upper()\n")
    said = [line.strip() for line in script(ws, text)]
    assert "└─ f has other code (helpers.tidy)" in said
    assert "-    return text.strip()" in said
    assert "+    return text.strip().upper()" in said


def test_why_names_what_changed_in_cells(ws: Workspace) -> None:
    said = cells(
        ws,
        "FACTOR = 2",
        "def tidy(text):\n    return text.strip()",
        "class P(Pipeline):\n    @fn\n    def f(self):\n        return tidy(' a ') * FACTOR",
        "s = Session(P)\ns.f()",
        "FACTOR = 3",
        "print(s.why('f'))\ns.f()",
        "def tidy(text):\n    return text.strip().upper()",
        "print(s.why('f'))",
    )
    lines = [line.strip() for line in said]
    assert "└─ f has other code (FACTOR)" in lines
    assert "-FACTOR = 2" in lines
    assert "+FACTOR = 3" in lines
    assert "└─ f has other code (tidy)" in lines
