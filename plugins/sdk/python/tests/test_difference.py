"""How `why` shows what of the code is another."""

from __future__ import annotations

import json

from conftest import Workspace


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


def test_why_names_the_attribute_of_a_pipeline_and_what_a_decorator_was_given(ws: Workspace) -> None:
    program = """
        import functools

        def times(n=1):
            def decorate(f):
                @functools.wraps(f)
                def wrapper(*args):
                    return n * f(*args)
                return wrapper
            return decorate

        class P(Pipeline):
            table = {"a": 1}

            @functools.cached_property
            def cached(self): return 1

            @fn
            def attribute(self): return self.cached + len(self.table) + _all(self)

            @fn
            @times()
            def decorated(self): return 2

        def _all(p): return 0
        """
    ws.program(program)
    ws.calyx("build")
    for node, subject, old, new in [
        ("attribute", "p.P.table", 'table = {"a": 1}', 'table = {"a": 2}'),
        ("decorated", "p.times", "def times(n=1):", "def times(n=2):"),
        ("decorated", "decorated", "return n * f(*args)", "return n + f(*args)"),
    ]:
        ws.program(program.replace(old, new))
        chain = json.loads(ws.calyx("why", node, "--json").out)["chain"]
        assert chain[0]["subject"] == node
        assert (chain[-1]["subject"], chain[-1]["diff"].splitlines()[-1].strip("+ ")) == (subject, new)


def test_why_names_a_constant_where_it_is_bound(ws: Workspace) -> None:
    files = {"settings.py": "LIMIT = 1\n", "lazy.py": "def __getattr__(name): return 1\n"}
    for name, text in files.items():
        ws.write(name, text)
    ws.write("between.py", "from settings import *\n")
    ws.program("import lazy\nfrom between import LIMIT as most\n@fn\ndef a(): return most\n@fn\ndef b(): return lazy.made_up\n")
    ws.calyx("build")
    for node, name, old, new in [("a", "settings", "LIMIT = 1", "LIMIT = 2"), ("b", "lazy", "return 1", "return 2")]:
        ws.write(f"{name}.py", files[f"{name}.py"].replace(old, new))
        chain = json.loads(ws.calyx("why", node, "--json").out)["chain"]
        assert chain[1]["subject"].startswith(f"{name}.")
        assert new in chain[1]["diff"]


def test_functions_of_python_itself_are_not_the_projects(ws: Workspace) -> None:
    ws.program("import abc\nclass Base(abc.ABC):\n    @abc.abstractmethod\n    def use(self): ...\n@fn\ndef node(): return Base.__name__\n")
    ws.calyx("build")
    assert "compiled form" not in ws.calyx("info", "node").out


def test_why_goes_on_to_a_node_that_was_asked_for_with_what_is_its_default(ws: Workspace) -> None:
    program = """
        LIMIT = 3

        @fn
        def clean(limit=10):
            return min(limit, LIMIT)

        @fn
        def report():
            return clean(10) + 1
        """
    ws.program(program)
    ws.calyx("build")
    ws.program(program.replace("LIMIT = 3", "LIMIT = 2"))
    ws.calyx("build")
    chain = json.loads(ws.calyx("why", "report", "--json").out)["last"]["chain"]
    assert [(link["node"], link["subject"]) for link in chain] == [("report", "clean"), ("clean", "clean"), ("clean", "p.LIMIT")]
