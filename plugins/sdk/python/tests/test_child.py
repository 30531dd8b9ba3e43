"""The calyx that answers for a Session: it ends when it should, leaves nothing, and another takes its place."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest
from conftest import Workspace
from scripts import HEAD, REVIEWS, has_ended, script

#: Says which process answers, and that it waits in a node.
WAITING = """
@fn
def waits() -> int:
    print("waiting", s._held._child._process.pid, file=sys.__stdout__, flush=True)
    time.sleep(600)
    return 1

s = Session(waits)
"""


def started(ws: Workspace, text: str) -> tuple[subprocess.Popen[str], int]:
    """Start a script, and return it with the process that answers it, once that waits for a node."""
    ws.write("script.py", HEAD + text)
    process = subprocess.Popen([sys.executable, "script.py"], cwd=ws.root, env=ws.environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said, pid = process.stdout.readline().split()
    assert said == "waiting"
    return process, int(pid)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="it looks at processes in /proc")
def test_nothing_is_left_of_a_process_that_is_killed(ws: Workspace) -> None:
    process, child = started(ws, WAITING + "s.waits()\n")
    with process:
        process.kill()
    assert has_ended(child)
    assert sorted(p.name for p in ws.root.iterdir()) == [".calyx", "script.py"]
    assert [*(ws.root / ".calyx" / "tmp").iterdir()] == []


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="it looks at processes in /proc")
def test_a_forked_process_does_not_keep_the_child(ws: Workspace) -> None:
    fork = """
if os.fork() == 0:
    time.sleep(600)
"""
    process, child = started(ws, WAITING + fork + "s.waits()\n")
    forked = int(pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().replace(str(child), ""))
    try:
        process.kill()
        assert has_ended(child)
    finally:
        os.kill(forked, signal.SIGKILL)
        process.communicate()


def test_a_child_that_is_killed_is_an_error_and_another_one_answers(ws: Workspace) -> None:
    said = script(
        ws,
        """
        @fn
        def deadly(): os.kill(s._held._child._process.pid, signal.SIGKILL); time.sleep(60)
        @fn
        def node(): return 1

        s = Session(deadly, node)
        try:
            s.deadly()
        except calyx.CalyxError as e:
            print(e)
        print(s.node())
        """,
    )
    assert said == ["calyx has ended amid its work (signal 9)", "1"]


@pytest.mark.parametrize(
    ("does", "error"), [("echo Hello; sleep 600", "(signal 9)"), ("echo no session here >&2; exit 2", "(exit status 2)\nno session here")]
)
def test_a_program_that_is_no_calyx_is_an_error(ws: Workspace, does: str, error: str) -> None:
    other = ws.write("other", f"#!/bin/sh\n{does}\n")
    other.chmod(0o755)
    ws.environ["CALYX_BIN"] = str(other)
    ws.write("s.py", "import calyx\nclass P(calyx.Pipeline):\n  @calyx.fn\n  def n(self): return 1\n")
    out = ws.python("import s, calyx; calyx.Session(s.P).n()", status=1).err
    assert f"calyx has ended amid its work {error}" in out


def test_questions_of_threads_overlap(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import functools, threading
        from concurrent.futures import ThreadPoolExecutor

        @functools.cache
        def barrier(): return threading.Barrier(4)

        @fn
        def meet(x: int) -> int:
            barrier().wait(60)
            return x

        s = Session(meet)
        with ThreadPoolExecutor() as pool:
            print([*pool.map(s.meet, range(4))])
        """,
    )
    assert said == ["[0, 1, 2, 3]"]


