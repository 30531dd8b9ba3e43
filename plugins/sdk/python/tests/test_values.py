"""What comes back equals what went in, types included."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import os
import pathlib
import uuid
from typing import Any, NamedTuple

import numpy as np
import pytest
from conftest import Workspace

from calyx import File, UnstorableError
from calyx._literals import literal, unpack_literal
from calyx._transport import Decoder, Encoder


@dataclasses.dataclass
class Point:
    x: int
    y: Any = None

    def __post_init__(self) -> None:
        raise AssertionError("reading a value runs no code")


@dataclasses.dataclass(frozen=True)
class Frozen:
    name: str


class Pair(NamedTuple):
    left: int
    right: object


class Color(enum.Enum):
    RED = 1


class Flag(enum.IntFlag):
    A = 1
    B = 2


def point(x: int, y: Any) -> Point:
    made = object.__new__(Point)
    made.x, made.y = x, y
    return made


def holds_itself() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.fixture
def new_file(tmp_path: pathlib.Path) -> Any:
    count = iter(range(1_000_000))
    return lambda end: str(tmp_path / f"{next(count)}{end}")


def round_trip(value: Any, new_file: Any) -> Any:
    message = Encoder(new_file, lambda path: False).encode(value)
    return Decoder(new_file).decode(type(message).FromString(message.SerializeToString()))


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are equal, with equal types, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or (a != a and b != b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, dict):
        return same([*a], [*b]) and same([*a.values()], [*b.values()])
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(map(same, a, b))
    if dataclasses.is_dataclass(a):
        return same(vars(a), vars(b))
    return bool(a == b)


VALUES = [
    None, True, 0, -1, 2**63, -(2**200), 0.0, -0.0, 1.0, 1e22, 1e-320, float("nan"), float("inf"), -float("inf"),
    "", "ünïcode 日本 \x00 \u2028", "x" * 100_000, b"", b"\xff\x00", b"x" * 100_000, bytearray(b"ab"), 1j, complex(float("nan"), -0.0),
    [], [1, [2, [None]]], (), (1,), (1, (2, [3])), [(1, 2)], {}, {"a": 1}, {1: "a", "1": "b"}, {(1, 2): {3}}, {"$tuple": [1]},
    {"$parts": 1, "b": 2}, {True: 1, 2: False}, {None: 0}, {1.0: 1}, {"b": 1, "a": 2}, set(), {1, 2}, frozenset({"a"}), range(1, 9, 2),
    collections.OrderedDict(b=1, a=2), collections.deque([1, 2], 5), ..., decimal.Decimal("1.10"), fractions.Fraction(1, 3),
    uuid.UUID(int=5), datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.timezone.utc, fold=1),
    datetime.time(1, 2), datetime.timedelta(days=-1, microseconds=1), pathlib.Path("a/b"), pathlib.PurePosixPath("/x"),
    point(1, [point(2, (3,))]), Frozen("n"), Pair(1, (2,)), Color.RED, Flag.A, Flag.A | Flag.B, [Color.RED, {"p": Pair(1, None)}],
    list(range(50_000)), {str(i): float(i) for i in range(10_000)},
]  # fmt: skip

ARRAYS = [
    np.arange(6.0).reshape(2, 3), np.array(3), np.zeros((0, 4), np.int8), np.arange(100_000), np.array(["a", "bc"]), np.array([b"x"]),
    np.array([True, False]), np.array([1 + 2j]), np.array([np.nan, -0.0]), np.array(["2024-01-01"], "datetime64[D]"), np.float16([1]),
    np.zeros(2, [("a", "<i4"), ("b", "<f8")]), np.float32(1.5), np.int64(7), np.bool_(True), {"w": np.ones(3), "b": np.zeros((2, 2))},
    [np.ones(2), np.zeros(3)], [1, np.ones(2)], {"a": 1, "b": np.ones(70_000)}, (np.ones(2), {"x": [np.zeros(1, np.uint8)]}),
    point(1, np.arange(3)), [point(1, np.arange(3))], {1: np.arange(3)},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES + ARRAYS, ids=lambda v: repr(v)[:40])
def test_values_come_back_equal(value: Any, new_file: Any) -> None:
    assert same(round_trip(value, new_file), value)


@pytest.mark.parametrize("value", VALUES[:-2] + ARRAYS[:3], ids=lambda v: repr(v)[:40])
def test_arguments_come_back_equal(value: Any) -> None:
    assert same(unpack_literal(literal(value, "x")), value)


@pytest.mark.parametrize("value", [object(), lambda: 1, [open], {"a": {"b": object()}}, np.array([object()]), "\ud800", holds_itself()])
def test_other_values_are_errors(value: Any, new_file: Any) -> None:
    with pytest.raises(UnstorableError):
        round_trip(value, new_file)


def test_the_error_names_the_value_and_the_serializers(new_file: Any) -> None:
    with pytest.raises(UnstorableError, match=r"the value\['a'\]\[1\] is a builtins:object.*serializer=\"pickle\""):
        round_trip({"a": [1, object()]}, new_file)


def test_memory_order_and_byte_order_are_not_shown(new_file: Any) -> None:
    for array in (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6, dtype=">f8"), np.arange(10.0)[::2]):
        back = round_trip(array, new_file)
        assert np.array_equal(back, array)
        assert back.flags.c_contiguous and back.flags.aligned and back.dtype.isnative


def test_large_arrays_are_mapped(new_file: Any) -> None:
    back = round_trip(np.arange(1_000_000), new_file)
    base = back
    while getattr(base, "base", None) is not None:
        base = base.base
    assert "mmap" in repr(base.obj if isinstance(base, memoryview) else base)
    back[0] = 7  # in memory alone


def test_bfloat16_stays_bfloat16(new_file: Any) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = np.array([1, 2.5, float("nan")], ml_dtypes.bfloat16)
    assert same(round_trip(array, new_file), array)


def test_torch(new_file: Any) -> None:
    torch = pytest.importorskip("torch")
    state = {"w": torch.arange(6, dtype=torch.bfloat16).reshape(2, 3), "b": torch.nn.Parameter(torch.ones(2))}
    back = round_trip(state, new_file)
    assert type(back["b"]) is torch.nn.Parameter and back["w"].dtype is torch.bfloat16
    assert torch.equal(back["w"], state["w"]) and torch.equal(back["b"], state["b"])
    assert torch.equal(round_trip(torch.tensor(3), new_file), torch.tensor(3))


def test_jax(new_file: Any) -> None:
    jnp = pytest.importorskip("jax.numpy")
    array = jnp.arange(6, dtype=jnp.bfloat16).reshape(2, 3)
    back = round_trip(array, new_file)
    assert type(back) is type(array) and back.dtype == array.dtype and bool((back == array).all())


def test_tables(new_file: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([5, 6], name="i"))
    pd.testing.assert_frame_equal(round_trip(frame, new_file), frame)
    series = pd.Series([1.5, 2.5])
    pd.testing.assert_series_equal(round_trip(series, new_file), series)
    table = pa.Table.from_pandas(frame)
    assert round_trip(table, new_file).equals(table, check_metadata=True)
    polars = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], [2, 3]]})
    assert round_trip(polars, new_file).equals(polars)
    assert round_trip(polars["a"], new_file).equals(polars["a"])
    assert round_trip({"t": polars, "n": 1}, new_file)["t"].equals(polars)


def test_files_come_back_with_their_content(new_file: Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.txt").write_text("hello")
    assert round_trip(File(tmp_path / "d" / "x.txt"), new_file) == b"hello"
    assert os.listdir(round_trip(File(tmp_path / "d"), new_file)) == ["x.txt"]
    assert round_trip({"f": File(tmp_path / "d" / "x.txt")}, new_file)["f"].read_text() == "hello"


def test_a_dataclass_that_is_not_loaded_is_an_error(new_file: Any) -> None:
    message = Encoder(new_file, lambda path: False).encode(Frozen("n"))
    message.inline = message.inline.replace(b"Frozen", b"os.system")
    with pytest.raises(UnstorableError):
        Decoder(new_file).decode(message)


def test_pickles_need_a_choice_and_a_flag(ws: Workspace) -> None:
    program = """
        class Odd:
            def __init__(self, n): self.n = n

        @fn(serializer="pickle")
        def odd(): return Odd(5)

        @fn
        def number(): return odd().n
        """
    ws.program(program)
    assert "CALYX_ALLOW_PICKLE" in ws.calyx("get", "number", status=1).text
    ws.program(program, plugin='env = {"CALYX_ALLOW_PICKLE": "1"}')
    assert ws.get("number") == 5


def test_values_pass_through_builds(ws: Workspace) -> None:
    ws.program(
        """
        import dataclasses, numpy as np

        @dataclasses.dataclass
        class Model:
            weights: np.ndarray
            shape: tuple[int, int]

        @fn
        def model(): return Model(np.arange(200_000.0), (1, 2))

        @fn
        def check(): return [float(model().weights.sum()), type(model()).__name__, list(model().shape), list(twice(model().shape))]

        @fn
        def twice(t=()): return t + t
        """
    )
    assert ws.get("check") == [19999900000.0, "Model", [1, 2], [1, 2, 1, 2]]
