"""Values between Python and the protocol: small ones inline, large ones as files that are mapped, not copied.

A value that JSON can hold (see `_plain`) is JSON; arrays, tensors and frames are files of their formats. Where such things
sit inside of other values, the value is a list of values: first JSON `{"$parts": …}` in which {"$part": n} stands for the
nth of those that follow.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

from ._errors import UnstorableError
from ._files import File, content_of, is_mapped, map_file
from ._formats import Written, read_format, write_format
from ._plain import Packer, Unpacker
from ._proto import plugin_pb2 as pb

JSON = "application/json"
BINARY = "application/octet-stream"
FILE = "application/vnd.calyx.file"
TREE = "application/vnd.calyx.tree"
LIST = "application/vnd.calyx.list"
PICKLE = "application/vnd.calyx.python-pickle"

#: The length in bytes up to which a value is inline.
MAX_INLINE = 64 << 10
#: The bytes that the parts of one value may have inline together: a message has a limit of its own.
MAX_TOGETHER = 1 << 20
#: The length of a whole result in a message.
MAX_RESULT = 3 << 20

#: The variable that must be set for pickles to be read or written.
PICKLE_FLAG = "CALYX_ALLOW_PICKLE"


_SCALARS = frozenset({bool, int, float, str})


class Encoder:
    """Writes one result. `new_file` names a file in a folder from which calyx takes results."""

    def __init__(self, new_file: Callable[[str], str], ours: Callable[[str], bool]) -> None:
        self._new_file = new_file
        self._ours = ours
        self._inline = 0

    def encode(self, value: Any, serializer: str | None = None) -> pb.Value:
        """Return the message. The error names the value and the serializers."""
        if serializer == "pickle":
            return self._pickle(value)
        message = self._value(value, "the value")
        if message.ByteSize() > MAX_RESULT:
            raise UnstorableError("the value has too many arrays in it for one message; put them into one array, or write files")
        return message

    def _value(self, value: Any, where: str) -> pb.Value:
        if value is None:
            return pb.Value()
        if type(value) in _SCALARS:
            return self._content(to_json(Packer().pack(value, where)), JSON)
        if type(value) is bytes:
            return self._content(value, BINARY)
        if isinstance(value, File):
            return self._file(os.fspath(value))
        written = write_format(value, where)
        if written is not None:
            return self._written(written)
        if type(value) is list and value and any(isinstance(v, File) or write_format(v, where) is not None for v in value[:1]):
            return self._list(value, where)
        return self._json(value, where)

    def _json(self, value: Any, where: str) -> pb.Value:
        parts: list[pb.Value] = []

        def other(inner: Any, inner_where: str) -> Any:
            written = write_format(inner, inner_where)
            if written is None and not isinstance(inner, File):
                return None
            parts.append(self._written(written) if written is not None else self._file(os.fspath(inner)))
            return {"$part": len(parts)}

        packed = Packer(other).pack(value, where)
        if not parts:
            return self._content(to_json(packed), JSON)
        first = self._content(to_json({"$parts": packed}), JSON)
        return pb.Value(media_type=LIST, list=pb.ValueList(items=[first, *parts]))

    def _list(self, values: list[Any], where: str) -> pb.Value:
        items = [self._value(v, f"{where}[{i}]") for i, v in enumerate(values)]
        return pb.Value(media_type=LIST, list=pb.ValueList(items=items))

    def _written(self, written: Written) -> pb.Value:
        if written.size <= MAX_INLINE and self._inline + written.size <= MAX_TOGETHER:
            return self._content(written.to_bytes(), written.media)
        path = self._new_file(written.extension)
        with open(path, "wb") as f:
            written.write(f)
        return pb.Value(media_type=written.media, path=os.fsencode(path))

    def _content(self, data: bytes, media: str) -> pb.Value:
        if len(data) <= MAX_INLINE and self._inline + len(data) <= MAX_TOGETHER:
            self._inline += len(data)
            return pb.Value(media_type=media, inline=data)
        path = self._new_file("")
        with open(path, "wb") as f:
            f.write(data)
        return pb.Value(media_type=media, path=os.fsencode(path))

    def _file(self, path: str) -> pb.Value:
        """Take a file or folder that the node wrote. One that is not the call's own is copied."""
        path = os.path.abspath(path)
        if not self._ours(path):
            copy = self._new_file("-" + os.path.basename(path))
            if os.path.isdir(path):
                shutil.copytree(path, copy)
            else:
                shutil.copyfile(path, copy)
                shutil.copymode(path, copy)
                os.chmod(copy, os.stat(copy).st_mode | 0o200)
            path = copy
        if os.path.isdir(path):
            return pb.Value(media_type=TREE, path=os.fsencode(path))
        return pb.Value(media_type=FILE, path=os.fsencode(path), executable=os.access(path, os.X_OK))

    def _pickle(self, value: Any) -> pb.Value:
        from ._pickles import dumps

        _allow_pickle()
        return self._content(dumps(value), PICKLE)


