"""Nodes with arguments as text, `clean(lower=False)`, as the command line takes them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ._proto import plugin_pb2 as pb


def spell(name: str, arguments: Iterable[pb.NamedLiteral]) -> str:
    """Return the text for a node."""
    inner = ",".join(f"{a.name}={_literal(a.value)}" for a in arguments)
    return f"{name}({inner})" if inner else name


def _literal(value: pb.Literal) -> str:
    kind = value.WhichOneof("kind")
    if kind == "none":
        return "None"
    if kind == "boolean":
        return str(value.boolean)
    if kind == "integer":
        return str(value.integer)
    if kind == "big_integer":
        return str(value.big_integer)
    if kind == "number":
        return repr(value.number)
    if kind == "list":
        return "[" + ",".join(map(_literal, value.list.items)) + "]"
    if kind == "map":
        return "{" + ",".join(f"{json.dumps(e.key, ensure_ascii=False)}:{_literal(e.value)}" for e in value.map.entries) + "}"
    return json.dumps(value.text, ensure_ascii=False)
