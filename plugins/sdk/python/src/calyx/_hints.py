"""Annotations, in the words that the protocol has for types."""

from __future__ import annotations

import pathlib
import typing
from collections.abc import Mapping, Sequence
from typing import Any

from ._declare import Node
from ._files import File

_TYPES: dict[Any, str] = {bool: "bool", int: "int", float: "float", str: "string", bytes: "bytes", File: "file"}


def parameter_types(node: Node) -> dict[str, str]:
    """Return the types of a function's parameters."""
    hints = type_hints(node)
    return {name: type_word(hints.get(name, Any)) for name in node.signature.parameters}


def type_hints(node: Node) -> dict[str, Any]:
    """Return the annotations of a function as far as they mean something here."""
    try:
        return typing.get_type_hints(node.function)
    except Exception:  # a name that is only there for type checkers
        raw = getattr(node.function, "__annotations__", {})
        return {name: _BY_NAME.get(hint, hint) if isinstance(hint, str) else hint for name, hint in raw.items()}


_BY_NAME: dict[str, Any] = {"bool": bool, "int": int, "float": float, "str": str, "bytes": bytes, "File": File, "calyx.File": File}


def type_word(hint: Any) -> str:
    """Return a type in the words of the protocol."""
    word = _TYPES.get(hint) if isinstance(hint, type) else None
    if word is not None:
        return word
    origin = typing.get_origin(hint) or hint
    if isinstance(origin, type):
        if issubclass(origin, pathlib.PurePath):
            return "any"
        if issubclass(origin, Mapping):
            return "dict"
        if issubclass(origin, Sequence) and not issubclass(origin, (str, bytes)):
            return "list" if origin is list else "any"
    return "any"
