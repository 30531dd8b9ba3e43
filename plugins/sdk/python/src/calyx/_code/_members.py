"""The members of a class that count for its code."""

from __future__ import annotations

import dataclasses
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from .._declare import Node

#: What Python itself, or the module that makes a class, notes there.
_NOTED = frozenset(
    {
        "__module__", "__qualname__", "__dict__", "__weakref__", "__doc__", "__firstlineno__", "__static_attributes__",
        "__annotations__", "__annotate__", "__annotate_func__", "__annotations_cache__", "__dataclass_fields__",
        "__dataclass_params__", "__match_args__", "__slots__", "__slotnames__", "__abstractmethods__", "_abc_impl", "__parameters__",
        "__orig_bases__", "__conditional_annotations__",
    }
)


def shape_of(kind: type[Any]) -> tuple[Any, ...]:
    """Return what a class consists of, without what Python notes there at any time, such as when an object is pickled."""
    own = {name: member for name, member in vars(kind).items() if name not in _NOTED}
    return (kind.__bases__, *own, *own.values())


def members_of(kind: type[Any]) -> list[tuple[str, Any]]:
    """Return the members of a class itself by name, without nodes and what Python adds."""
    generated = "__dataclass_fields__" in vars(kind) or "_fields" in vars(kind)
    found = []
    for name, member in sorted(vars(kind).items()):
        made = generated and isinstance(member, FunctionType) and member.__code__.co_filename == "<string>"
        if name not in _NOTED and not made and not isinstance(member, (Node, MemberDescriptorType, GetSetDescriptorType)):
            found.append((name, member))
    return found


def documentation(kind: type[Any]) -> str | None:
    """Return the documentation of a class; a dataclass without any shows its fields there, with whatever their defaults look like."""
    text: str | None = vars(kind).get("__doc__")
    made = "__dataclass_fields__" in vars(kind) and str(text).startswith(f"{kind.__name__}(")
    return None if made else text


def generated_from(kind: type[Any]) -> list[tuple[str, Any]]:
    """Return what the methods of a dataclass were made from, with labels: they are no members that could be told from one another."""
    found: list[tuple[str, Any]] = []
    for name, field in vars(kind).get("__dataclass_fields__", {}).items():
        options = (field.init, field.repr, field.compare, field.hash, field.kw_only)
        given = [part for part in (field.default, field.default_factory) if part is not dataclasses.MISSING]
        found += [(f"field {name}", part) for part in (options, *given)]
    return found


def functions_of(member: Any) -> list[FunctionType]:
    """Return the functions that a member of a class consists of; none where it is something else."""
    functions: list[Any]
    if isinstance(member, property):
        functions = [f for f in (member.fget, member.fset, member.fdel) if f is not None]
    else:
        functions = [member.__func__ if isinstance(member, (staticmethod, classmethod)) else member]
    return functions if all(isinstance(f, FunctionType) for f in functions) else []
