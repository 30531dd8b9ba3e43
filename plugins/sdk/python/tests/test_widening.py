"""What cannot be seen in the code, so that all counts."""

from __future__ import annotations

import pytest
from conftest import Workspace

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
