"""Code identity: what changes it, and what does not."""

from __future__ import annotations

import pytest
from conftest import Workspace

PROGRAM = """
    import functools
    import json
    from pathlib import Path
    import helpers
    from helpers import direct, renamed as other
    from package import deep
    from package.deep import base

    LIMIT = 3
    TABLE = {"a": [1, 2]}

    def local(x):
        return x + 1

    def twice(f):
        @functools.wraps(f)
        def wrapper(*args):
            return 2 * f(*args)
        return wrapper

    @twice
    def decorated(x):
        return x

    def make(n):
        def add(x):
            return x + n
        return add

    add_five = make(5)

    class Tool:
        factor = 2
        def use(self, x):
            return self.factor * x

    class Special(Tool):
        def use(self, x):
            return super().use(x) + 1

    class Base(Pipeline):
        step = 4
        def shared(self, x):
            return x * self.step
        def above(self):
            return 1

    class Work(Base):
        def above(self):
            return super().above() + 1

        @fn
        def plain(self):
            "A prompt."
            # A comment.
            return 1

        @fn
        def calls_local(self): return local(1)

        @fn
        def calls_module(self): return helpers.attribute(1)

        @fn
        def calls_imported(self): return direct(1) + other(1)

        @fn
        def calls_deep(self): return deep.down(1) + base(1)

        @fn
        def uses_constants(self): return LIMIT + len(TABLE)

        @fn
        def calls_decorated(self): return decorated(1)

        @fn
        def calls_closure(self): return add_five(1)

        @fn
        def uses_class(self): return Special().use(1)

        @fn
        def inherits(self): return self.shared(1)

        @fn
        def calls_super(self): return self.above()

        @fn
        def imports_inside(self):
            from package import inside
            return inside.value()
"""

HELPERS = """
    OFFSET = 1
    def attribute(x): return x + OFFSET
    def direct(x): return inner(x)
    def inner(x): return x
    def renamed(x): return x
    def unused(x): return x
"""

FILES = {
    "helpers.py": HELPERS,
    "package/__init__.py": "",
    "package/deep.py": "def down(x): return x\nfrom ._private import base\n",
    "package/_private.py": "def base(x): return x\n",
    "package/inside.py": "def value(): return 1\n",
}


@pytest.fixture
def work(ws: Workspace) -> Workspace:
    for name, text in FILES.items():
        ws.write(name, text)
    ws.program(PROGRAM)
    ws.calyx("build")
    assert ws.runs() == []
    return ws


def edit(ws: Workspace, name: str, old: str, new: str) -> list[str]:
    """Change a file and return the nodes that run because of it."""
    path = ws.root / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return ws.runs()


@pytest.mark.parametrize(
    ("name", "old", "new", "nodes"),
    [
        ("p.py", '"A prompt."', '"Another prompt."', ["plain"]),
        ("p.py", "return x + 1", "return x + 2", ["calls_local"]),
        ("helpers.py", "return x + OFFSET", "return x - OFFSET", ["calls_module"]),
        ("helpers.py", "OFFSET = 1", "OFFSET = 2", ["calls_module"]),
        ("helpers.py", "def inner(x): return x", "def inner(x): return -x", ["calls_imported"]),
        ("helpers.py", "def renamed(x): return x", "def renamed(x): return -x", ["calls_imported"]),
        ("helpers.py", "def unused(x): return x", "def unused(x): return -x", []),
        ("package/_private.py", "return x", "return -x", ["calls_deep"]),
        ("p.py", "LIMIT = 3", "LIMIT = 4", ["uses_constants"]),
        ("p.py", '{"a": [1, 2]}', '{"a": [1, 3]}', ["uses_constants"]),
        ("p.py", "return 2 * f(*args)", "return 3 * f(*args)", ["calls_decorated"]),
        ("p.py", "def decorated(x):\n    return x", "def decorated(x):\n    return -x", ["calls_decorated"]),
        ("p.py", "make(5)", "make(6)", ["calls_closure"]),
        ("p.py", "return x + n", "return x - n", ["calls_closure"]),
        ("p.py", "factor = 2", "factor = 3", ["uses_class"]),
        ("p.py", "step = 4", "step = 5", ["inherits"]),
        ("p.py", "return x * self.step", "return x + self.step", ["inherits"]),
        ("p.py", "def above(self):\n        return 1", "def above(self):\n        return 2", ["calls_super"]),
        ("package/inside.py", "return 1", "return 2", ["imports_inside"]),
    ],
)
def test_an_edit_reruns_what_reaches_it(work: Workspace, name: str, old: str, new: str, nodes: list[str]) -> None:
    assert edit(work, name, old, new) == nodes


def test_comments_formatting_and_moves_do_not_count(work: Workspace) -> None:
    text = (work.root / "p.py").read_text()
    text = text.replace("# A comment.", "# Another one.").replace("return x + 1", "return (x\n            + 1)  # same")
    text = text.replace("class Tool:", "class Unrelated:\n    pass\n\n\nclass Tool:")
    (work.root / "p.py").write_text(text)
    assert work.runs() == []


def test_renamed_files_do_not_count(work: Workspace) -> None:
    (work.root / "helpers.py").rename(work.root / "assistants.py")
    text = (work.root / "p.py").read_text().replace("import helpers\n", "import assistants as helpers\n")
    (work.root / "p.py").write_text(text.replace("from helpers", "from assistants"))
    assert work.runs() == []


_DOCS = """
import sys; sys.path.insert(0, ".")
import p
from calyx._program import Program
from calyx._describe import add_identity, describe
program = Program(p)
described = describe("p", program)
add_identity(described, program)
print([f.doc for f in described.functions])
"""


@pytest.mark.parametrize(
    "body",
    [
        "return eval('hidden()')",
        "import importlib; return importlib.import_module('mod' + 'ule').hidden()",
        "return __import__('module').hidden()",
        "return globals()['hidden']()",
    ],
)
def test_what_cannot_be_seen_widens_and_is_said(ws: Workspace, body: str) -> None:
    ws.write("module.py", "def hidden(): return 1\n")
    ws.program(f"from module import *\n\ndef other(): return 1\n\ndef hidden(): return 1\n\n@fn\ndef node():\n    {body}\n")
    ws.calyx("build")
    assert ws.runs() == []
    assert "Code identity: all of" in ws.python(_DOCS).out
    text = (ws.root / "p.py").read_text().replace("def hidden(): return 1", "def hidden(): return 2")
    (ws.root / "p.py").write_text(text)
    ws.write("module.py", "def hidden(): return 2\n")
    assert ws.runs() == ["node"]


def test_a_module_that_appears_counts(ws: Workspace) -> None:
    ws.program("try:\n    import extra\nexcept ImportError:\n    extra = None\n\n@fn\ndef node(): return extra.value() if extra else 0\n")
    assert ws.get("node") == 0
    ws.write("extra.py", "def value(): return 1\n")
    assert ws.get("node") == 1


def test_statements_of_a_module_count_for_all_in_it(ws: Workspace) -> None:
    program = "import numpy as np\nnp.seterr(all='{}')\n\n@fn\ndef node(): return 1\n"
    ws.program(program.format("warn"))
    ws.calyx("build")
    (ws.root / "p.py").write_text((ws.root / "p.py").read_text().replace("warn", "ignore"))
    assert ws.runs() == ["node"]
