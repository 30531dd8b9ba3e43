"""The page about the SDK is true: its files are written, its commands run, its answers compared."""

from __future__ import annotations

import pathlib
import re
import shlex
import sys

from conftest import Workspace

PAGE = pathlib.Path(__file__).parents[4] / "docs" / "python-sdk.md"


def test_the_page(ws: Workspace) -> None:
    text = PAGE.read_text()
    files = re.findall(r"<!-- file: (\S+) -->\n```\w*\n(.*?)```", text, re.DOTALL)
    assert files
    for name, content in files:
        ws.write(name, content.replace('"python3"', f'"{sys.executable}"'))
    for block in re.findall(r"<!-- run -->\n```console\n(.*?)```", text, re.DOTALL):
        for command, expected in re.findall(r"^\$ calyx (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            outcome = ws.calyx(*shlex.split(command))
            if expected:
                assert outcome.out == expected
