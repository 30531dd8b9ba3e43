"""Tables: Arrow's file format, for pandas, polars and pyarrow."""

from __future__ import annotations

from typing import IO, Any

from ._errors import UnstorableError
from ._formats import Written

ARROW = "application/vnd.apache.arrow.file"

#: The entry of a table's metadata that tells of which library and type it was.
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
        table = to_table(value)
    except (pa.ArrowException, TypeError, ValueError) as e:
        raise UnstorableError(f"{where} is a {kind} that Arrow cannot hold: {e}") from e
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), _MARK: kind.encode()})

    def save(f: IO[bytes]) -> None:
        with pa.ipc.new_file(f, table.schema) as writer:
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


def _frame_to_table(frame: Any) -> Any:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=True)


def _series_to_table(series: Any) -> Any:
    name = "unnamed" if series.name is None else "named"
    if series.name is not None and not isinstance(series.name, str):
        raise TypeError(f"its name {series.name!r} is no text")
    table = _frame_to_table(series.to_frame(name=series.name or ""))
    return table.replace_schema_metadata({**table.schema.metadata, b"calyx.name": name.encode()})


def _table_to_series(table: Any) -> Any:
    named = table.schema.metadata[b"calyx.name"] == b"named"
    series = table.to_pandas().iloc[:, 0]
    return series if named else series.rename(None)


def _polars(kind: str, table: Any) -> Any:
    import polars as pl

    frame: Any = pl.from_arrow(table)
    return frame.to_series() if kind == "series" else frame


_TO_TABLE = {
    "pandas.DataFrame": _frame_to_table,
    "pandas.Series": _series_to_table,
    "polars.DataFrame": lambda v: v.to_arrow(),
    "polars.Series": lambda v: v.to_frame().to_arrow(),
    "pyarrow.Table": lambda v: v,
}
_FROM_TABLE = {
    "pandas.DataFrame": lambda t: t.to_pandas(),
    "pandas.Series": _table_to_series,
    "polars.DataFrame": lambda t: _polars("frame", t),
    "polars.Series": lambda t: _polars("series", t),
    "pyarrow.Table": lambda t: t,
}
