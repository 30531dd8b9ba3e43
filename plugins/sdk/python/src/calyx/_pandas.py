"""Frames and series of pandas as Arrow tables, from which they come back with their types.

What Arrow and pandas would change on the way is kept apart: the levels of an index are columns of their own, the labels of
columns stand in the notes, and so does what each column of Python objects holds: text, with None or NaN for what is missing,
or the JSON of each element.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ._errors import UnstorableError
from ._literals import embed, unembed
from ._plain import Packer, Unpacker

#: The entry of a table's metadata with what Arrow has no place for.
_NOTES = b"calyx.pandas"


def to_table(frame: Any, where: str) -> Any:
    """Return the table of a frame."""
    import pyarrow as pa

    body, notes = _body(frame, where)
    apart = {name: how for name, how in zip(body.columns, map(_apart, map(body.__getitem__, body.columns)), strict=True) if how}
    notes["apart"] = {name: how for name, (how, _) in apart.items()}
    plain = pa.Table.from_pandas(body.drop(columns=[*apart]), preserve_index=False)
    notes["types"] = _changed_types(plain, body, where)
    columns = {n: apart[n][1](body[n], f"{where}[{n!r}]") if n in apart else plain.column(n) for n in body.columns}
    return pa.table(columns).replace_schema_metadata({**(plain.schema.metadata or {}), _NOTES: json.dumps(notes).encode()})


def to_frame(table: Any) -> Any:
    """Return the frame of a table that `to_table` made."""
    import pandas as pd

    notes = json.loads(table.schema.metadata[_NOTES])
    names = [name for name in table.column_names if name not in notes["apart"]]
    frame = table.select(names).to_pandas() if names else pd.DataFrame(index=pd.RangeIndex(table.num_rows))
    for name, kind in notes["types"].items():
        frame[name] = frame[name].astype(kind)
    for i, name in enumerate(table.column_names):
        if name in notes["apart"]:
            values = _READ[notes["apart"][name]](table.column(name))
            frame.insert(i, name, pd.Series(values, index=frame.index, dtype=values.dtype))
    frame.index = _index(notes["index"], [frame.pop(name) for name in notes["index"].get("levels", [])])
    frame.columns = _labels(notes["columns"])
    frame.attrs = _unpack(notes["attrs"])
    return frame if notes["duplicates"] else frame.set_flags(allows_duplicate_labels=False)


def series_to_table(series: Any, where: str) -> Any:
    """Return the table of a series."""
    table = to_table(series.to_frame(name="values"), where)
    return table.replace_schema_metadata({**table.schema.metadata, b"calyx.name": json.dumps(_pack(series.name, f"{where}.name")).encode()})


def to_series(table: Any) -> Any:
    """Return the series of a table that `series_to_table` made."""
    series = to_frame(table).iloc[:, 0]
    series.name = _unpack(json.loads(table.schema.metadata[b"calyx.name"]))
    return series


def _body(frame: Any, where: str) -> tuple[Any, dict[str, Any]]:
    """Return the frame with its index in columns of unique names, and what it takes to undo that."""
    import pandas as pd

    notes: dict[str, Any] = {
        "columns": _labels_note(frame.columns, where),
        "attrs": _pack(frame.attrs, f"{where}.attrs"),
        "duplicates": frame.flags.allows_duplicate_labels,
    }
    body = frame.set_flags(allows_duplicate_labels=True)
    if not (frame.columns.is_unique and all(type(name) is str for name in frame.columns)):
        body.columns = pd.Index([f"column {i}" for i in range(len(frame.columns))])
    body = body.reset_index(drop=True)
    index = frame.index
    note = notes["index"] = {"names": _pack(list(index.names), f"{where}.index.names")}
    if type(index) is pd.RangeIndex:
        note["range"] = [index.start, index.stop, index.step]
        return body, notes
    note["levels"] = [_unused(f"index {i}", body.columns) for i in range(index.nlevels)]
    timed = isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)) and index.freq is not None
    note["freq"] = index.freq.freqstr if timed else None
    for i, name in enumerate(note["levels"]):
        body[name] = index.get_level_values(i).array
    return body, notes


def _unused(name: str, taken: Any) -> str:
    while name in taken:
        name += "'"
    return name


def _index(note: dict[str, Any], levels: list[Any]) -> Any:
    import pandas as pd

    names = _unpack(note["names"])
    if "range" in note:
        return pd.RangeIndex(*note["range"], name=names[0])
    if len(levels) > 1:
        return pd.MultiIndex.from_arrays([level.array for level in levels], names=names)
    index = pd.Index(levels[0].array, dtype=levels[0].dtype, name=names[0])
    if note["freq"] is not None:
        index.freq = note["freq"]
    return index


def _labels_note(labels: Any, where: str) -> dict[str, Any]:
    import pandas as pd

    note: dict[str, Any] = {"names": _pack(list(labels.names), f"{where}.columns.names")}
    if type(labels) is pd.RangeIndex:
        note["range"] = [labels.start, labels.stop, labels.step]
        return note
    note |= {"labels": _pack(labels.tolist(), f"{where}.columns"), "type": str(labels.dtype), "multi": isinstance(labels, pd.MultiIndex)}
    if type(back := _labels(note)) is not type(labels) or not back.identical(labels):
        raise UnstorableError(f"{where}.columns is a {type(labels).__name__} of {labels.dtype}, which cannot be stored; use text")
    return note


def _labels(note: dict[str, Any]) -> Any:
    import pandas as pd

    if "range" in note:
        return _index(note, [])
    labels, names = _unpack(note["labels"]), _unpack(note["names"])
    return pd.MultiIndex.from_tuples(labels, names=names) if note["multi"] else pd.Index(labels, dtype=note["type"], name=names[0])


def _changed_types(table: Any, body: Any, where: str) -> dict[str, str]:
    """Return the types of columns that come back with another one, by names from which they can be had again."""
    back = table.slice(0, 0).to_pandas().dtypes
    changed = {name: body.dtypes[name] for name in table.column_names if back[name] != body.dtypes[name]}
    return {name: _type_text(kind, f"{where}[{name!r}]") for name, kind in changed.items()}


def _type_text(kind: Any, where: str) -> str:
    import pandas as pd

    text = f"string[{kind.storage}]" if isinstance(kind, pd.StringDtype) else str(kind)
    try:
        found = pd.api.types.pandas_dtype(text)
    except (TypeError, ValueError):
        found = None
    if found != kind:
        raise UnstorableError(f"{where} has the type {kind}, which cannot be stored; convert it first")
    return text


def _apart(column: Any) -> tuple[str, Callable[[Any, str], Any]] | None:
    """Tell how a column is written that Arrow would change: the name of the way, and what writes it."""
    import pandas as pd

    if isinstance(column.dtype, getattr(pd, "ArrowDtype", ())):
        return "arrow", lambda column, _: column.array.__arrow_array__()
    if column.dtype != object:
        return None
    kinds = set(map(type, column.array))
    if kinds <= {str, type(None)}:
        return "text", _write_text
    if kinds == {str, float} and all(type(v) is str or v != v for v in column.array):
        return "text-nan", _write_text
    return "json", _write_json


def _write_text(column: Any, _: str) -> Any:
    import pyarrow as pa

    return pa.array([v if type(v) is str else None for v in column.array], pa.string())


def _write_json(column: Any, where: str) -> Any:
    import pyarrow as pa

    return pa.array([json.dumps(_pack(v, f"{where}[{i}]")) for i, v in enumerate(column.array)], pa.string())


def _objects(values: list[Any]) -> Any:
    import numpy as np

    array = np.empty(len(values), object)
    for i, value in enumerate(values):  # an assignment of all at once would make elements of what lists hold
        array[i] = value
    return array


def _read_arrow(column: Any) -> Any:
    import pandas as pd

    return pd.arrays.ArrowExtensionArray(column)


_READ: dict[str, Callable[[Any], Any]] = {
    "arrow": _read_arrow,
    "text": lambda column: _objects(column.to_pylist()),
    "text-nan": lambda column: _objects([float("nan") if v is None else v for v in column.to_pylist()]),
    "json": lambda column: _objects([_unpack(json.loads(text)) for text in column.to_pylist()]),
}


def _pack(value: Any, where: str) -> Any:
    return Packer(embed).pack(value, where)


def _unpack(packed: Any) -> Any:
    return Unpacker(unembed).unpack(packed)