def _allow_pickle() -> None:
    if os.environ.get(PICKLE_FLAG) != "1":
        raise UnstorableError(
            f'a pickle can run any code when it is read: to allow it, say plugin(env = {{"{PICKLE_FLAG}": "1"}}) in the Calyxfile'
        )


_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_DECODER = json.JSONDecoder()


def to_json(packed: Any) -> bytes:
    """Write JSON as calyx wants it: floats with a point or an exponent, no white space."""
    try:
        return _ENCODER.encode(packed).encode()
    except ValueError as e:  # an integer of thousands of digits
        raise UnstorableError(f"the value cannot be written: {e}") from None


class Decoder:
    """Reads values that calyx sends. `new_file` names a file for a value that has none and must have one."""

    def __init__(self, new_file: Callable[[str], str]) -> None:
        self._new_file = new_file

    def decode(self, value: pb.Value, kind: str = "") -> Any:
        """Return the value; kind is the type of the parameter that it is for, in the words of the protocol."""
        media = value.media_type
        if media == "" and value.WhichOneof("content") is None:
            return None
        if kind in ("file", "tree"):
            return self.file(value)
        if media == LIST:
            return self._list(value)
        if media == JSON:
            return Unpacker().unpack(from_json(content_of(value)))
        if media == TREE or (media == FILE and kind not in ("bytes", "string")):
            return self.file(value)
        if media == PICKLE:
            return self._unpickle(value)
        return self._typed(value, media, kind)

    def _typed(self, value: pb.Value, media: str, kind: str) -> Any:
        if kind not in ("bytes", "string"):
            found, result = read_format(media, map_file(value))
            if found:
                return result
        data = content_of(value)
        if kind == "string" or (kind != "bytes" and media.startswith("text/")):
            return data.decode()
        return data

    def _list(self, value: pb.Value) -> Any:
        items = value.list.items
        if items and items[0].media_type == JSON:
            first = from_json(content_of(items[0]))
            if type(first) is dict and "$parts" in first:
                return Unpacker(lambda tag, n: self._part(items, tag, n)).unpack(first["$parts"])
        return [self.decode(item) for item in items]

    def _part(self, items: Any, tag: str, n: Any) -> Any:
        if tag != "$part" or type(n) is not int or not 0 < n < len(items):
            raise UnstorableError(f"a stored value has the unknown form {tag!r}")
        item = items[n]
        return self.file(item) if item.media_type == BINARY else self.decode(item)

    def file(self, value: pb.Value) -> File:
        """Return a file or folder with the value's content."""
        if is_mapped(value):
            return File(os.fsdecode(value.path))
        path = self._new_file("")
        with open(path, "wb") as f:
            f.write(value.inline)
        return File(path)

    def _unpickle(self, value: pb.Value) -> Any:
        import pickle

        _allow_pickle()
        return pickle.loads(content_of(value))


def from_json(data: bytes) -> Any:
    """Read JSON."""
    return _DECODER.decode(data.decode())

