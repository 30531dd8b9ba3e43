"""`use(plugin)`: the nodes of a program are the graph's, and nothing is asked again that still holds."""

from __future__ import annotations

import pathlib
import sys

import pytest
from conftest import Workspace

PROGRAM = """
with open("../starts", "a") as f:
    f.write("started\\n")

class Reviews(Pipeline):
    @stored
    def lr(self) -> float:
        "How fast it learns."
        return 1e-3

    @stored(path="data/reviews.csv")
    def raw(self): ...

    @stored(glob="notes/*.md")
    def notes(self): ...

    @stored(env="MODEL", default="small")
    def model(self): ...

    @fn
    def clean(self, lower: bool = True) -> list[str]:
        "Tidies reviews."
        return [line.lower() if lower else line for line in self.raw().read_text().splitlines()]

    @fn
    def rate(self): return self.lr() * 10

    @fn
    def size(self): return f"{self.model()} {len(self.notes())}"

    @fn
    def answer(self, question: str, polite: bool = False): return question + ("?" if polite else "!")
"""


@pytest.fixture
def used(tmp_path: pathlib.Path) -> Workspace:
    root = tmp_path / "workspace"
    root.mkdir()
    ws = Workspace(root)
    ws.write("data/reviews.csv", "Good\nBad\n")
    ws.write("notes/one.md", "one")
    ws.program(PROGRAM)
    return ws


def starts(ws: Workspace) -> int:
    file = ws.root.parent / "starts"
    count = len(file.read_text().splitlines()) if file.exists() else 0
    file.unlink(missing_ok=True)
    return count


def graph(ws: Workspace) -> list[bytes]:
    """What the last evaluation left."""
    return [file.read_bytes() for file in sorted((ws.root / ".calyx" / "graphs").iterdir())]


def edit(ws: Workspace, old: str, new: str) -> None:
    text = (ws.root / "p.py").read_text()
    assert old in text
    (ws.root / "p.py").write_text(text.replace(old, new))


def test_every_node_is_declared(used: Workspace) -> None:
    out = used.calyx("ls", "--all").out
    assert [line.split()[0] for line in out.replace("* ", "").splitlines()] == [
        "lr", "raw", "notes", "model", "clean", "rate", "size", "answer(question=…)",
    ]  # fmt: skip
    assert "How fast it learns." in out
    assert "Tidies reviews." in out
    assert used.get("clean") == ["good", "bad"]
    assert used.get("clean(lower=False)") == ["Good", "Bad"]
    assert used.get("size") == "small 1"
    assert used.get('answer(question="who",polite=true)') == "who?"
    info = used.calyx("info", "answer").out
    assert "answer(question: string, polite: bool = False)" in info


def test_stored_values_are_the_shell_s_to_set(used: Workspace) -> None:
    assert used.get("rate") == 0.01
    used.calyx("set", "lr", "0.5")
    assert used.get("lr") == 0.5
    assert used.get("rate") == 5.0
    used.calyx("set", "lr", "1")  # an integer is accepted where a float is declared
    assert used.get("rate") == 10.0
    used.calyx("set", "lr", "fast", status=2)
    used.calyx("set", "raw", "x", status=2)
    used.calyx("unset", "lr")
    assert used.get("rate") == 0.01
    assert used.calyx("get", "rate", "--set", "lr=2.0").out.strip() == "20.0"
    used.environ["MODEL"] = "large"
    assert used.get("size") == "large 1"
    used.write("notes/two.md", "two")
    assert used.get("size") == "large 2"


def test_one_node_however_it_is_spelled(used: Workspace) -> None:
    used.declare("a = m.clean()", "b = m.clean(lower = True)", "c = m.clean(False)", "default(a, b, c)")
    assert used.runs() == ["clean", "clean(lower=False)"]
    assert used.runs("clean(lower=True)", "clean(lower = false)") == []


def test_a_stored_of_the_calyxfile_replaces_the_method_s(used: Workspace) -> None:
    used.write("other.csv", "Other\n")
    used.declare('stored("lr", value = 2.0)', 'stored("raw", path = "other.csv")')
    assert used.get("rate") == 20.0
    assert used.get("clean") == ["other"]


