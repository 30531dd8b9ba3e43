"""Frames of pandas and polars and tables of Arrow come back equal, types included."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import Workspace, argument_trip

from calyx import UnstorableError

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")

Trip = Callable[[Any], Any]


def same(a: Any, b: Any) -> bool:
    """Tell whether two tables are equal, with all that they are made of."""
    assert type(a) is type(b)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b, check_exact=True, check_freq=True, check_flags=True)
        assert a.columns.identical(b.columns) and a.index.identical(b.index)
        return (type(a.index), type(a.columns), a.attrs) == (type(b.index), type(b.columns), b.attrs) and same_objects(a, b)
    if isinstance(a, pd.Series):
        return type(a.name) is type(b.name) and a.name == b.name and same(a.to_frame(name="x"), b.to_frame(name="x"))
    if isinstance(a, pl.DataFrame):
        return bool(a.schema == b.schema and a.equals(b))
    if isinstance(a, pl.Series):
        return bool(a.name == b.name and a.dtype == b.dtype and a.equals(b))
    a, b = a.unify_dictionaries(), b.unify_dictionaries()  # several dictionaries of one column become one
    return bool(a.equals(b, check_metadata=True))


def same_objects(a: Any, b: Any) -> bool:
    """Tell whether the elements of object columns have their types, which comparing frames does not ask."""
    ours = [i for i, kind in enumerate(a.dtypes) if str(kind) == "object"]
    return all([*map(type, a.iloc[:, i])] == [*map(type, b.iloc[:, i])] for i in ours)


def objects(*values: Any) -> Any:
    return pd.DataFrame({"a": pd.Series(values, dtype=object), "n": range(len(values))})


def with_attrs() -> Any:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"unit": ("m", 1)}
    return frame


def frame(**options: Any) -> Any:
    return pd.DataFrame([[1, 2.5], [3, -0.0]], **options)


PANDAS: dict[str, Callable[[], Any]] = {
    "a range": frame,
    "another range": lambda: frame(index=pd.RangeIndex(3, 7, 2, name="r")),
    "text": lambda: frame(index=["x", "y"], columns=["a", "b"]),
    "objects in an index": lambda: frame(index=pd.Index([1, "x"], dtype=object), columns=pd.Index(["a", 1], name="c")),
    "levels": lambda: frame(index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["i", None])),
    "levels of columns": lambda: frame(columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["p", "q"])),
    "columns of one name": lambda: frame(columns=["a", "a"]),
    "no name": lambda: frame(columns=[None, "index 0"], index=["x", "y"]),
    "names that are no text": lambda: frame(index=pd.Index([1, 2], name=("x", 5)), columns=pd.Index([2.5, 3.5], name=7)),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", None], ["y", "x"], ordered=True), "b": pd.Categorical([2, 1])}),
    "an index of categories": lambda: frame(index=pd.CategoricalIndex(["x", "y"], categories=["y", "x", "z"])),
    "time zones": lambda: pd.DataFrame({z: pd.date_range("2024", periods=3, tz=z) for z in ("Europe/Berlin", "UTC", "+02:00")}),
    "units of time": lambda: pd.DataFrame({u: pd.Series(["2024-01-01", None], dtype=f"datetime64[{u}]") for u in ("s", "ms", "us", "ns")}),
    "durations": lambda: pd.DataFrame({"t": pd.to_timedelta([1, None], unit="s")}),
    "a frequency": lambda: pd.DataFrame({"a": range(3)}, index=pd.date_range("2024", periods=3, freq="2D", tz="Asia/Tokyo")),
    "an irregular index of time": lambda: frame(index=pd.DatetimeIndex(["2024", "2021"], name="t")),
    "periods": lambda: pd.DataFrame({"p": pd.period_range("2024", periods=2, freq="M")}, pd.period_range("2024", periods=2, freq="D")),
    "intervals": lambda: pd.DataFrame({"p": pd.interval_range(0, 2, closed="both")}),
    "types with a missing value": lambda: pd.DataFrame(
        {k: pd.array([v, None], dtype=k) for k, v in {"Int8": 1, "UInt64": 2**63, "boolean": True, "Float32": 0.5, "string": "a"}.items()}
    ),
    "text of Arrow": lambda: pd.DataFrame({"s": pd.array(["a", None], dtype="string[pyarrow]")}),
    "types of Arrow": lambda: pd.DataFrame({"s": pd.array([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int64())))}),
    "types of numpy": lambda: pd.DataFrame({k: np.array([0, 1], k) for k in ("bool", "int8", "uint16", "float16", "float32")}),
    "odd floats": lambda: pd.DataFrame({"a": [float("nan"), -0.0, float("inf"), 5e-324]}),
    "text or None": lambda: objects("x", None),
    "text or NaN": lambda: objects("x", float("nan")),
    "numbers or None": lambda: objects(1, None),
    "whatever": lambda: objects(1, 2**70, 1.5, True, b"x", "y", (1, [2]), {"k": 1}, {"j": 2}, decimal.Decimal("1.10")),
    "dates": lambda: objects(datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1), None),
    "only None": lambda: objects(None, None),
    "lists": lambda: objects([1], [2, 3], []),
    "nothing": pd.DataFrame,
    "no rows": lambda: pd.DataFrame({"a": pd.Series([], dtype="int32"), "b": pd.Series([], dtype=object)}),
    "no columns": lambda: pd.DataFrame(index=[1, 2]),
    "attributes": with_attrs,
    "unique labels": lambda: frame().set_flags(allows_duplicate_labels=False),
    "many rows": lambda: pd.DataFrame({"a": np.arange(100_000), "b": ["x", None] * 50_000}),
    "series": lambda: [pd.Series([1, 2], name=n) for n in (None, "n", "", 3, ("a", 1))],
    "series of categories": lambda: pd.Series(["a", "b"], dtype="category", index=pd.Index([5, 6], name="n"), name="n"),
    "series of objects": lambda: pd.Series([(1,), "x"], dtype=object),
}

POLARS: dict[str, Callable[[], Any]] = {
    "types": lambda: pl.DataFrame(
        [
            pl.Series("i", [1, None], dtype=pl.Int8), pl.Series("u", [1, 2**63], dtype=pl.UInt64), pl.Series("f", [-0.0, float("nan")]),
            pl.Series("b", [True, None]), pl.Series("x", [b"x", b""]), pl.Series("d", [datetime.date(2024, 1, 1), None]),
            pl.Series("t", [datetime.datetime(2024, 1, 1)] * 2, dtype=pl.Datetime("ms", "Europe/Berlin")), pl.Series("n", [None, None]),
            pl.Series("c", ["y", "x"], dtype=pl.Categorical), pl.Series("e", ["y", "x"], dtype=pl.Enum(["x", "y", "z"])),
            pl.Series("l", [[1], []]), pl.Series("s", [{"x": [1]}, {"x": None}]), pl.Series("a", [[1, 2]] * 2, dtype=pl.Array(pl.Int32, 2)),
            pl.Series("de", [decimal.Decimal("1.1"), None], dtype=pl.Decimal(10, 2)), pl.Series("du", [datetime.timedelta(1), None]),
        ]
    ),
    "nothing": pl.DataFrame,
    "no rows": lambda: pl.DataFrame(schema={"a": pl.Int8, "日本": pl.String}),
    "pieces": lambda: pl.concat([pl.DataFrame({"a": [1]}), pl.DataFrame({"a": [2]})], rechunk=False),
    "series": lambda: [pl.Series("n", [1, None]), pl.Series([1.5]), pl.Series("n", ["a"], dtype=pl.Categorical), pl.Series([{"a": 1}])],
}  # fmt: skip

ARROW: dict[str, Callable[[], Any]] = {
    "metadata": lambda: pa.table({"a": [1]}).replace_schema_metadata({b"k": b"v", b"\xff": b"\xfe"}),
    "fields": lambda: pa.table([[1]], schema=pa.schema([pa.field("a", pa.int64(), nullable=False, metadata={b"x": b"y"})])),
    "dictionaries": lambda: pa.table(
        {
            "a": pa.array(["x", "y", "x"]).dictionary_encode(),
            "o": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int8()), pa.array(["a", "b"]), ordered=True),
            "in": pa.array([["x"], ["y"], []], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
        }
    ),
    "a dictionary for each piece": lambda: pa.table(
        {"a": pa.chunked_array([pa.array(["x"]).dictionary_encode(), pa.array(["y", "x"]).dictionary_encode()])}
    ),
    "nested": lambda: pa.table({"a": [{"x": [1], "y": {"z": None}}], "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))}),
    "types": lambda: pa.table(
        {
            "l": pa.array(["x"], pa.large_string()), "f": pa.array([b"ab"], pa.binary(2)), "h": pa.array([np.float16(1)], pa.float16()),
            "d": pa.array([decimal.Decimal("1.1")], pa.decimal128(5, 1)), "nul": pa.nulls(1), "t": pa.array([1], pa.timestamp("s", "UTC")),
            "u": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1]), pa.array(["x"])]),
        }
    ),
    "pieces": lambda: pa.concat_tables([pa.table({"a": [1]}), pa.table({"a": [2]})]),
    "a part": lambda: pa.table({"a": list(range(10))}).slice(3, 4),
    "columns of one name": lambda: pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
    "nothing": lambda: pa.table({}),
    "made by pandas": lambda: pa.Table.from_pandas(frame(index=pd.Index([1, 2], name="i"), columns=["a", "b"])),
}  # fmt: skip

TABLES = [*PANDAS.items(), *POLARS.items(), *ARROW.items()]


@pytest.mark.parametrize("make", [make for _, make in TABLES], ids=[what for what, _ in TABLES])
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_tables_come_back_equal(make: Callable[[], Any], round_trip: Trip) -> None:
    assert same(make(), round_trip(make()))
    assert same([make(), make()], round_trip([make(), make()]))
    if len(make()) < 1000:
        assert same(make(), argument_trip(make()))


def test_tables_that_cannot_be_stored(round_trip: Trip) -> None:
    for value, said in (
        (objects(1, object()), r"the value\['a'\]\[1\] is a builtins:object"),
        (frame(columns=pd.date_range("2024", periods=2)), r"the value.columns\[0\] is a pandas"),
        (pd.DataFrame({"a": [1j]}), "Arrow cannot hold"),
        (pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "Arrow cannot hold|convert it first"),
        (pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), r"the value\['a'\] is a column of Python objects"),
        (pl.LazyFrame({"a": [1]}), "serializer"),
        (pd.Index([1]), "serializer"),
        (pa.array([1]), "serializer"),
        (pa.table({"a": [1, 2]}).select([]), "rows without columns"),
        (pa.table({"a": [1]}).replace_schema_metadata({b"calyx": b""}), "which is calyx's"),
        ({"t": [pl.LazyFrame()]}, r"the value\['t'\]\[0\]"),
    ):
        with pytest.raises(UnstorableError, match=said):
            round_trip(value)


def test_tables_through_builds(ws: Workspace) -> None:
    ws.program(
        """
        import pandas as pd, polars as pl, pyarrow as pa

        @fn
        def frame():
            times = pd.date_range("2024", periods=2, tz="Europe/Berlin")
            return pd.DataFrame({"t": times, "o": pd.Series([(1,), "x"], dtype=object)})

        @fn
        def others(): return {"polars": pl.DataFrame({"c": pl.Series(["x"], dtype=pl.Categorical)}), "arrow": pa.table({"a": [1]})}

        @fn
        def height(table): return len(table)

        @fn
        def seen():
            f, o = frame(), others()
            kinds = [str(f["t"].dt.tz) == "Europe/Berlin", o["polars"].schema["c"] == pl.Categorical, str(o["arrow"].schema)]
            return [*kinds, list(f["o"]) == [(1,), "x"], height(f), height(f[:1])]
        """
    )
    assert ws.get("seen") == [True, True, "a: int64", True, 2, 1]
