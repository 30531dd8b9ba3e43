"""Files as values, and the content of values that are files."""

from __future__ import annotations

import mmap
import os
import pathlib
from collections.abc import Iterator
from typing import IO, Any

from ._errors import CalyxError
from ._proto import plugin_pb2 as pb


class File(os.PathLike[str]):
    """A file or folder whose *content* is a value, where a plain path is only a name.

    Return `File(path)` from a node for a file or folder that it wrote (best below `calyx.out_dir()`). What reads the node gets
    a File with the same content, whose path is calyx's to choose, and which is to be read only.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)

    def __fspath__(self) -> str:
        return self._path

    @property
    def name(self) -> str:
        """The last part of the path."""
        return os.path.basename(os.fspath(self))

    @property
    def suffix(self) -> str:
        """The end of the name from its last dot on."""
        return os.path.splitext(self.name)[1]

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return os.path.splitext(self.name)[0]

    @property
    def path(self) -> pathlib.Path:
        """The path, for programs that want one."""
        return pathlib.Path(os.fspath(self))

    def open(self, mode: str = "r", **options: Any) -> IO[Any]:
        """Open the file to read it, with the options of the built-in open."""
        if set(mode) & set("wax+"):
            raise CalyxError(f"open {self.name!r} with mode {mode!r}: it is an input, and can only be read")
        return open(os.fspath(self), mode, **options)

    def read_text(self, encoding: str = "utf-8") -> str:
        """Return the text of the file."""
        with self.open(encoding=encoding) as f:
            return str(f.read())

    def read_bytes(self) -> bytes:
        """Return the bytes of the file."""
        with self.open("rb") as f:
            return bytes(f.read())

    def exists(self) -> bool:
        """Tell whether there is something at the path."""
        return os.path.exists(os.fspath(self))

    def is_file(self) -> bool:
        """Tell whether it is a file."""
        return os.path.isfile(os.fspath(self))

    def is_dir(self) -> bool:
        """Tell whether it is a folder."""
        return os.path.isdir(os.fspath(self))

    def __truediv__(self, name: str) -> File:
        return File(os.path.join(os.fspath(self), name))

    def __iter__(self) -> Iterator[File]:
        """The entries of a folder, by name."""
        return iter([self / name for name in sorted(os.listdir(os.fspath(self)))])

    def __str__(self) -> str:
        return os.fspath(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({os.fspath(self)!r})"


def is_mapped(value: pb.Value) -> bool:
    """Tell whether the value is a file or folder."""
    return bool(value.WhichOneof("content") == "path")


def content_of(value: pb.Value) -> bytes:
    """Return the bytes of a value."""
    if not is_mapped(value):
        return bytes(value.inline)
    with open(os.fsdecode(value.path), "rb") as f:
        return f.read()


def map_file(value: pb.Value) -> memoryview:
    """Return the bytes of a value without copying a file: changes of them stay in this process and reach no file."""
    if not is_mapped(value):
        return memoryview(bytearray(value.inline))
    with open(os.fsdecode(value.path), "rb") as f:
        size = os.fstat(f.fileno()).st_size
        if size == 0:
            return memoryview(bytearray())
        return memoryview(mmap.mmap(f.fileno(), size, access=mmap.ACCESS_COPY))
