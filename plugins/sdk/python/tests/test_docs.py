"""The pages about the SDK are true: their files are written, their commands run, their answers compared."""

from __future__ import annotations

import pathlib
import re
import shlex
import sys

import pytest
from conftest import Workspace

DOCS = pathlib.Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize("page", ["python-sdk.md", "from-calyxos.md"])
def test_the_page(ws: Workspace, page: str) -> None:
    blocks = re.findall(r"<!-- (file: \S+|run) -->\n```\w*\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert {head.split()[0] for head, _ in blocks} == {"file:", "run"}
    for head, content in blocks:
        if head != "run":
            ws.write(head.split()[1], content.replace('"python3"', f'"{sys.executable}"'))
            continue
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", content, re.MULTILINE):
            outcome = run(ws, shlex.split(command))
            # "…" stands for what differs from run to run, or would be long.
            pattern = re.escape(expected).replace("…", "(?:.|\n)*")
            assert not expected or re.fullmatch(pattern, outcome), f"{command}\n{outcome}"


def run(ws: Workspace, argv: list[str]) -> str:
    """Run calyx, or a script; a build tells what it did on standard error."""
    if argv[0] == "python3":
        return ws.python(f"import runpy, sys; sys.path.insert(0, '.'); runpy.run_path({argv[1]!r}, run_name='__main__')").out
    assert argv[0] == "calyx"
    outcome = ws.calyx(*argv[1:])
    return outcome.text if argv[1] in ("build", "set") else outcome.out
