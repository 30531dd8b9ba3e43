"""Tables: Arrow's file format, for pandas, polars and pyarrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from ._errors import UnstorableError
from ._formats import Written

ARROW = "application/vnd.apache.arrow.file"

#: The entry of a table's metadata that tells which library and type it was of.
_MARK = b"calyx"


def write(value: Any, where: str) -> Written | None:
    """Return how to write a frame, a series or a table; None for all else."""
    kind = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
    to_table = _TO_TABLE.get(kind)
    if to_table is None:
        return None
    try:
        import pyarrow as pa
    except ImportError:
        raise UnstorableError(f"{where} is a {kind}, and to store one calyx needs pyarrow: pip install pyarrow") from None
    try:
        table = to_table(value, where)
    except UnstorableError:
        raise
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as e:
        raise UnstorableError(f"{where} is a {kind} that Arrow cannot hold: {e}") from e
    if table.num_rows and not table.num_columns:
        raise UnstorableError(f"{where} is a {kind} of {table.num_rows} rows without columns, which Arrow cannot hold")
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _MARK: kind.encode()})
    options = pa.ipc.IpcWriteOptions(unify_dictionaries=True)

    def save(f: IO[bytes]) -> None:
        with pa.ipc.new_file(f, table.schema, options=options) as writer:
            writer.write_table(table)

    return Written(ARROW, ".arrow", table.nbytes + 65536 if table.nbytes > 32768 else 0, save)


def read(data: memoryview) -> Any:
    """Return the table as the type that it was; a table of pyarrow where another program wrote it."""
    import pyarrow as pa

    table = pa.ipc.open_file(pa.py_buffer(data)).read_all()
    metadata = dict(table.schema.metadata or {})
    kind = metadata.pop(_MARK, b"pyarrow.Table").decode()
    table = table.replace_schema_metadata(metadata or None)
    return _FROM_TABLE[kind](table)


def _arrow_to_table(table: Any, where: str) -> Any:
    if _MARK in (table.schema.metadata or {}):
        raise UnstorableError(f"{where} is a table with the entry {_MARK.decode()!r} in its metadata, which is calyx's; rename it")
    return table


def _polars_to_table(frame: Any, where: str) -> Any:
    import polars as pl

    for name, kind in frame.schema.items():
        if pl.Object in (kind, getattr(kind, "inner", None)):
            raise UnstorableError(f"{where}[{name!r}] is a column of Python objects, which cannot be stored; convert it first")
    return frame.to_arrow()


def _polars_series_to_table(series: Any, where: str) -> Any:
    table = _polars_to_table(series.to_frame("values"), where)
    return table.replace_schema_metadata({b"calyx.name": series.name.encode()})


def _polars_frame(table: Any) -> Any:
    import polars as pl

    return pl.from_arrow(table)


def _polars_series(table: Any) -> Any:
    return _polars_frame(table).to_series().rename(table.schema.metadata[b"calyx.name"].decode())


def _pandas(function: str) -> Callable[..., Any]:
    """Return what calls a function of `_pandas`, which is imported where there is a frame."""

    def call(*args: Any) -> Any:
        from . import _pandas

        return getattr(_pandas, function)(*args)

    return call


_TO_TABLE: dict[str, Callable[[Any, str], Any]] = {
    "pandas.DataFrame": _pandas("to_table"),
    "pandas.Series": _pandas("series_to_table"),
    "polars.DataFrame": _polars_to_table,
    "polars.Series": _polars_series_to_table,
    "pyarrow.Table": _arrow_to_table,
}
_FROM_TABLE: dict[str, Callable[[Any], Any]] = {
    "pandas.DataFrame": _pandas("to_frame"),
    "pandas.Series": _pandas("to_series"),
    "polars.DataFrame": _polars_frame,
    "polars.Series": _polars_series,
    "pyarrow.Table": lambda table: table,
}
