"""What objects, classes and other modules hold."""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import pytest
from conftest import Workspace

_HOLDER = """
    class Holder:
        def __init__(self, value):
            self.value = value
        def give(self):
            return self.value
"""


@pytest.mark.parametrize(
    ("files", "program"),
    [
        ({"other.py": "thing = Holder(1)"}, "from other import *\n@fn\ndef node(): return thing.value"),
        ({"other.py": "give = Holder(1).give"}, "from other import *\n@fn\ndef node(): return give()"),
        ({"other.py": "import operator\npick = operator.itemgetter(1)"}, "from other import *\n@fn\ndef node(): return pick([0, 1, 2])"),
        ({"other.py": "def __getattr__(name): return Holder(1)"}, "import other\n@fn\ndef node(): return other.thing.value"),
        (
            {"other.py": "def make(held):\n    return lambda: held.value\ngive = make(Holder(1))"},
            "from other import give\n@fn\ndef node(): return give()",
        ),
        (
            {"other.py": "import functools\ndef last(*of): return of[-1]\ngive = functools.partial(last, 0, 1)"},
            "from other import *\n@fn\ndef node(): return give()",
        ),
        (
            {"other.py": "import functools\ndef of(a1=0, a2=0): return a1\ngive = functools.partial(of, a1=5)"},
            "from other import *\n@fn\ndef node(): return give()",
        ),
        (
            {"p.py": "class P(Pipeline):\n    held = Holder(1)\n    @fn\n    def node(self): return self.held.value"},
            "",
        ),
        (
            {
                "p.py": "import functools\nclass P(Pipeline):\n    def _give(self, value): return value\n"
                "    give = functools.partialmethod(_give, 1)\n    @fn\n    def node(self): return self.give()"
            },
            "",
        ),
        ({"p.py": "class P(Pipeline):\n    def __getattr__(self, name): return 1\n    @fn\n    def node(self): return self.made_up"}, ""),
        (
            {
                "p.py": "class Base(Pipeline):\n    def give(self): return 1\nclass P(Base):\n    def give(self): return 0\n"
                "    @fn\n    def node(self):\n        above = super()\n        return above.give()"
            },
            "",
        ),
    ],
)
def test_what_objects_hold_counts(ws: Workspace, files: dict[str, str], program: str) -> None:
    head = textwrap.dedent(_HOLDER)

    def write(change: Callable[[str], str]) -> None:
        for name, text in files.items():
            if name == "p.py":
                ws.program(head + change(text))
            else:
                ws.write(name, head + change(text) + "\n")

    if program:
        ws.program(program)
    write(str)
    before = ws.get("node")
    write(lambda text: text.replace("a1=5", "a2=5").replace("1)", "2)").replace("return 1", "return 2"))
    assert ws.runs() == ["node"]
    assert ws.get("node") != before


@pytest.mark.parametrize(
    ("settings", "change", "use"),
    [
        (_HOLDER + "    held = Holder(0)", "held.value = {}", "held.give()"),
        ("from types import SimpleNamespace\nheld = SimpleNamespace()", "held.value = {}", "held.value"),
        ("from collections import defaultdict\nheld = defaultdict(int)", "held['value'] = {}", "held['value']"),
        ("class Options(dict): pass\nheld = Options()", "held['value'] = {}", "held['value']"),
        ("class held: value = 0", "held.value = {}", "held.value"),
        (_HOLDER + "    held = []", "held.append(settings.Holder({}))", "held[0].value"),
        ("held = None", "settings.held = __import__('decimal').Context(prec={})", "settings.held.prec"),
        ("held = {}", "held[0] = __import__('decimal').Context(prec={})", "held[0].prec"),
    ],
)
def test_what_another_module_sets_counts(ws: Workspace, settings: str, change: str, use: str) -> None:
    ws.write("settings.py", settings + "\n")
    ws.write("nodes.py", f"from calyx import fn\nimport settings\nfrom settings import held\n@fn\ndef node(): return {use}\n")
    ws.write("configured.py", f"import settings\nfrom settings import held\n{change.format(1)}\n")
    ws.write("p.py", "import calyx, configured, nodes\ncalyx.serve(nodes)\n")
    ws.declare()
    assert ws.get("node") == 1
    ws.write("configured.py", f"import settings\nfrom settings import held\n{change.format(2)}\n")
    assert ws.runs() == ["node"]
    assert ws.get("node") == 2


