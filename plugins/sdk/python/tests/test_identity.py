"""Code identity: what changes it, and what does not."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import textwrap
import venv
import zipfile
from collections.abc import Callable, Iterator

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


_DOCS = """
import sys; sys.path.insert(0, ".")
import p
from calyx._program import Program
from calyx._describe import add_identity, describe
program = Program(p)
described = describe("p", program)
add_identity(described, program)
print([f.notes for f in described.functions])
"""


@pytest.mark.parametrize(
    "body",
    [
        "return eval('hidden()')",
        "import importlib; return importlib.import_module('mod' + 'ule').hidden()",
        "return __import__('module').hidden()",
        "return globals()['hidden']()",
        "import sys; return sys.modules['mod' + 'ule'].hidden()",
        "import runpy; return runpy.run_module('mod' + 'ule')['hidden']()",
        "import importlib.machinery as m; return m.SourceFileLoader('m', 'module.py').load_module().hidden()",
    ],
)
def test_what_cannot_be_seen_widens_and_is_said(ws: Workspace, body: str) -> None:
    ws.write("module.py", "def hidden(): return 1\n")
    ws.program(f"from module import *\n\ndef other(): return 1\n\ndef hidden(): return 1\n\n@fn\ndef node():\n    {body}\n")
    ws.calyx("build")
    assert ws.runs() == []
    assert "all of" in ws.python(_DOCS).out
    assert "all of" in ws.calyx("info", "node").out
    text = (ws.root / "p.py").read_text().replace("def hidden(): return 1", "def hidden(): return 2")
    (ws.root / "p.py").write_text(text)
    ws.write("module.py", "def hidden(): return 2\n")
    assert ws.runs() == ["node"]


def test_a_file_that_appears_counts_where_all_files_do_and_nowhere_else(ws: Workspace) -> None:
    ws.write("helper.py", "def help(): return 1\n")
    ws.program(
        """
        import importlib, helper

        @fn
        def dynamic():
            try:
                return importlib.import_module("lat" + "e").value()
            except ImportError:
                return 0

        @fn
        def other(): return helper.help()
        """
    )
    assert ws.get("dynamic") == 0
    ws.calyx("build")
    ws.write("late.py", "def value(): return 1\n")
    assert ws.runs() == ["dynamic"]
    assert ws.get("dynamic") == 1
    (ws.root / "helper.py").rename(ws.root / "renamed.py")
    ws.write("p.py", (ws.root / "p.py").read_text().replace("importlib, helper", "importlib, renamed as helper"))
    assert ws.runs() == ["dynamic"]


def test_a_module_that_appears_counts(ws: Workspace) -> None:
    ws.program("try:\n    import extra\nexcept ImportError:\n    extra = None\n\n@fn\ndef node(): return extra.value() if extra else 0\n")
    assert ws.get("node") == 0
    ws.write("extra.py", "def value(): return 1\n")
    assert ws.get("node") == 1


@pytest.mark.parametrize("inside", [False, True])
def test_a_package_that_is_installed_later_counts(ws: Workspace, tmp_path_factory: pytest.TempPathFactory, inside: bool) -> None:
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "others.pth").write_text("\n".join(p for p in sys.path if p.endswith("-packages")))
    importing = "try:\n    import late\nexcept ImportError:\n    late = None\n"
    node = "@fn\ndef node():\n{}    return late.value() if late else 0\n"
    ws.program(node.format(textwrap.indent(importing, "    ")) if inside else importing + node.format(""))
    ws.write("Calyxfile", f'use(plugin("p", cmd = ["{home}/bin/python", "p.py"]))\n')
    assert ws.get("node") == 0
    assert ws.runs() == []
    (packages / "late-1.dist-info").mkdir()
    (packages / "late-1.dist-info" / "METADATA").write_text("Name: late\nVersion: 1\n")
    (packages / "late-1.dist-info" / "RECORD").write_text("late.py,,\n")
    (packages / "late.py").write_text("def value(): return 1\n")
    assert ws.get("node") == 1


@pytest.mark.parametrize("found", ["FOUND", "importlib.util.find_spec('extra') is not None"])
def test_a_module_that_appears_counts_for_who_looks_for_it(ws: Workspace, found: str) -> None:
    ws.program(f"import importlib.util\nFOUND = importlib.util.find_spec('extra') is not None\n\n@fn\ndef node(): return {found}\n")
    assert ws.get("node") is False
    assert ws.runs() == []
    ws.write("extra.py", "")
    assert ws.get("node") is True


@pytest.mark.parametrize(
    "importing",
    ["from package import late", "import package.late as late", "from package.near import late"],
)
@pytest.mark.parametrize("inside", [False, True])
def test_a_module_that_appears_in_a_package_counts(ws: Workspace, importing: str, inside: bool) -> None:
    ws.write("package/__init__.py", "")
    ws.write("package/near.py", "try:\n    from . import late\nexcept ImportError:\n    late = None\n")
    found = f"try:\n    {importing}\nexcept ImportError:\n    late = None\n"
    body = "    return late.value() if late else 0\n"
    ws.program(f"@fn\ndef node():\n{textwrap.indent(found, '    ')}{body}" if inside else f"{found}@fn\ndef node():\n{body}")
    assert ws.get("node") == 0
    ws.write("package/late.py", "def value(): return 1\n")
    assert ws.get("node") == 1


@pytest.mark.parametrize("body", ["zipped.value()", "zipped.VALUE", "__import__('zipped').value()"])
def test_modules_in_archives_count(ws: Workspace, body: str) -> None:
    def write(value: int) -> None:
        with zipfile.ZipFile(ws.root / "code.zip", "w") as archive:
            archive.writestr("zipped.py", f"VALUE = {value}\ndef value(): return {value}\n")

    write(1)
    head = "import sys\nsys.path.insert(0, 'code.zip')\n"
    ws.program(f"{head}@fn\ndef node():\n    import zipped\n    return {body}\n@fn\ndef other(): return 1\n")
    assert ws.get("node") == 1
    write(2)
    assert ws.get("node") == 2
    ws.program(f"{head}import zipped\n@fn\ndef node(): return zipped.value() + zipped.VALUE\n")
    assert ws.get("node") == 4
    write(3)
    assert ws.get("node") == 6


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


def test_packages_without_init_count(ws: Workspace) -> None:
    ws.write("space/inner/tool.py", "def number(): return 1\n")
    ws.write("space/inner/other.py", "def number(): return 1\n")
    ws.program("@fn\ndef node():\n    from space.inner import tool\n    return tool.number()\n")
    assert ws.get("node") == 1
    ws.write("space/inner/other.py", "def number(): return 2\n")
    assert ws.runs("node") == []
    ws.write("space/inner/tool.py", "def number(): return 2\n")
    assert ws.get("node") == 2


    # A module of one that is taken by its whole name, and the package as a whole.
    ws.program(
        """
        import space.inner.tool
        @fn
        def node(): return space.inner.tool.number()
        @fn
        def whole(): return getattr(space, "inner").tool.number()
        """
    )
    ws.calyx("build")
    ws.write("space/inner/tool.py", "def number(): return 3\n")
    assert ws.runs() == ["node", "whole"]


_REGISTRIES = """
    import functools

    class Registry:
        def __init__(self):
            self._known = {}
        def register(self, name):
            def decorate(f):
                self._known[name] = f
                return f
            return decorate
        def get(self, name):
            return self._known[name]

    class Base:
        known = {}
        def __init_subclass__(cls):
            Base.known[cls.__name__] = cls
        @classmethod
        def derived(cls):
            return [c().used() for c in cls.__subclasses__()]

    TABLE, ORDER, REGISTRY = {}, [], Registry()

    def listed(f):
        TABLE[f.__name__] = f
        ORDER.append(f)
        return f

    @functools.singledispatch
    def kind(value): return "other"
