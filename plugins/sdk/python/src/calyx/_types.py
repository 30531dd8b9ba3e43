"""Names of classes that mean the same in every process of a project."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from ._errors import UnstorableError


def module_name(name: str) -> str:
    """Return a module's name; of the program that was started its file's name, under which others import it."""
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    path = getattr(main, "__file__", None)
    return pathlib.Path(path).stem if path else name


def find_module(name: str) -> ModuleType | None:
    """Return a module that is loaded already, None where there is none of that name."""
    module = sys.modules.get(name)
    if module is None and name == module_name("__main__"):
        module = sys.modules["__main__"]
    return module


def type_name(kind: type) -> str:
    """Return `module:Qualified.Name`."""
    return f"{module_name(kind.__module__)}:{kind.__qualname__}"


def find_type(name: str, fits: Callable[[type], bool], what: str) -> Any:
    """Return the class of that name. Only loaded modules are searched: importing one by a name in data would run code."""
    module, _, path = name.partition(":")
    found: Any = find_module(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type) or not fits(found):
        raise UnstorableError(f"a stored value is a {what} {name}, which is not loaded here; import the module that defines it")
    return found


def slots_of(kind: type) -> list[str]:
    """Return the names of the slots that objects of a class have, as they are known outside of it."""
    found: list[str] = []
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        names = [slots] if isinstance(slots, str) else list(slots)
        for name in names:
            if name not in ("__dict__", "__weakref__"):
                private = name.startswith("__") and not name.endswith("__")
                found.append(f"_{base.__name__.lstrip('_')}{name}" if private else name)
    return found
