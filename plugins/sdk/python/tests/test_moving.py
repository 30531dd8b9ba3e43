"""What changes while a node runs, or as its program starts."""

from __future__ import annotations

import pytest
from conftest import Workspace


# A child process is not the node itself: what it does stands for what a user does meanwhile.
@pytest.mark.parametrize(
    "read",
    ["open('seen.txt').read()", "os.stat('seen.txt').st_size", "np.loadtxt('seen.txt').tolist()", "calyx.open('seen.txt').read()"],
)
def test_an_edit_after_a_read_is_noticed(ws: Workspace, read: str) -> None:
    ws.write("seen.txt", "1")
    ws.write("more.txt", "1")
    ws.program(
        f"""
        import os, subprocess, numpy as np
        @fn
        def node():
            seen = {read}
            if not os.path.exists("edit.sh"):
                return seen
            subprocess.run(["sh", "edit.sh"], check=True)
            return seen
        """
    )
    ws.write("edit.sh", "echo 2 > seen.txt\nrm edit.sh")
    failed = ws.calyx("build", status=1).text
    assert "an input changed while the step ran" in failed and '"seen.txt"' in failed
    assert ws.runs() == ["node"]
    assert ws.runs() == []


def test_what_comes_after_a_look_is_noticed(ws: Workspace) -> None:
    ws.program(
        """
        import os, subprocess
        @fn
        def node():
            if os.path.exists("made.txt"):
                return "there"
            subprocess.run("echo 1 > made.txt", shell=True, check=True)
            return "not there"
        """
    )
    built = ws.calyx("build")
    assert 'its result is not kept: after it had looked whether they are there, these came or went: "made.txt"' in built.text
    assert ws.get("node") == "there"
    assert ws.runs() == []


def test_nodes_that_saw_before_and_after_belong_to_no_state(ws: Workspace) -> None:
    ws.program(
        """
        import os, subprocess
        @fn
        def looks():
            found = os.path.exists("made.txt")
            subprocess.run("echo 1 > made.txt", shell=True, check=True)
            return found
        @fn
        def both():
            return [looks(), calyx.exists("made.txt")]
        """
    )
    assert "inputs changed while they were used: made.txt" in ws.calyx("build", status=1).text
    assert ws.get("both") == [True, True]
    assert ws.runs() == []


def test_what_a_node_makes_itself_is_no_edit(ws: Workspace) -> None:
    ws.program(
        """
        import os, sqlite3
        @fn
        def cached():
            try:
                return open("cache/a.txt").read()
            except FileNotFoundError:
                os.makedirs("new")
                with open("new/a.txt", "w") as f:
                    f.write("a")
                os.rename("new", "cache")
                return "a"

        @fn
        def counted():
            with open("count.txt", "r+") as f:
                n = f.read()
                f.write("1")
            return n

        @fn
        def database():
            with sqlite3.connect("runs.db") as db:
                db.execute("create table if not exists runs (n)")
                db.execute("insert into runs values (1)")
        """
    )
    ws.write("count.txt", "")
    assert ws.runs() == ["cached", "counted", "database"]
    assert ws.runs() == []


def test_an_edit_of_the_program_as_it_starts_is_noticed(ws: Workspace) -> None:
    ws.write("edit.sh", "sed -i 's/return 1/return 2/' p.py\nrm edit.sh")
    ws.program(
        """
        import os, subprocess
        if os.path.exists("edit.sh"):
            subprocess.run(["sh", "edit.sh"], check=True)

        @fn
        def node(): return 1
        """
    )
    assert "changed while" in ws.calyx("build", status=None).text
    assert ws.get("node") == 2
    assert ws.runs() == []