"""

_REGISTERED = """
    from registries import Base, REGISTRY, kind, listed

    @listed
    def table_entry(): return 1

    @REGISTRY.register("entry")
    def registry_entry(): return 1

    @kind.register
    def whole_number(value: int): return "int 1"

    class Derived(Base):
        def used(self): return 1

    def unused(): return 1
"""


@pytest.mark.parametrize(
    ("edit", "nodes"),
    [
        ("def table_entry(): return 1", ["by_order", "by_table"]),
        ("def registry_entry(): return 1", ["by_registry"]),
        ('return "int 1"', ["by_type"]),
        ("def used(self): return 1", ["by_class", "by_subclasses"]),
        ("def unused(): return 1", []),
    ],
)
def test_what_registers_itself_counts_where_it_is_registered(ws: Workspace, edit: str, nodes: list[str]) -> None:
    ws.write("registries.py", _REGISTRIES)
    registered = ws.write("registered.py", _REGISTERED)
    ws.program(
        """
        import registered
        from registries import Base, ORDER, REGISTRY, TABLE, kind

        @fn
        def by_table(): return TABLE["table_entry"]()
        @fn
        def by_order(): return ORDER[0]()
        @fn
        def by_registry(): return REGISTRY.get("entry")()
        @fn
        def by_type(): return kind(1)
        @fn
        def by_class(): return Base.known["Derived"]().used()
        @fn
        def by_subclasses(): return Base.derived()
        """
    )
    ws.calyx("build")
    registered.write_text(registered.read_text().replace(edit, edit.replace("1", "2")))
    assert ws.runs() == nodes
    for node in nodes:
        assert "registered." in ws.calyx("why", node).out


def test_sets_of_functions_are_the_same_in_every_process(ws: Workspace) -> None:
    ws.program("def a(): pass\ndef b(): pass\nboth = {a, b, 'c', 'd', None}\n@fn\ndef node(): return len(both)\n")
    assert ws.get("node") == 5
    ws.program("# A comment.\ndef a(): pass\ndef b(): pass\nboth = {a, b, 'c', 'd', None}\n@fn\ndef node(): return len(both)\n")
    assert ws.runs() == []


@pytest.mark.parametrize(
    ("importing", "appears"),
    [
        ("import colorsys as found", "colorsys.py"),  # of the standard library
        ("import pluggy as found", "pluggy/__init__.py"),  # installed
        ("import near as found", "near/__init__.py"),  # a package comes before a module
        ("import sys; sys.path.insert(0, 'lib'); import near as found", "lib/near.py"),
    ],
)
def test_a_module_that_takes_the_place_of_another_counts(ws: Workspace, importing: str, appears: str) -> None:
    ws.write("near.py", "")
    ws.write("lib/any.py", "")
    ws.program(f"{importing}\n@fn\ndef node(): return getattr(found, 'MINE', 0)\n")
    assert ws.get("node") == 0
    ws.write(appears, "MINE = 1\n")
    assert ws.get("node") == 1


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


def test_why_names_the_helper_and_shows_its_lines(ws: Workspace) -> None:
    program = """
        LIMIT = 3

        def tidy(text):
            return text.strip()

        @fn
        def clean():
            return [tidy(" a ") for _ in range(LIMIT)]
        """
    ws.program(program)
    ws.calyx("build")
    ws.program(program.replace("text.strip()", "text.strip().upper()"))
    now = json.loads(ws.calyx("why", "clean", "--json").out)
    assert [(link["kind"], link["subject"]) for link in now["chain"]] == [("code-changed", "clean"), ("code-changed", "p.tidy")]
    ws.calyx("build")
    text = ws.calyx("why", "clean").out
    assert "p.tidy" in text
    assert "-    return text.strip()" in text
    assert "+    return text.strip().upper()" in text
    ws.program(program.replace("text.strip()", "text.strip().upper()").replace("LIMIT = 3", "LIMIT = 2"))
    ws.calyx("build")
    text = ws.calyx("why", "clean").out
    assert "p.LIMIT" in text
    assert "-LIMIT = 3" in text


def test_why_shows_the_lines_of_the_function_itself(ws: Workspace) -> None:
    ws.program("@fn\ndef node():\n    return 1\n")
    ws.calyx("build")
    ws.program("@fn\ndef node():\n    # A comment does not count.\n    return 2\n")
    ws.calyx("build")
    chain = json.loads(ws.calyx("why", "node", "--json").out)["last"]["chain"]
    assert [link["subject"] for link in chain] == ["node"]
    assert "+    return 2" in chain[0]["diff"]


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
    ],
)
def test_what_another_module_sets_counts(ws: Workspace, settings: str, change: str, use: str) -> None:
    ws.write("settings.py", settings + "\n")
    ws.write("nodes.py", f"from calyx import fn\nfrom settings import held\n@fn\ndef node(): return {use}\n")
    ws.write("configured.py", f"import settings\nfrom settings import held\n{change.format(1)}\n")
    ws.write("p.py", "import calyx, configured, nodes\ncalyx.serve(nodes)\n")
    ws.declare()
    assert ws.get("node") == 1
    ws.write("configured.py", f"import settings\nfrom settings import held\n{change.format(2)}\n")
    assert ws.runs() == ["node"]
    assert ws.get("node") == 2


def test_sets_of_objects_are_the_same_in_every_process(ws: Workspace) -> None:
    text = textwrap.dedent(_HOLDER) + "all_of_them = {Holder(i) for i in range(5)}\n@fn\ndef node(): return len(all_of_them)\n"
    ws.program(text)
    assert ws.get("node") == 5
    ws.program(f"# A comment.\n{text}")
    assert ws.runs() == []
    ws.program(text.replace("Holder(i)", "Holder(i + 1)"))
    assert ws.runs() == ["node"]


@pytest.mark.parametrize(
    ("head", "use"),
    [
        ("from importlib import import_module as load", "load('other').value()"),
        ("import other, sys as system", "system.modules['other'].value()"),
        ("import builtins\nfrom other import value", "builtins.eval('value()')"),
        ("from builtins import eval as run\nfrom other import value", "run('value()')"),
        ("import sys\nfrom other import value", "sys._getframe().f_globals['value']()"),
        ("import inspect\nfrom other import value", "inspect.getmodule(value).value()"),
    ],
)
def test_what_cannot_be_seen_widens_under_any_name(ws: Workspace, head: str, use: str) -> None:
    ws.write("other.py", "def value(): return 1\n")
    ws.program(f"{head}\n@fn\ndef node(): return {use}\n")
    assert ws.get("node") == 1
    assert "counts, because" in ws.calyx("info", "node").out
    ws.write("other.py", "def value(): return 2\n")
    assert ws.get("node") == 2


def test_a_name_that_a_comprehension_binds_may_be_a_global_beside_it(ws: Workspace) -> None:
    text = "LIMIT = 1\ndef limit(): return LIMIT\n@fn\ndef node(): return limit() + len([limit for limit in range(2)])\n"
    ws.program(text)
    assert ws.get("node") == 3
    ws.program(text.replace("LIMIT = 1", "LIMIT = 2"))
    assert ws.get("node") == 4


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