@pytest.mark.parametrize(
    "text",
    [
        "class P(Pipeline):\n    held = decimal.Context(prec=1)\n    @fn\n    def node(self): return self.held.prec",
        "class P(Pipeline):\n    held = [decimal.Context(prec=1)]\n    @fn\n    def node(self): return self.held[0].prec",
        "P_PREC = 1\nclass P(Pipeline):\n    held = decimal.Context(prec=P_PREC)\n    @fn\n    def node(self): return self.held.prec",
        "class A(Pipeline):\n    held = decimal.Context(prec=1)\nclass P(A):\n    @fn\n    def node(self): return super().held.prec",
        "import dataclasses\nMade = dataclasses.make_dataclass('Made', [('held', object, decimal.Context(prec=1))])\n"
        "@fn\ndef node(): return Made().held.prec",
        "def make(held):\n    return lambda: held.prec\ngive = make(decimal.Context(prec=1))\n@fn\ndef node(): return give()",
        "def wrap(held): return lambda f: lambda: held.prec\n"
        "@wrap(decimal.Context(prec=1))\ndef give(): ...\n@fn\ndef node(): return give()",
        "import other\n@fn\ndef node(): return other.made_up.prec",
    ],
)
def test_how_an_object_of_a_package_was_made_counts(ws: Workspace, text: str) -> None:
    ws.write("other.py", "import decimal\ndef __getattr__(name): return decimal.Context(prec=1)\n")
    ws.program(f"import decimal\n{text}\n")
    assert ws.get("node") == 1
    ws.write("other.py", "import decimal\ndef __getattr__(name): return decimal.Context(prec=2)\n")
    ws.program(f"import decimal\n{text}\n".replace("prec=1", "prec=2").replace("PREC = 1", "PREC = 2"))
    assert ws.get("node") == 2


@pytest.mark.parametrize(
    "kind",
    [
        "import enum\nclass Kind(enum.Enum):\n    A = 1\n    def give(self): return self.value\nMADE = Kind.A",
        "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass Kind:\n    def give(self): return 1\nMADE = Kind()",
    ],
)
def test_the_class_of_what_a_pipeline_has_as_an_attribute_counts(ws: Workspace, kind: str) -> None:
    node = "\nclass P(Pipeline):\n    held = MADE\n    @fn\n    def node(self): return self.held.give()\n"
    ws.program(kind + node)
    assert ws.get("node") == 1
    ws.program(kind.replace("A = 1", "A = 2").replace("return 1", "return 2") + node)
    assert ws.get("node") == 2


def test_pipelines_of_one_name_have_their_own_constants(ws: Workspace) -> None:
    text = """
        def make(value):
            class P(Pipeline):
                held = value
                def give(self): return self.held
            return P
        A, B = make(1), make(2)
        @fn
        def node(): return [A().give(), B().give()]
    """
    ws.program(text)
    assert ws.get("node") == [1, 2]
    ws.program(text.replace("make(2)", "make(3)"))
    assert ws.get("node") == [1, 3]


def test_sets_of_objects_are_the_same_in_every_process(ws: Workspace) -> None:
    text = textwrap.dedent(_HOLDER) + "all_of_them = {Holder(i) for i in range(5)}\n@fn\ndef node(): return len(all_of_them)\n"
    ws.program(text)
    assert ws.get("node") == 5
    ws.program(f"# A comment.\n{text}")
    assert ws.runs() == []
    ws.program(text.replace("Holder(i)", "Holder(i + 1)"))
    assert ws.runs() == ["node"]