def test_a_question_is_about_what_is_now(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import shutil

        @fn
        def variable(): return calyx.env("XYZ", "none")
        @fn
        def read(): return open("data.txt").read()

        def write(text):
            with open("data.txt", "w") as f:
                f.write(text)

        write("one")
        s = Session(variable, read)
        print(s.variable(), s.read())
        os.environ["XYZ"] = "a"
        write("two")
        print(s.variable(), s.read())
        shutil.rmtree(".calyx")
        print(s.variable(), s.read())
        del os.environ["XYZ"]
        write("three")
        print(s.variable(), s.read())
        """,
    )
    assert said == ["none one", "a two", "a two", "none three"]


def test_the_project_says_what_is_stored(ws: Workspace) -> None:
    ws.write("other.txt", "Other\nOx\n")
    ws.write("Calyxfile", 'workspace(state = "json:set.json")\nstored("least", value = 2)\nstored("raw", path = "other.txt")\n')
    said = script(
        ws,
        REVIEWS
        + """
import subprocess
def calyx_(*words):
    return subprocess.run([os.environ["CALYX_BIN"], *words], check=True, capture_output=True, text=True).stdout

def edited(old, new):
    with open("Calyxfile") as f:
        text = f.read()
    with open("Calyxfile", "w") as f:
        f.write(text.replace(old, new))

s = Session(Reviews)
print(s.kept(), s.least())
calyx_("set", "least", "3")
print(s.kept())
s.unset("least")
s.set("least", 5)
print(s.kept(), calyx_("get", "least").strip(), os.path.exists("set.json"))
s.unset("least")
edited("value = 2", "value = 9")
print(s.kept())
edited('stored("raw", path = "other.txt")', "")
s.set("least", 1)
print(s.kept())
edited('value = 9', "oops")
try:
    s.kept()
except calyx.CalyxError as e:
    print(e)
os.remove("Calyxfile")
print(s.kept())
""",
    )
    assert said[:3] == ["('other', 'ox') 2", "('other',)", "('other',) 5 True"]
    assert said[3:5] == ["()", "('good', 'ok')"]
    assert said[5].startswith("Calyxfile:2:17: ")
    assert said[-1] == "('good',)"


def test_a_session_and_a_build_of_the_same_nodes_agree(ws: Workspace) -> None:
    ws.write("reviews.txt", "Good\nOk\n")
    ws.program("import os\n" + REVIEWS, 'stored("least", value = 4)')
    text = "sys.path.insert(0, '.')\nimport p\ns = Session(p.Reviews)\ns.set('least', 2)\nprint(s.kept())\n"
    assert script(ws, text) == ["('good', 'ok')"]
    assert ws.get("kept") == {"$tuple": ["good", "ok"]}
    assert ws.runs("kept") == []


def test_dropped_pipelines_and_sessions_are_not_mixed_up(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import gc, time, weakref

        def made(v):
            class Held: pass
            held = Held()
            held.v = v

            class P(Pipeline):
                @fn
                def node(self): return [held.v]
            return P

        places, left = set(), []
        for v in range(8):
            P = made(v)
            places.add(id(P))
            s = Session(P)
            assert s.node() == [v] == s.node(), (s.node(), v)
            child = s._held._child._process
            left += [weakref.ref(P), weakref.ref(s)]
            del P, s
            gc.collect()
            assert child.returncode == 0, child.returncode
        print(len(places) < 8)
        until = time.monotonic() + 60  # a thread that ends holds on to what it worked for
        while any(r() is not None for r in left) and time.monotonic() < until:
            gc.collect()
        print(sum(r() is not None for r in left))
        """,
    )
    assert said == ["True", "0"]


def test_a_global_that_a_node_sets_fails_it(ws: Workspace) -> None:
    said = script(
        ws,
        """
        SEEN = []
        @fn
        def sets():
            global COUNT
            COUNT = [1]
            return 1
        @fn
        def appends():
            SEEN.append(1)
            return 1

        s = Session(sets, appends)
        for call in (s.sets, s.appends):
            try:
                call()
            except calyx.CalyxError as e:
                print("was changed while it ran" in str(e))
        """,
    )
    assert said == ["True", "True"]


def test_values_that_were_set_while_a_node_runs_are_for_the_next_question(ws: Workspace) -> None:
    said = script(
        ws,
        """
        import functools, threading
        @functools.cache
        def event(name): return threading.Event()

        class P(Pipeline):
            @stored
            def x(self): return 1
            @fn
            def node(self):
                event("begun").set()
                event("set").wait(60)
                return self.x()

        s = Session(P)
        def put():
            event("begun").wait(60)
            s.set("x", 2)
            event("set").set()
        thread = threading.Thread(target=put)
        thread.start()
        print(s.node())
        thread.join()
        print(s.node(), s.x())
        """,
    )
    assert said == ["1", "2 2"]
