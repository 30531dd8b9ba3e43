"""Code identity: what changes it, and what does not."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

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


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    ws = Workspace(tmp_path_factory.mktemp("work"))
    for name, text in FILES.items():
        ws.write(name, text)
    ws.program(PROGRAM)
    ws.calyx("build")
    assert ws.runs() == []
    return ws


@contextlib.contextmanager
def edited(ws: Workspace, changes: dict[str, list[tuple[str, str]]]) -> Iterator[None]:
    """Change files for a while."""
    before = {name: (ws.root / name).read_text() for name in changes}
    try:
        for name, pairs in changes.items():
            text = before[name]
            for old, new in pairs:
                assert old in text
                text = text.replace(old, new, 1)
            (ws.root / name).write_text(text)
        yield
    finally:
        for name, text in before.items():
            (ws.root / name).write_text(text)


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
    with edited(work, {name: [(old, new)]}):
        assert work.runs() == nodes


def test_comments_formatting_and_moves_do_not_count(work: Workspace) -> None:
    moved = ("class Tool:", "class Unrelated:\n    pass\n\n\nclass Tool:")
    with edited(work, {"p.py": [("# A comment.", "# Another."), ("return x + 1", "return (x\n            + 1)  # same"), moved]}):
        assert work.runs() == []


def test_renamed_files_do_not_count(work: Workspace) -> None:
    (work.root / "assistants.py").write_text((work.root / "helpers.py").read_text())
    changes = [("import helpers\n", "import assistants as helpers\n"), ("from helpers", "from assistants")]
    with edited(work, {"p.py": changes, "helpers.py": [("def", "raise ValueError  # def")]}):
        assert work.runs() == []


def test_where_helpers_are_does_not_count(ws: Workspace) -> None:
    helpers = "class Holder:\n    def __init__(self, value): self.value = value\nheld = Holder(1)\ndef help(): return held.value\n"
    node = "@fn\ndef node(): return help() + held.value\n"
    ws.program(helpers + node)
    assert ws.get("node") == 2
    ws.write("near.py", helpers)
    ws.program(f"from near import held, help\n{node}")
    assert ws.runs() == []
    ws.write("far.py", helpers)
    ws.program(f"from far import held, help\n{node}")
    assert ws.runs() == []
    ws.write("far.py", helpers.replace("Holder(1)", "Holder(2)"))
    assert ws.get("node") == 4


def test_going_back_runs_nothing(work: Workspace) -> None:
    with edited(work, {"p.py": [("LIMIT = 3", "LIMIT = 30")]}):
        assert work.runs() == ["uses_constants"]
    assert work.runs() == []


def test_what_is_taken_of_a_node_besides_its_value_is_code(ws: Workspace) -> None:
    text = """
        class P(Pipeline):
            @fn
            def one(self): return 1
            @fn
            def by_function(self): return P.one.function(self)
            @fn
            def by_self(self): return self.one.function(self)
            @fn
            def by_call(self): return self.one()
    """
    ws.program(text)
    assert [ws.get("by_function"), ws.get("by_self"), ws.get("by_call")] == [1, 1, 1]
    ws.program(text.replace("return 1", "return 2 - 1"))
    assert ws.runs("by_function", "by_self", "by_call") == ["by_function", "by_self", "one"]


def test_statements_of_a_module_count_for_all_in_it(ws: Workspace) -> None:
    program = "import numpy as np\nnp.seterr(all='{}')\n\n@fn\ndef node(): return 1\n"
    ws.program(program.format("warn"))
    ws.calyx("build")
    (ws.root / "p.py").write_text((ws.root / "p.py").read_text().replace("warn", "ignore"))
    assert ws.runs() == ["node"]


@pytest.mark.parametrize("order", ["import calyx\nimport helpers", "import helpers\nimport calyx"])
def test_an_edit_in_the_same_second_counts(ws: Workspace, order: str) -> None:
    """Python itself would take the bytecode of the module before the edit."""
    helpers = ws.write("helpers.py", "def number(): return 1\n")
    ws.write("p.py", f"{order}\n\n@calyx.fn\ndef node(): return helpers.number()\n\ncalyx.serve()\n")
    ws.write("Calyxfile", f'p = plugin("p", cmd = ["{sys.executable}", "p.py"])\nstep("node", run = p.node)\n')
    os.utime(helpers, (1e9, 1e9))
    assert ws.get("node") == 1
    ws.write("helpers.py", "def number(): return 2\n")
    os.utime(helpers, (1e9, 1e9))
    assert ws.get("node") == 2