def test_nothing_starts_where_nothing_moved(used: Workspace) -> None:
    used.calyx("build")
    assert starts(used) == 1
    assert "nothing to do" in used.calyx("build").text
    used.calyx("ls")
    used.calyx("status")
    used.calyx("get", "clean")
    used.calyx("set", "lr", "0.001")
    used.calyx("build")
    assert starts(used) == 0


def test_an_edit_of_a_body_evaluates_nothing(used: Workspace) -> None:
    used.calyx("build")
    before = graph(used)
    edit(used, "self.lr() * 10", "self.lr() * 20")
    assert used.runs() == ["rate"]
    assert graph(used) == before
    edit(used, "class Reviews", "# a comment\nclass Reviews")
    assert used.runs() == []
    assert graph(used) == before


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("    @fn\n    def rate", "    @fn\n    def more(self): return 1\n\n    @fn\n    def rate", "more"),
        ("lower: bool = True", "lower: bool = False", "clean"),
    ],
)
def test_an_edit_of_what_is_declared_is_seen(used: Workspace, old: str, new: str, name: str) -> None:
    used.calyx("build")
    before = graph(used)
    edit(used, old, new)
    assert used.runs() == [name]
    assert graph(used) != before


def test_what_is_gone_is_gone(used: Workspace) -> None:
    used.calyx("build")
    edit(used, "def size", "def length")
    used.calyx("get", "size", status=2)
    assert used.get("length") == "small 1"


def test_names_that_two_pipelines_share(ws: Workspace) -> None:
    ws.program(
        """
        class A(Pipeline):
            @fn
            def name(self, x=1): return f"a{x}"

        class B(Pipeline):
            @fn
            def name(self): return "b" + A().name(2)
        """,
        'step("both", sh = "echo {a} {b} > {out}", args = dict(a = m.A.name(3), b = m.B.name), outs = ["both.txt"])',
    )
    assert ws.get("B.name") == "ba2"
    ws.calyx("build", "both")
    assert (ws.root / "both.txt").read_text() == "a3 ba2\n"
    assert ws.runs("A.name(x=2)", "A.name(x=3)") == []


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("import calyx\n\ndef broken(:\n    pass\n", 2, "line 3"),
        ("import nosuchmodule\n", 1, "ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("import os\nos._exit(3)\n", 1, "exit status 3"),
        ("print('hello')\n", 1, "it printed \"hello\" where the handshake line belongs"),
        ("import calyx\ncalyx.serve()\n", 1, "there is nothing to serve"),
        ("import calyx\n@calyx.fn\ndef f(x=object()): return 1\ncalyx.serve()\n", 1, "f: the default of 'x'"),
    ],
)
def test_a_program_that_cannot_be_described(ws: Workspace, text: str, status: int, said: str) -> None:
    ws.write("p.py", text)
    ws.declare()
    for command in ("build", "ls"):
        outcome = ws.calyx(command, status=status)
        assert "Calyxfile:2:5: use: " in outcome.err
        assert said in outcome.err


def test_a_module_that_a_step_makes(ws: Workspace) -> None:
    ws.write("made.py", "x = 1\n")
    ws.program("import made\n\n@fn\ndef f(): return made.x\n", 'step("made", sh = "echo x = 2 > {out}", outs = ["made.py"])')
    outcome = ws.calyx("build", status=2)
    assert 'use: "made.py", which plugin "p" reads or looks for before it describes itself, is made by step "made"' in outcome.err


def test_the_interpreter_is_found_by_its_name(ws: Workspace) -> None:
    ws.program("@fn\ndef f(): return 1\n")
    ws.environ["PATH"] = str(pathlib.Path(sys.executable).parent) + ":" + ws.environ["PATH"]
    calyxfile = (ws.root / "Calyxfile").read_text().replace(sys.executable, pathlib.Path(sys.executable).name)
    (ws.root / "Calyxfile").write_text(calyxfile)
    assert ws.get("f") == 1
