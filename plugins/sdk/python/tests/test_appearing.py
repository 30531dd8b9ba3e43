"""Modules that appear, in whatever way they are found."""

from __future__ import annotations

import sys
import textwrap
import venv
import zipfile

import pytest
from conftest import Workspace


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


@pytest.mark.parametrize(
    ("importing", "appears"),
    [
        ("import colorsys as found", "colorsys.py"),  # of the standard library
        ("import pluggy as found", "pluggy/__init__.py"),  # installed
        ("import near as found", "near/__init__.py"),  # a package comes before a module
        ("import sys; sys.path.insert(0, 'lib'); import near as found", "lib/near.py"),
        ("import sys; sys.path.append('lib'); import any as found", "any.py"),  # its folder lies in one that comes before
    ],
)
def test_a_module_that_takes_the_place_of_another_counts(ws: Workspace, importing: str, appears: str) -> None:
    ws.write("near.py", "")
    ws.write("lib/any.py", "")
    ws.program(f"{importing}\n@fn\ndef node(): return getattr(found, 'MINE', 0)\n")
    assert ws.get("node") == 0
    ws.write(appears, "MINE = 1\n")
    assert ws.get("node") == 1
