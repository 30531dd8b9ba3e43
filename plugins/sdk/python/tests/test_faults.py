"""Bad input, and the mistakes of the library that calyx descends from: each is a script that fails where calyx repeats one."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest
from conftest import CALYX, Workspace


@pytest.mark.skipif(sys.platform != "linux", reason="memory is watched on Linux")
def test_a_node_that_takes_memory_without_end(ws: Workspace) -> None:
    ws.program(
        """
        import time

        @fn(mem="300MB", retries=2)
        def endless():
            kept = []
            while True:
                kept.append(b"x" * 10_000_000)
                time.sleep(0.01)

        @fn(mem="300MB")
        def small(): return 1
        """
    )
    err = ws.calyx("build", "-k", status=1).err
    assert 'plugin "p" held' in err and "more than its mem of 300 MB, and was killed" in err
    assert "attempt" not in err
    assert ws.get("small") == 1


def test_long_arrays_that_differ_in_the_middle(ws: Workspace) -> None:
    ws.program(
        """
        import numpy as np

        @fn
        def middle(a): return int(a[2500])

        @fn
        def both():
            one = np.zeros(5000, np.int32)
            two = one.copy()
            two[2500] = 1
            return [middle(one), middle(two)]
        """
    )
    assert ws.get("both") == [0, 1]


def test_floats_that_differ_little(ws: Workspace) -> None:
    ws.program("@fn\ndef same(x): return repr(x)\n\n@fn\ndef both(): return [same(1.0), same(1.0 + 1e-12)]\n")
    assert ws.get("both") == ["1.0", "1.000000000001"]


def test_objects_with_the_same_repr(ws: Workspace) -> None:
    ws.program(
        """
        import dataclasses

        @dataclasses.dataclass
        class Odd:
            n: int
            def __repr__(self): return "Odd"

        @fn
        def n_of(odd): return odd.n

        @fn
        def both(): return [n_of(Odd(1)), n_of(Odd(2))]
        """
    )
    assert ws.get("both") == [1, 2]


def test_a_list_that_is_changed_after_the_call(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def total(items): return sum(items)

        @fn
        def numbers(): return [1, 2]

        @fn
        def both():
            items = [1, 2]
            first = total(items)
            items.append(3)
            numbers().append(5)
            return [first, total(items), numbers()]
        """
    )
    assert ws.get("both") == [3, 6, [1, 2]]


def test_set_before_the_first_read_and_of_a_misspelt_name(ws: Workspace) -> None:
    ws.program("@stored\ndef rate(): return 1\n\n@fn\ndef node(): return rate()\n")
    ws.calyx("set", "rate", "5")
    assert ws.get("node") == 5
    assert 'did you mean "rate"' in ws.calyx("set", "rat", "6", status=2).text


def test_an_exception_then_mended_input(ws: Workspace) -> None:
    ws.program("@stored\ndef x(): return 0\n\n@fn\ndef inverse(): return 1 / x()\n")
    assert "ZeroDivisionError" in ws.calyx("build", status=1).text
    ws.calyx("set", "x", "2")
    assert ws.get("inverse") == 0.5


def test_a_global_is_code(ws: Workspace) -> None:
    ws.program("SCALE = 2\n\n@fn\ndef node(): return SCALE\n")
    assert ws.get("node") == 2
    ws.program("SCALE = 3\n\n@fn\ndef node(): return SCALE\n")
    assert ws.get("node") == 3


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os; os._exit(3)", "exit status 3"),
        ("import ctypes; ctypes.string_at(0)", "segmentation fault"),
        ("import time; time.sleep(600)", "ran for longer"),
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise ValueError('it begins' + 'x' * 5_000_000 + 'it ends')", "characters are left out"),
    ],
)
def test_a_node_that_ends_badly_does_not_take_others_along(ws: Workspace, body: str, said: str) -> None:
    ws.program(f"@fn(timeout='2s')\ndef bad(): {body}\n\n@fn\ndef good(): return 1\n")
    assert said in ws.calyx("build", "--keep-going", status=1).text
    assert ws.get("good") == 1


def test_unicode_names(ws: Workspace) -> None:
    ws.program("@fn\ndef node(naïve='ü'): return calyx.open('größe/日本.txt').read() + naïve\n".replace("naïve", "n"))
    ws.write("größe/日本.txt", "é")
    assert ws.get("node") == "éü"


def test_a_syntax_error_shows_file_and_line(ws: Workspace) -> None:
    ws.program("@fn\ndef node(): return 1\n")
    ws.write("p.py", "import calyx\n\ndef broken(:\n    pass\n")
    outcome = ws.calyx("build", status=2)
    assert "p.py" in outcome.text and "line 3" in outcome.text


