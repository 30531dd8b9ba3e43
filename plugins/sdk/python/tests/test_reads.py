"""Reads become dependencies: those that are asked for, and those that nobody asked for."""

from __future__ import annotations

import pytest
from conftest import Workspace


def test_asked_reads(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def text():
            with calyx.open("a.txt") as f:
                return f.read()

        @fn
        def names(): return calyx.listdir("d")

        @fn
        def matches(): return calyx.glob("d/**/*.txt")

        @fn
        def there(): return calyx.exists("maybe")

        @fn
        def variable(): return calyx.env("CHOICE", "none")

        @fn
        def missing():
            try:
                return calyx.open("missing.txt").read()
            except FileNotFoundError:
                return "not there"
        """
    )
    ws.write("a.txt", "one")
    ws.write("d/x.txt", "x")
    names = ("text", "names", "matches", "there", "variable", "missing")
    assert [ws.get(n) for n in names] == ["one", ["x.txt"], ["d/x.txt"], False, "none", "not there"]
    assert ws.runs() == []
    ws.write("a.txt", "two")
    assert ws.runs() == ["text"]
    ws.write("d/y.txt", "y")
    assert ws.runs() == ["matches", "names"]
    ws.write("d/y.txt", "z")
    assert ws.runs() == []
    ws.write("maybe", "")
    assert ws.runs() == ["there"]
    ws.write("missing.txt", "now")
    assert ws.runs() == ["missing"]
    ws.environ["CHOICE"] = "some"
    assert ws.runs() == ["variable"]
    assert ws.get("variable") == "some"


@pytest.mark.parametrize(
    "read",
    [
        "open('seen.txt').read()",
        "open('seen.txt', 'a+').tell()",
        "pathlib.Path('seen.txt').read_text()",
        "os.fdopen(os.open('seen.txt', os.O_RDONLY)).read()",
        "os.path.getsize('seen.txt')",
        "os.fdopen(os.open('seen.txt', os.O_RDONLY, dir_fd=os.open('package', os.O_RDONLY))).read()",
        "os.stat('seen.txt', dir_fd=os.open('package', os.O_RDONLY)).st_size",
        "np.loadtxt('seen.txt').tolist()",
        "importlib.resources.files('package').joinpath('seen.txt').read_text()",
        "pkgutil.get_data('package', 'seen.txt').decode()",
    ],
)
def test_plain_reads_of_files_are_observed(ws: Workspace, read: str) -> None:
    ws.write("package/__init__.py", "")
    ws.write("package/seen.txt", "1")
    ws.write("seen.txt", "1")
    ws.program(f"import importlib.resources, os, pathlib, pkgutil, numpy as np\n@fn\ndef node(): return {read}\n")
    ws.calyx("build")
    assert ws.runs() == []
    ws.write("seen.txt", "22")
    ws.write("package/seen.txt", "22")
    assert ws.runs() == ["node"]


@pytest.mark.parametrize(
    ("library", "read"),
    [
        ("pandas, pyarrow", "import pandas as pd; return len(pd.read_parquet('seen.parquet'))"),
        ("pyarrow", "import pyarrow.parquet as pq; return pq.read_table('seen.parquet').num_rows"),
        ("pyarrow", "from pyarrow.parquet import ParquetFile; return ParquetFile('seen.parquet').metadata.num_rows"),
        ("pyarrow", "import pyarrow.dataset as ds; return ds.dataset('seen', format='csv').count_rows()"),
        ("pyarrow", "from pyarrow import csv; return csv.read_csv('seen/seen.csv').num_rows"),
        ("polars", "import polars as pl; return pl.read_csv('seen/seen.csv').height"),
        ("polars", "import polars as pl; return pl.scan_csv('seen/*.csv').collect().height"),
        ("polars", "import polars as pl; return pl.read_csv(source='seen/seen.csv').height"),
        ("sqlite3", "import sqlite3; return sqlite3.connect('seen.db').execute('select count(*) from t').fetchone()[0]"),
        ("sqlite3", "import sqlite3 as s; return s.connect('file:seen.db', uri=True).execute('select max(a) from t').fetchone()[0]"),
    ],
)
def test_what_libraries_read_in_native_code_is_observed(ws: Workspace, library: str, read: str) -> None:
    for name in library.split(", "):
        pytest.importorskip(name)

    def write(rows: int) -> None:
        ws.write("seen/seen.csv", "a\n" + "1\n" * rows)
        ws.python(f"import sqlite3; c = sqlite3.connect('seen.db'); c.executescript('drop table if exists t; create table t(a)')\n"
                  f"c.executemany('insert into t values (?)', [[i + 1] for i in range({rows})]); c.commit()")
        if "pyarrow" in library:
            ws.python(f"import pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({{'a': [1] * {rows}}}), 'seen.parquet')")

    write(1)
    ws.program(f"@fn\ndef node():\n    {read}\n")
    assert ws.get("node") == 1
    assert ws.runs() == []
    write(2)
    assert ws.get("node") == 2


def test_functions_of_libraries_that_were_imported_before_are_watched(ws: Workspace) -> None:
    pytest.importorskip("polars")
    ws.write("seen.csv", "a\n1\n")
    ws.write("p.py", "from polars import read_csv\nimport calyx\n@calyx.fn\ndef node(): return len(read_csv('seen.csv'))\ncalyx.serve()\n")
    ws.declare()
    assert ws.get("node") == 1
    ws.write("seen.csv", "a\n1\n1\n")
    assert ws.get("node") == 2


@pytest.mark.parametrize(
    "look",
    [
        "os.path.exists('later')",
        "pathlib.Path('later').exists()",
        "os.path.isfile('later')",
        "os.access('later', os.R_OK)",
        "'later' in os.listdir()",
        "'later' in [e.name for e in os.scandir('.')]",
        "bool(glob.glob('lat*'))",
        "any(p.name == 'later' for p in pathlib.Path('.').iterdir())",
        "'later' in os.listdir(os.open('.', os.O_RDONLY))",
        "'later' in [n for _, _, names, _ in os.fwalk('.') for n in names]",
        "os.access('later', os.F_OK, dir_fd=os.open('.', os.O_RDONLY))",
    ],
)
def test_plain_looks_are_observed(ws: Workspace, look: str) -> None:
    ws.program(f"import glob, os, pathlib\n@fn\ndef node(): return {look}\n")
    assert ws.get("node") is False
    assert ws.runs() == []
    ws.write("later", "")
    assert ws.get("node") is True


@pytest.mark.parametrize(
    "read",
    ["open(OUT + '/link.txt').read()", "open(OUT + '/ws/seen.txt').read()", "os.listdir(OUT + '/ws')", "os.path.exists(OUT + '/ws/later')",
     "os.path.exists(OUT + '/later')", "open(OUT + '/ws/up/../../seen.txt').read()"],
)  # fmt: skip
def test_a_file_of_the_workspace_counts_by_whichever_path_it_is_read(
    ws: Workspace, tmp_path_factory: pytest.TempPathFactory, read: str
) -> None:
    out = tmp_path_factory.mktemp("outside")
    for name, to in (("ws", ""), ("link.txt", "seen.txt"), ("later", "later")):
        (out / name).symlink_to(ws.root / to)
    ws.write("d/e/f.txt", "")
    (ws.root / "up").symlink_to("d/e")
    for name in ("seen.txt", "d/e/seen.txt", "d/seen.txt"):
        ws.write(name, "1")
    ws.program(f"import os\nOUT = {str(out)!r}\n@fn\ndef node(): return {read}\n")
    before = ws.get("node")
    assert ws.runs() == []
    for name in ("seen.txt", "d/seen.txt", "later"):
        ws.write(name, "22")
    assert ws.get("node") != before


def test_where_a_link_leads_and_whether_a_file_may_be_run_count(ws: Workspace) -> None:
    ws.program("import os\n@fn\ndef leads(): return os.readlink('link')\n@fn\ndef may(): return os.access('run.sh', os.X_OK)\n")
    ws.write("run.sh", "")
    (ws.root / "link").symlink_to("run.sh")
    assert (ws.get("leads"), ws.get("may")) == ("run.sh", False)
    assert ws.runs() == []
    (ws.root / "run.sh").chmod(0o755)
    assert ws.get("may") is True
    (ws.root / "link").unlink()
    (ws.root / "link").symlink_to("p.py")
    assert ws.get("leads") == "p.py"


def test_functions_of_os_are_able_to_do_what_they_were(ws: Workspace) -> None:
    """shutil looks up which of them take the number of a folder, and which can leave a link alone."""
    ws.program(
        """
        import os, shutil
        @fn
        def node():
            out = str(calyx.out_dir())
            shutil.copy2("link", out + "/copy", follow_symlinks=False)
            os.makedirs(out + "/d/e")
            shutil.rmtree(out + "/d")
            return [os.readlink(out + "/copy"), os.listdir(out), {os.open, os.stat} <= os.supports_dir_fd]
        """
    )
    (ws.root / "link").symlink_to("p.py")
    assert ws.get("node") == ["p.py", ["copy"], True]
    assert ws.runs() == []


def test_a_link_to_an_output_is_not_followed_before_what_was_read(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def chosen():
            with open("choice.txt") as f:
                return calyx.open("latest").read() if f.read() == "costly" else "cheap"
        """,
        'step("made", sh = "cat data.txt > {out}", outs = ["made.txt"])',
    )
    (ws.root / "latest").symlink_to("made.txt")
    ws.write("data.txt", "data")
    ws.write("choice.txt", "costly")
    assert ws.runs("chosen") == ["chosen", "made"]
    ws.write("data.txt", "more data")
    assert ws.runs("chosen") == ["chosen", "made"]
    ws.write("data.txt", "most data")
    ws.write("choice.txt", "another")
    assert ws.runs("chosen") == ["chosen"]