_VALUES = """
    import dataclasses, enum
    from typing import NamedTuple

    @dataclasses.dataclass
    class Point:
        x: int
        def size(self): return self.x * 1

    class Pair(NamedTuple):
        x: int
        def size(self): return self.x * 1

    class Colour(enum.Enum):
        RED = 1

    class Plain:
        def size(self): return 3 * 1

    @stored
    def kept(): return Point(3)
    @fn
    def point(): return Point(3)
    @fn
    def pairs(): return [Pair(3)]
    @fn
    def colour(): return {Colour.RED: 3}
    @fn(serializer="pickle")
    def pickled(): return Plain()
    @fn
    def number(): return Point(3).x
    @fn
    def measure(of): return of.size()

    @fn
    def of_stored(): return kept().size()
    @fn
    def of_point(): return point().size()
    @fn
    def of_pairs(): return pairs()[0].size()
    @fn
    def of_colour(): return next(iter(colour())).value * 3
    @fn
    def of_pickled(): return pickled().size()
    @fn
    def of_number(): return number()
    @fn
    def of_argument(): return measure(Point(3))
"""


def test_a_class_of_a_value_is_what_runs_and_not_what_its_file_says_by_now(ws: Workspace) -> None:
    text = "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\n    def size(self): return self.x * 1\n"
    ws.environ["CALYX_PLUGIN_COOKIE"] = "started by calyx"
    head = "import sys, pathlib; sys.path.insert(0, '.'); import calyx, shape; from calyx._plain import Packer"
    show = head + "; {}; print(Packer().pack(shape.Point(1)))"
    edit = "pathlib.Path('shape.py').write_text(pathlib.Path('shape.py').read_text().replace('* 1', '* 2'))"
    ws.write("shape.py", text)
    first, edited = ws.python(show.format("pass")).err, ws.python(show.format(edit)).err
    assert "Point" in first
    assert edited not in (first, ws.python(show.format("pass")).err)


def test_the_classes_of_values_count_for_who_gets_them(ws: Workspace) -> None:
    users = ["of_argument", "of_colour", "of_pairs", "of_pickled", "of_point", "of_stored"]
    plugin = 'env = {"CALYX_ALLOW_PICKLE": "1"}'
    ws.program(_VALUES, plugin=plugin)
    assert [ws.get(node) for node in (*users, "of_number")] == [3] * 7
    ws.program(_VALUES.replace("class ", "# A comment.\n    class "), plugin=plugin)
    assert ws.runs(*users, "of_number") == []
    ws.program(_VALUES.replace("* 1", "* 2").replace("RED = 1", "RED = 2"), plugin=plugin)
    ran = ws.runs(*users, "of_number")
    assert {*users, "number"} <= set(ran)
    assert "of_number" not in ran
    assert [ws.get(node) for node in (*users, "of_number")] == [6] * 6 + [3]


@pytest.mark.parametrize(
    ("others", "program", "old", "new"),
    [
        (
            "",
            "class P(Pipeline):\n    def __own(self): return 1\n    @fn\n    def node(self): return self.__own()\n",
            "return 1",
            "return 2",
        ),
        (
            "from calyx import Pipeline\nclass Base(Pipeline):\n    __own = 1\n    def give(self): return self.__own\n",
            "import other\nclass P(other.Base):\n    @fn\n    def node(self): return self.give()\n",
            "__own = 1",
            "__own = 2",
        ),
        (
            "class Named:\n    value = 1\n\ndef f(x: 'Named'): ...\n",
            "import other, typing\n@fn\ndef node(): return typing.get_type_hints(other.f)['x'].value\n",
            "value = 1",
            "value = 2",
        ),
        (
            "TOOLS = []\ndef tool(f):\n    TOOLS.append(f)\n    return f\n@tool\ndef first(): ...\n",
            "import other\n@fn\ndef node(): return [f.__name__ for f in other.TOOLS]\n",
            "first",
            "renamed",
        ),
    ],
)
def test_what_is_known_by_another_name_counts(ws: Workspace, others: str, program: str, old: str, new: str) -> None:
    """Private names, quoted annotations, and the names of functions in a registry."""
    ws.write("other.py", others)
    ws.program(program)
    before = ws.get("node")
    assert ws.runs() == []
    ws.write("other.py", others.replace(old, new))
    ws.program(program.replace(old, new))
    assert ws.get("node") != before