def test_a_large_value(ws: Workspace) -> None:
    ws.program(
        """
        import numpy as np

        @fn
        def big(): return np.arange(20_000_000)

        @fn
        def last(): return int(big()[-1])
        """
    )
    assert ws.get("last") == 19_999_999


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@fn\ndef f(*args): return 1", "has no name of its own"),
        ("@fn\ndef f(): yield 1", "is a generator"),
        ("@fn\nasync def f(): return 1", "@async_fn is for"),
        ("@fn(pool='gpu')\ndef f(): return 1", 'unknown pool "gpu"'),
            ("@fn(retires=2)\ndef f(): return 1", "there is no option 'retires' (did you mean 'retries'?)"),
            ("@fn(env=['X'])\ndef f(): return 1", "variables are given to the whole plugin"),
            ("@fn(batch=3)\ndef f(): return 1", 'option "batch" is not supported by this version'),
            ("@fn(timeout='soon')\ndef f(): return 1", "timeout: "),
        ("@stored\ndef f(): return object()\n@fn\ndef g(): return 1", "cannot store"),
        ("@stored\ndef f(): return 1\n@stored\ndef h(): return f()\n@fn\ndef g(): return 1", "a default is a constant"),
        ("class A(Pipeline):\n    def __init__(self): pass", "a pipeline holds nothing"),
        ("class A:\n    @fn\n    def f(self): return 1", "no calyx.Pipeline"),
        ("@fn\ndef f(x=object()): return 1", "the default of 'x'"),
    ],
)
def test_declarations_that_cannot_be(ws: Workspace, text: str, said: str) -> None:
    ws.program("@fn\ndef f(): return 1\n")
    ws.write("p.py", f"import calyx\nfrom calyx import *\n\n{text}\n\ncalyx.serve()\n")
    # What the program says of itself is its failure; an option that the Calyxfile does not take is the Calyxfile's.
    assert said in ws.calyx("build", status=2 if text.startswith(("@fn(pool", "@fn(batch", "@fn(timeout")) else 1).text


def test_a_program_that_is_started_by_hand_says_what_it_is(ws: Workspace) -> None:
    ws.program("@fn\ndef f(): return 1\n")
    outcome = ws.python("import runpy; runpy.run_path('p.py', run_name='__main__')", status=1)
    assert "plugin for calyx" in outcome.err


@pytest.mark.parametrize(("text", "said"), [("def länge(): return 1", 'function "länge"'), ("def f(naïve): return 1", 'parameter "naïve"')])
def test_names_that_calyx_does_not_have_are_told(ws: Workspace, text: str, said: str) -> None:
    ws.program(f"@fn\n{text}\n")
    assert f"{said}: that is no name: letters (A to Z), digits" in ws.calyx("build", status=1).text


def test_a_set_during_a_computation_is_not_lost(ws: Workspace) -> None:
    ws.environ["PATH"] = str(pathlib.Path(CALYX).parent) + os.pathsep + ws.environ["PATH"]
    ws.program(
        """
        import subprocess

        @stored
        def x(): return 1

        @fn
        def first():
            seen = x()
            subprocess.run(["calyx", "set", "x", "5"], check=True)
            return seen

        @fn
        def both(): return [first(), x()]
        """
    )
    assert ws.get("both") == [1, 1]
    assert ws.get("both") == [5, 5]
    assert ws.runs() == []


def test_cutoff_is_by_version_for_readers_that_come_late(ws: Workspace) -> None:
    ws.program(
        """
        @stored
        def x(): return 10

        @fn
        def tens(): return x() // 10

        @fn
        def one(): return tens()

        @fn
        def two(): return tens()
        """
    )
    assert [ws.get("one"), ws.get("two")] == [1, 1]
    ws.calyx("set", "x", "15")
    assert ws.get("one") == 1
    ws.calyx("set", "x", "26")
    assert ws.get("one") == 2
    assert ws.get("two") == 2


def test_attributes_of_classes_and_objects_are_code(ws: Workspace) -> None:
    def write(a: int, b: int) -> None:
        ws.program(
            f"""
            class Config:
                scale = {a}

            class P(Pipeline):
                factor = {b}

                @fn
                def scaled(self): return Config.scale

                @fn
                def times(self): return self.factor * 2

                @fn
                def other(self): return 1
            """
        )

    write(1, 2)
    assert [ws.get("scaled"), ws.get("times"), ws.get("other")] == [1, 4, 1]
    write(3, 2)
    assert ws.runs() == ["scaled"]
    write(3, 4)
    assert ws.runs() == ["times"]
    assert [ws.get("scaled"), ws.get("times")] == [3, 8]
