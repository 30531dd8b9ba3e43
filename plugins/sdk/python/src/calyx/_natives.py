"""Sees what libraries read in native code, where no audit hook fires: they are told the paths by functions in Python."""

from __future__ import annotations

import functools
import glob
import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

_SOURCES = ("source", "sources", "path", "paths", "where", "input_file", "path_or_paths", "filename", "filesystem_path")
#: Functions and classes whose first argument names what they read, by module.
_READERS = {
    "polars": (
        "read_avro", "read_csv", "read_csv_batched", "read_excel", "read_ipc", "read_ipc_schema", "read_ipc_stream", "read_json",
        "read_ndjson", "read_parquet", "read_parquet_metadata", "read_parquet_schema", "scan_csv", "scan_ipc", "scan_ndjson",
        "scan_parquet",
    ),
    "pyarrow": ("memory_map", "input_stream"),
    "pyarrow.csv": ("open_csv", "read_csv"),
    "pyarrow.dataset": ("dataset", "parquet_dataset"),
    "pyarrow.feather": ("read_feather", "read_table"),
    "pyarrow.json": ("open_json", "read_json"),
    "pyarrow.orc": ("read_table",),
    "pyarrow.parquet": ("ParquetDataset", "ParquetFile", "read_metadata", "read_pandas", "read_schema", "read_table"),
    "safetensors": ("safe_open",),
}

#: Takes a kind of read and a path.
Look = Callable[[str, str], None]


def watch_natives(look: Look) -> None:
    """Have the functions watched of the libraries that are loaded, and of those that will be."""
    loaded = [sys.modules[name] for name in _READERS if name in sys.modules]
    watched = {id(old): new for module in loaded for old, new in _watch(module, look)}
    if watched:  # other modules may have taken their functions over
        for other in list(sys.modules.values()):
            if isinstance(other, ModuleType):
                names = [(name, watched[id(value)]) for name, value in list(vars(other).items()) if id(value) in watched]
                vars(other).update(names)
    sys.meta_path.insert(0, _Finder(look))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the libraries as Python does, and has them watched when they are loaded."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in _READERS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            _watch(module, self._look)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _watch(module: ModuleType, look: Look) -> list[tuple[Any, Any]]:
    """Have the functions of one library watched; return those that others took the place of, with them."""
    replaced = []
    for name in _READERS[module.__name__]:
        reader = getattr(module, name, None)
        if isinstance(reader, type) and "__init__" in vars(reader):
            type.__setattr__(reader, "__init__", _watched(reader.__init__, 1, look))  # type: ignore[misc]
        elif callable(reader):
            setattr(module, name, _watched(reader, 0, look))
            replaced.append((reader, getattr(module, name)))
    return replaced


def _watched(reader: Any, first: int, look: Look) -> Any:
    @functools.wraps(reader, updated=())
    def watched(*args: Any, **kwargs: Any) -> Any:
        for source in (*args[first : first + 1], *(kwargs[n] for n in _SOURCES if n in kwargs)):
            for path in source if isinstance(source, (list, tuple)) else (source,):
                if isinstance(path, (str, os.PathLike)):
                    _look_at(os.fsdecode(path), look)
        return reader(*args, **kwargs)

    return watched


def _look_at(path: str, look: Look) -> None:
    """Tell what a library reads that is given a path: a file, all of a folder, or what a pattern matches."""
    if "://" in path:
        return
    if os.path.isdir(path):
        for folder, folders, names in os.walk(path):
            folders.sort()
            look("listing", folder)
            for name in sorted(names):
                look("file", os.path.join(folder, name))
    elif any(c in path for c in "*?[") and not os.path.exists(path):
        for match in sorted(glob.glob(path, recursive=True)):  # the folders that this lists are seen as any others
            look("file", match)
    else:
        look("file" if os.path.isfile(path) else "exists", path)
