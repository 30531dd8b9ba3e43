"""Arguments and defaults as literals of the protocol: values that can stand in a node's name."""

from __future__ import annotations

import base64
import inspect
from typing import Any

from google.protobuf.message import DecodeError

from ._errors import UnstorableError
from ._files import File
from ._formats import read_format, write_format
from ._plain import Packer, Unpacker
from ._proto import plugin_pb2 as pb

#: The bytes of an array that may stand in an argument: longer ones belong in a node of their own.
MAX_ARRAY = 256 << 10


def literal(value: Any, where: str) -> pb.Literal:
    """Return the literal of a value. What has no canonical form is an error, never an identity."""
    try:
        return _literal(Packer(embed).pack(value, where))
    except (DecodeError, ValueError) as e:  # messages that are nested deeply, integers of thousands of digits
        raise UnstorableError(f"{where} cannot be an argument ({e}); make it the value of a node") from e


def embed(value: Any, where: str) -> Any:
    if isinstance(value, File):
        raise UnstorableError(f"{where} is a calyx.File, which cannot be an argument; call the node that has it where it is used")
    written = write_format(value, where)
    if written is None:
        return None
    data = written.to_bytes()
    if len(data) > MAX_ARRAY:
        raise UnstorableError(f"{where} is an array of {len(data)} bytes, too long for an argument; make it the value of a node")
    return {"$file": [written.media, base64.b64encode(data).decode()]}


def unpack_argument(packed: Any) -> Any:
    """Return the value of an argument that came as JSON."""
    return Unpacker(unembed).unpack(packed)


def unembed(tag: str, content: Any) -> Any:
    if tag == "$file":
        found, value = read_format(content[0], memoryview(bytearray(base64.b64decode(content[1]))))
        if found:
            return value
    raise UnstorableError(f"an argument has the unknown form {tag!r}")


def _literal(packed: Any) -> pb.Literal:
    if packed is None:
        return pb.Literal(none=True)
    kind = type(packed)
    if kind is bool:
        return pb.Literal(boolean=packed)
    if kind is int:
        if -(1 << 63) <= packed < 1 << 63:
            return pb.Literal(integer=packed)
        return pb.Literal(big_integer=str(packed))
    if kind is float:
        return pb.Literal(number=packed)
    if kind is str:
        return pb.Literal(text=packed)
    if kind is list:
        return pb.Literal(list=pb.LiteralList(items=[_literal(v) for v in packed]))
    entries = [pb.LiteralMap.Entry(key=k, value=_literal(v)) for k, v in packed.items()]
    return pb.Literal(map=pb.LiteralMap(entries=entries))


def named_literals(signature: inspect.Signature, node: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[pb.NamedLiteral]:
    """Bind a call's arguments to names: keyword and positional calls are one. What is left out stays so."""
    if not args and not kwargs:
        bound: dict[str, Any] = signature.bind().arguments
    else:
        try:
            bound = signature.bind(*args, **kwargs).arguments
        except TypeError as e:
            raise TypeError(f"{node}: {e}") from None
    return [pb.NamedLiteral(name=name, value=literal(bound[name], f"{node}: argument {name!r}")) for name in sorted(bound)]


def pack_literal(value: pb.Literal) -> Any:
    """Return what a literal holds, in the form of JSON."""
    kind = value.WhichOneof("kind")
    if kind == "none":
        return None
    if kind == "big_integer":
        return int(value.big_integer)
    if kind == "list":
        return [pack_literal(v) for v in value.list.items]
    if kind == "map":
        return {e.key: pack_literal(e.value) for e in value.map.entries}
    return getattr(value, kind)


def unpack_literal(value: pb.Literal) -> Any:
    """Return the value of a literal."""
    return unpack_argument(pack_literal(value))
