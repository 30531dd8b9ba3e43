"""What names in code stand for: variables of functions mean nothing of the module, and what a function imports is what it takes."""

from __future__ import annotations

import pytest
from conftest import Workspace
from scripts import script


@pytest.mark.parametrize(
    "use",
    [
        "class Tool:\n    def count(self, rows): return len(rows)\n@fn\ndef node(): return Tool().count([1])",
        "@fn\ndef node(): return max([1, 2], key=lambda rows: -rows)",
        "@fn\ndef node(): return [rows for rows in range(3) if rows]",
        "@fn\ndef node():\n    def inner():\n        rows = 1\n        return rows\n    return inner()",
        "@fn\ndef node():\n    def inner():\n        try: int('a')\n        except ValueError as rows: return 1\n    return inner()",
        "@fn\ndef node():\n    def inner(x):\n        match x:\n            case [*rows]: return rows\n    return inner([1])",
        "@fn\ndef node():\n    def inner(): return [y for x in [1] if (y := x)], (lambda: (rows := 2) + rows)()\n    return inner()",
    ],
)
def test_a_variable_is_not_the_global_of_its_name(ws: Workspace, use: str) -> None:
    ws.program(f"rows = [1]\n{use}\n")
    ws.calyx("build")
    ws.program(f"rows = [2]\n{use}\n")
    assert ws.runs() == []


@pytest.mark.parametrize(
    "use",
    [
        "    class Inner:\n        rows = rows + [0]\n    return Inner.rows",
        "    def inner(rows=rows): return rows\n    return inner()",
        "    return [rows for rows in rows]",
        "    return [[rows for rows in [1]], rows]",
        "    return (lambda rows: rows)(0), rows",
        "    def inner():\n        rows = 5\n        def innermost():\n            global rows\n            return rows\n"
        "        return innermost()\n    return inner()",
    ],
)
def test_a_global_counts_beside_a_variable_of_its_name(ws: Workspace, use: str) -> None:
    ws.program(f"rows = [1]\n@fn\ndef node():\n{use}\n")
    before = ws.get("node")
    ws.program(f"rows = [2]\n@fn\ndef node():\n{use}\n")
    assert ws.get("node") != before


def test_a_script_may_have_an_open_file_of_a_variables_name(ws: Workspace) -> None:
    said = script(
        ws,
        """
        with open("reviews.txt") as f:
            text = f.read()

        class Tool:
            def count(self, f): return len(f)

        @fn
        def node(): return Tool().count(text) + sum(f for f in [1, 2])

        print(Session(node).node())
        """,
    )
    assert said == [str(len("Good\nOk\n") + 3)]


PACKAGE = {
    "package/__init__.py": "from .other import unrelated\nVERSION = 1\n",
    "package/other.py": "def unrelated(): return 1\n",
    "package/late.py": "FACTOR = 1\nUNUSED = 1\ndef value(): return FACTOR\n",
    "package/unloaded.py": "FACTOR = 1\ndef value(): return FACTOR\n",
    "package/nodes.py": "from calyx import fn\nfrom . import late\n",
}


@pytest.mark.parametrize(
    ("use", "file"),
    [
        ("from .late import value\n    return value()", "late"),
        ("from .late import value\n    def inner(): return value()\n    return inner()", "late"),
        ("from package import late as m\n    return m.value()", "late"),
        ("import package.late\n    return package.late.value()", "late"),
        ("import package.late as m\n    return m.value()", "late"),
        ("from .unloaded import value\n    return value()", "unloaded"),
        ("from . import unloaded\n    return unloaded.value()", "unloaded"),
    ],
)
def test_what_a_function_imports_counts_as_far_as_it_takes_it(ws: Workspace, use: str, file: str) -> None:
    for name, text in PACKAGE.items():
        ws.write(name, text)
    ws.write("package/nodes.py", PACKAGE["package/nodes.py"] + f"@fn\ndef node():\n    {use}\n")
    ws.write("p.py", "import calyx\nfrom package import nodes\ncalyx.serve(nodes)\n")
    ws.declare()
    assert ws.get("node") == 1
    ws.write("package/other.py", "def unrelated(): return 2\n")
    ws.write("package/late.py", PACKAGE["package/late.py"].replace("UNUSED = 1", "UNUSED = 2"))
    if file == "late":  # else the parents of what is imported then would be
        ws.write("package/__init__.py", PACKAGE["package/__init__.py"].replace("VERSION = 1", "VERSION = 2"))
    assert ws.runs() == []
    ws.write(f"package/{file}.py", PACKAGE[f"package/{file}.py"].replace("FACTOR = 1", "FACTOR = 2"))
    assert ws.get("node") == 2


def test_statements_of_what_a_function_imports_count(ws: Workspace) -> None:
    ws.write("late.py", "def value(): return 1\n")
    ws.program("import late\n@fn\ndef node():\n    from late import value\n    return value()\n")
    ws.calyx("build")
    ws.write("late.py", "import decimal\ndecimal.getcontext().prec = 3\ndef value(): return 1\n")
    assert ws.runs() == ["node"]


def test_the_class_of_self_shows_what_is_taken_of_it(ws: Workspace) -> None:
    text = """
        class P(Pipeline):
            used = 1
            unused = 1
            @fn
            def node(self): return type(self).used + self.__class__.used
    """
    ws.program(text)
    assert ws.get("node") == 2
    ws.program(text.replace("unused = 1", "unused = 2"))
    assert ws.runs() == []
    ws.program(text.replace(" used = 1", " used = 2"))
    assert ws.get("node") == 4


def test_the_classes_that_derive_from_that_of_self_count(ws: Workspace) -> None:
    text = "class Base:\n    def all(self): return [c.value for c in type(self).__subclasses__()]\nclass Derived(Base): value = 1\n"
    node = "@fn\ndef node(): return Base().all()\n"
    ws.program(text + node)
    assert ws.get("node") == [1]
    ws.program(text.replace("value = 1", "value = 2") + node)
    assert ws.get("node") == [2]