@pytest.mark.parametrize("first", ["''", "always()"])
def test_what_follows_from_a_read_is_not_looked_at_before_it(ws: Workspace, first: str) -> None:
    ws.program(
        f"""
        @fn
        def always(): return calyx.open("always.txt").read()

        @fn
        def costly(): return calyx.open("data.txt").read()

        @fn
        def chosen():
            before = {first}
            with open("choice.txt") as f:
                return before + (costly() if f.read() == "costly" else "cheap")
        """
    )
    for name in ("always", "data"):
        ws.write(f"{name}.txt", name)
    ws.write("choice.txt", "costly")
    assert "costly" in ws.runs("chosen")
    ws.write("data.txt", "more data")
    ws.write("choice.txt", "another")
    assert ws.runs("chosen") == ["chosen"]
    ws.write("data.txt", "most data")
    assert ws.runs("chosen") == []


def test_what_is_read_at_import_counts_for_all(ws: Workspace) -> None:
    ws.write("config.json", "[1]")
    ws.program("import json\nCONFIG = json.load(open('config.json'))\n@fn\ndef one(): return CONFIG[0]\n@fn\ndef two(): return 2\n")
    assert ws.get("one") == 1
    ws.calyx("build")
    assert ws.runs() == []
    ws.write("config.json", "[5]")
    assert ws.get("one") == 5


