"""What comes back equals what went in, types included."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import math
import os
import pathlib
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np
import pytest
from conftest import Workspace, argument_trip

from calyx import File, UnstorableError
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


@dataclasses.dataclass(frozen=True, slots=True)
class Slots:
    x: Any


@dataclasses.dataclass
class Child(Point):
    z: Any = None

    @functools.cached_property
    def opened(self) -> Any:
        return open(os.devnull)


@dataclasses.dataclass
class Listed(list[int]):
    x: int = 0


class Text(str, enum.Enum):
    A = "a"


class Odd(int):
    pass


Trip = Callable[[Any], Any]


def point(x: int, y: Any) -> Point:
    made = object.__new__(Point)
    made.x, made.y = x, y
    return made


def holds_itself() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def attributes(value: Any) -> dict[str, Any]:
    fields = {f.name: getattr(value, f.name, "is not set") for f in dataclasses.fields(value)}
    return fields | {k: v for k, v in getattr(value, "__dict__", {}).items() if k != "opened"}


def grown() -> Any:
    """Return a dataclass with an attribute that is no field, one that is not set, and one that is made when it is asked for."""
    made = object.__new__(Child)
    made.x, made.z = 1, Slots([Slots((1,))])
    made.extra = {1: 2}  # type: ignore[attr-defined]
    assert made.opened
    return made


def local() -> Any:
    @dataclasses.dataclass
    class Local:
        x: int

    return Local(1)


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are equal, with equal types, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (np.ndarray, np.generic)):
        return bool(a.dtype == b.dtype) and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float):
        return math.copysign(1, a) == math.copysign(1, b) and (a == b or (a != a and b != b))
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, dict):
        return same([*a], [*b]) and same([*a.values()], [*b.values()])
    if isinstance(a, (list, tuple, collections.deque)):
        return len(a) == len(b) and all(map(same, a, b))
    if dataclasses.is_dataclass(a):
        return same(attributes(a), attributes(b))
    return bool(a == b)


def is_long(value: Any) -> bool:
    """Tell whether an array is too long for an argument."""
    parts = value.values() if isinstance(value, dict) else [value]
    return any(isinstance(part, np.ndarray) and part.nbytes > 250_000 for part in parts)


def spelled(value: Any) -> str:
    return repr(value)[:40]


VALUES = [
    None, True, 0, -1, 2**63, -(2**200), 0.0, -0.0, 1.0, 1e22, 1e-320, float("nan"), float("inf"), -float("inf"),
    "", "ünïcode 日本 \x00 \u2028", "x" * 100_000, b"", b"\xff\x00", b"x" * 100_000, bytearray(b"ab"), 1j, complex(float("nan"), -0.0),
    [], [1, [2, [None]]], (), (1,), (1, (2, [3])), [(1, 2)], {}, {"a": 1}, {1: "a", "1": "b"}, {(1, 2): {3}}, {"$tuple": [1]},
    {"$parts": 1, "b": 2}, {True: 1, 2: False}, {None: 0}, {1.0: 1}, {"b": 1, "a": 2}, set(), {1, 2}, frozenset({"a"}), range(1, 9, 2),
    collections.OrderedDict(b=1, a=2), collections.deque([1, 2], 5), ..., decimal.Decimal("1.10"), fractions.Fraction(1, 3),
    uuid.UUID(int=5), datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=datetime.timezone.utc, fold=1),
    datetime.time(1, 2), datetime.timedelta(days=-1, microseconds=1), pathlib.Path("a/b"), pathlib.PurePosixPath("/x"),
    point(1, [point(2, (3,))]), Frozen("n"), Pair(1, (2,)), Color.RED, Flag.A, Flag.A | Flag.B, [Color.RED, {"p": Pair(1, None)}],
    Slots(1), grown(), Text.A, {Color.RED: 1, Slots(1): 2, b"k": 3, "$x": 4}, 10**4000, {"$parts": [1]}, [True, 1, 1.0, "1"],
    list(range(50_000)), {str(i): float(i) for i in range(10_000)},
]  # fmt: skip

ARRAYS = [
    np.arange(6.0).reshape(2, 3), np.array(3), np.zeros((0, 4), np.int8), np.arange(100_000), np.array(["a", "bc"]), np.array([b"x"]),
    np.array([True, False]), np.array([1 + 2j]), np.array([np.nan, -0.0]), np.array(["2024-01-01"], "datetime64[D]"), np.float16([1]),
    np.zeros(2, [("a", "<i4"), ("b", "<f8")]), np.float32(1.5), np.int64(7), np.bool_(True), {"w": np.ones(3), "b": np.zeros((2, 2))},
    [np.ones(2), np.zeros(3)], [1, np.ones(2)], {"a": 1, "b": np.ones(70_000)}, (np.ones(2), {"x": [np.zeros(1, np.uint8)]}),
    point(1, np.arange(3)), [point(1, np.arange(3))], {1: np.arange(3)}, np.float16(1), np.complex128(1j), np.uint8([[]]), np.str_("a"),
    np.bytes_(b"x"), np.datetime64("2024-01-01"), np.timedelta64(5, "ms"), np.datetime64("NaT"), np.longdouble(1) / 3,
    np.array([1, 2], np.longdouble) / 3, np.array(["2024-01-01T00:00:00.5", "NaT"], "datetime64[ns]"), np.array([b"a\0b", b""]),
    np.zeros(2, [("a", "<i4", (2, 3)), ("b", [("c", "u1")])]), np.zeros(2, np.dtype([("a", "u1"), ("b", "<f8")], align=True)),
    np.zeros(1, [("a", "<i4")])[0], np.void(b"abc"), np.zeros(2, "V5"), {"t": np.array(["a"]), "d": np.array([1], "datetime64[D]")},
    {"__metadata__": np.ones(2), "b": np.ones(1)}, {"": np.ones(1)}, {"a": np.float32(1), "b": np.int64(2)}, {"c": np.ones(2, complex)},
    np.array([0x7FF0_0000_0000_0001], np.uint64).view(float), np.arange(5)[::-1], np.broadcast_to(np.arange(2), (3, 2)),
]  # fmt: skip


RECORDS = np.rec.array([(1,)], [("a", int)])

OTHERS = [
    object(), lambda: 1, [open], {"a": {"b": object()}}, "\ud800", {"\ud800": 1}, pathlib.Path("\udcff"), 10**5000, holds_itself(),
    (i for i in "ab"), iter([]), memoryview(b""), math, Point, ValueError("x"), Odd(3), Listed(), local(), collections.Counter("a"),
    collections.defaultdict(list),
    np.array([object()]), {"a": np.array([None])}, np.ma.array([1]), RECORDS, RECORDS[0],
    np.zeros(1, [("a", object)]), np.zeros(1, "V0"), np.dtype("f4"), np.float32, {"\ud800": np.ones(1)},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES + ARRAYS, ids=spelled)
def test_values_come_back_equal(value: Any, round_trip: Trip) -> None:
    assert same(round_trip(value), value)


@pytest.mark.parametrize("value", VALUES[:-2] + [v for v in ARRAYS if not is_long(v)], ids=spelled)
def test_arguments_come_back_equal(value: Any) -> None:
    assert same(argument_trip(value), value)


@pytest.mark.parametrize("kind", [datetime.datetime(2024, 1, 1, fold=1), datetime.time(1)])
def test_time_zones_keep_their_names(kind: Any, round_trip: Trip) -> None:
    zones = [datetime.timezone(datetime.timedelta(hours=9), "JST"), datetime.timezone(datetime.timedelta(hours=9)), datetime.timezone.utc]
    for zone in zones:
        value = kind.replace(tzinfo=zone)
        assert repr(round_trip(value)) == repr(argument_trip(value)) == repr(value)


def test_an_array_of_strings_of_any_length_is_refused_as_that(round_trip: Trip) -> None:
    if not hasattr(np.dtypes, "StringDType"):
        pytest.skip("this numpy has none")
    with pytest.raises(UnstorableError, match="StringDType"):
        round_trip(np.array(["a"], np.dtypes.StringDType()))


@pytest.mark.parametrize("value", OTHERS, ids=lambda v: type(v).__name__)
def test_other_values_are_errors(value: Any, round_trip: Trip) -> None:
    with pytest.raises(UnstorableError):
        round_trip(value)


def test_the_error_names_the_value_and_the_serializers(round_trip: Trip) -> None:
    with pytest.raises(UnstorableError, match=r"the value\['a'\]\[1\] is a builtins:object.*serializer=\"pickle\""):
        round_trip({"a": [1, object()]})


def test_memory_order_and_byte_order_are_not_shown(round_trip: Trip) -> None:
    for array in (np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(6, dtype=">f8"), np.arange(10.0)[::2]):
        back = round_trip(array)
        assert np.array_equal(round_trip({"a": array})["a"], array)
        assert np.array_equal(back, array)
        assert back.flags.c_contiguous and back.flags.aligned and back.dtype.isnative


def test_large_arrays_are_mapped(round_trip: Trip) -> None:
    back = round_trip(np.arange(1_000_000))
    base = back
    while getattr(base, "base", None) is not None:
        base = base.base
    assert "mmap" in repr(base.obj if isinstance(base, memoryview) else base)
    back[0] = 7  # in memory alone


ML_TYPES = [name for name, kind in sorted(vars(ml_dtypes).items()) if isinstance(kind, type) and issubclass(kind, np.generic)]


@pytest.mark.parametrize("name", ML_TYPES)
def test_types_that_numpy_lacks_stay(name: str, round_trip: Trip) -> None:
    array = np.array([[0, 1, 0]], getattr(ml_dtypes, name))
    for value in (array, array[0, 1], array[0, 1].reshape(()), array[:, :0], {"a": array, "b": array[0]}, [array]):
        assert same(round_trip(value), value)
        assert same(argument_trip(value), value)


def test_a_structure_of_such_types_is_an_error(round_trip: Trip) -> None:
    with pytest.raises(UnstorableError, match="which cannot be stored; convert it first"):
        round_trip(np.zeros(2, [("a", ml_dtypes.bfloat16)]))


def test_files_come_back_with_their_content(round_trip: Trip, tmp_path: pathlib.Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x.txt").write_text("hello")
    assert round_trip(File(tmp_path / "d" / "x.txt")).read_text() == "hello"
    assert [f.read_text() for f in round_trip([File(tmp_path / "d" / "x.txt")])] == ["hello"]
    assert os.listdir(round_trip(File(tmp_path / "d"))) == ["x.txt"]
    assert round_trip({"f": File(tmp_path / "d" / "x.txt")})["f"].read_text() == "hello"


def test_a_file_is_no_argument() -> None:
    with pytest.raises(UnstorableError, match=r"x\[0\] is a calyx.File, which cannot be an argument"):
        argument_trip([File("a.txt")])


def test_times_keep_their_zone(round_trip: Trip) -> None:
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    for value in (datetime.datetime(2024, 10, 27, 2, 30, tzinfo=berlin, fold=1), datetime.time(1, 2, tzinfo=berlin)):
        for back in (round_trip(value), argument_trip(value)):
            assert (back, back.fold, back.tzinfo) == (value, value.fold, berlin)
    with pytest.raises(UnstorableError, match="cannot be stored; use"):
        round_trip(datetime.datetime(2024, 1, 1, tzinfo=OddZone()))


class OddZone(datetime.tzinfo):
    """A zone that nobody else knows."""

    def utcoffset(self, dt: datetime.datetime | None) -> datetime.timedelta:
        return datetime.timedelta(hours=1)


def test_a_dataclass_that_is_not_loaded_is_an_error() -> None:
    message = Encoder(str, lambda path: False).encode(Frozen("n"))
    message.inline = message.inline.replace(b"Frozen", b"os.system")
    with pytest.raises(UnstorableError):
        Decoder(str).decode(message)


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
