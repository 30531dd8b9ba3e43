"""Tells cheaply whether the code of this process may be other than it was when it was described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from ._code import MISSING
from ._declare import Node, Pipeline

_SCALARS = (type(None), bool, int, float, complex, str, bytes, range)
_FIXED = (FunctionType, BuiltinFunctionType, ModuleType, type, Node, Pipeline, staticmethod, classmethod, property)


class Guard:
    """The names that code reaches, with what they stood for.

    Where one stands for something that can change by itself, such as a list or an array, nothing can be told.
    """

    def __init__(self, reached: Iterable[tuple[Mapping[str, Any], str, Any]]) -> None:
        self._reached = list(reached)
        self._sure = all(value is MISSING or _is_fixed(value) for _, _, value in self._reached)

    def same(self) -> bool:
        """Tell whether everything is surely as it was."""
        return self._sure and all(space.get(name, MISSING) is value for space, name, value in self._reached)


def _is_fixed(value: Any) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_fixed, value))
    return type(value) in _SCALARS or isinstance(value, _FIXED)