@pytest.mark.parametrize("read", ["calyx.open('seen/a').read()", "calyx.listdir('seen')", "calyx.glob('seen/*')", "calyx.exists('seen/b')"])
def test_what_is_asked_for_at_import_counts_for_all(ws: Workspace, read: str) -> None:
    ws.write("seen/a", "1")
    ws.program(f"FOUND = {read}\n@fn\ndef node(): return FOUND\n")
    before = ws.get("node")
    assert ws.runs() == []
    ws.write("seen/a", "22")
    ws.write("seen/b", "3")
    assert ws.get("node") != before


def test_imports_are_no_reads(ws: Workspace) -> None:
    ws.write("helper.py", "def help(): return 1\n")
    ws.program("@fn\ndef node():\n    import helper\n    return helper.help()\n")
    assert ws.get("node") == 1
    assert "helper.py" not in ws.calyx("info", "node").text


def test_source_that_a_node_looks_at_is_read(ws: Workspace) -> None:
    """A node that uses a helper's source sees its comments; one that asks who called it sees none of them."""
    program = "import inspect\n\ndef helper():\n    # One.\n    return 1\n\n@fn\ndef node(): return inspect.{}\n"
    ws.program(program.format("getsource(helper)"))
    assert "# One" in ws.get("node")
    ws.program(program.format("getsource(helper)").replace("One", "Two"))
    assert "# Two" in ws.get("node")
    ws.program(program.format("stack()[0].function"))
    ws.calyx("build")
    ws.program(program.format("stack()[0].function").replace("One", "Two"))
    assert ws.runs() == []


