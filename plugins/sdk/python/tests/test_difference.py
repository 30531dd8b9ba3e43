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
