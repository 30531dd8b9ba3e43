"""The members of a class that count for its code."""

from __future__ import annotations

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


def functions_of(member: Any) -> list[FunctionType]:
    """Return the functions that a member of a class consists of; none where it is something else."""
    functions: list[Any]
    if isinstance(member, property):
        functions = [f for f in (member.fget, member.fset, member.fdel) if f is not None]
    else:
        functions = [member.__func__ if isinstance(member, (staticmethod, classmethod)) else member]
    return functions if all(isinstance(f, FunctionType) for f in functions) else []