def test_finding_out_what_is_installed_is_no_read(ws: Workspace) -> None:
    """The identity of a function that reaches a package is found while the folder of the program is searched as well."""
    ws.write("lib/near.py", "import google.protobuf\n\ndef version(): return google.protobuf.__version__\n")
    ws.program("import sys; sys.path.insert(0, 'lib')\nimport near\n@fn\ndef f(): return near.version()")
    ws.get("f")
    ws.write("new.txt", "")
    ws.write("lib/new.txt", "")
    assert ws.runs() == []


def test_a_stored_file_is_a_path_that_asks_when_looked_into(ws: Workspace) -> None:
    ws.program(
        """
        class P(Pipeline):
            @stored(path="data")
            def data(self): ...

            @stored(glob="docs/*.md")
            def docs(self): ...

            @stored(env="MODE", default="small")
            def mode(self): ...

            @fn
            def one(self): return (self.data() / "a.txt").read_text()

            @fn
            def all(self): return sorted(f.name for f in self.data())

            @fn
            def opened(self):
                with open(self.data() / "b.txt") as f:
                    return f.read()

            @fn
            def titles(self): return [d.read_text() for d in self.docs()]

            @fn
            def absent(self): return (self.data() / "c.txt").exists()

            @fn
            def size(self): return self.mode()

            @fn
            def none(self): return self.data().name
        """
    )
    for name in ("data/a.txt", "data/b.txt", "docs/x.md", "docs/y.md"):
        ws.write(name, name.split("/")[1].split(".")[0])
    assert [ws.get(n) for n in ("one", "all", "opened", "titles", "absent", "size", "none")] == [
        "a", ["a.txt", "b.txt"], "b", ["x", "y"], False, "small", "data",
    ]  # fmt: skip
    assert ws.runs() == []
    ws.write("data/b.txt", "changed")
    assert ws.runs() == ["opened"]
    ws.write("data/c.txt", "")
    assert ws.runs() == ["absent", "all"]
    ws.write("docs/x.md", "changed")
    assert ws.runs() == ["titles"]
    ws.environ["MODE"] = "big"
    assert ws.get("size") == "big"


def test_a_stored_file_that_is_not_there_is_an_absence(ws: Workspace) -> None:
    ws.program(
        """
        @stored(path="data.csv")
        def raw(): ...

        @stored(path="folder")
        def folder(): ...

        @fn
        def there(): return raw().exists()

        @fn
        def looks():
            whole, sub, a = folder(), folder() / "sub", folder() / "a"
            return [whole.exists(), whole.is_dir(), a.is_file(), sub.is_dir(), a.exists()]

        @fn
        def careful():
            try:
                return raw().read_text()
            except FileNotFoundError:
                return "none"

        @fn
        def needs(): return raw().read_text()
        """,
        'step("sorted", sh = "sort {raw} > {out}", outs = ["sorted.txt"])',
        "default(m.there, m.careful, m.looks)",
    )
    assert ws.runs() == ["careful", "looks", "there"]
    assert [ws.get(n) for n in ("there", "careful", "looks")] == [False, "none", [False] * 5]
    assert ws.runs() == []
    assert "executed" not in ws.calyx("build").text
    assert "there is no such thing: 'raw'" in ws.calyx("build", "needs", status=1).text
    blocked = ws.calyx("build", "sorted", status=1).text
    assert '"data.csv" is not there' in blocked and "blocked   sorted" in blocked
    assert '"data.csv" is not there' in ws.calyx("get", "raw", status=1).text

    ws.write("data.csv", "b")
    assert "sees a new file, data.csv" in ws.calyx("why", "there").out
    assert ws.runs() == ["careful", "there"]
    assert ws.get("needs") == "b" and ws.runs("sorted") == ["sorted"]
    ws.write("data.csv", "changed")
    assert ws.runs() == ["careful"]
    assert ws.get("there") is True

    (ws.root / "data.csv").unlink()
    assert ws.runs() == []
    assert [ws.get("there"), ws.get("careful")] == [False, "none"]
    ws.calyx("build", "sorted", status=1)

    ws.write("folder/sub/x", "")
    assert ws.get("looks") == [True, True, False, True, False]
    ws.write("folder/a", "")
    assert ws.get("looks") == [True] * 5
