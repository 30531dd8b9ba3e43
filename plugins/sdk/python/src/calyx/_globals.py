"""Sees to it that nodes keep nothing in the project's modules, where later nodes would find it and calyx would not see it."""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

from ._errors import CalyxError
from ._places import belongs, file_of_module
from ._types import module_name

#: Containers of up to so many elements are compared element by element, longer ones by their lengths.
_COMPARED = 64
_CONTAINERS = (list, dict, set)
_MISSING = object()


class Globals:
    """What the modules of the project held when the process began to serve."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._modules: list[tuple[ModuleType, dict[str, Any], dict[str, Any]]] = []
        for module in list(sys.modules.values()):
            path = file_of_module(module) if isinstance(module, ModuleType) else None
            if path and belongs(path) == "project":
                names = {n: v for n, v in vars(module).items() if not n.startswith("__")}
                copies = {n: v.copy() for n, v in names.items() if type(v) in _CONTAINERS and len(v) <= _COMPARED}
                self._modules.append((module, names, copies))

    def check(self) -> None:
        """Put back what was changed, and raise an error that names it."""
        changed: list[str] = []
        with self._lock:
            for module, names, copies in self._modules:
                changed += [f"{module_name(module.__name__)}.{name}" for name in _put_back(module, names, copies)]
        if changed:
            raise CalyxError(
                f"the global {changed[0]} was changed while a node ran: later nodes would see it, and calyx "
                "would not. Make it the result of a node, pass it as an argument, or keep what is costly to make with functools.cache"
            )


def _put_back(module: ModuleType, names: dict[str, Any], copies: dict[str, Any]) -> list[str]:
    """Give a module its globals back, and return the names of those that were changed."""
    namespace = vars(module)
    changed = [name for name, value in names.items() if namespace.get(name, _MISSING) is not value]
    for name in changed:
        namespace[name] = names[name]
    for name, copy in copies.items():
        if _differs(names[name], copy):
            changed.append(name)
            _restore(names[name], copy)
    # A module that was imported meanwhile becomes a name of its package: that is no node's doing.
    new = [n for n, v in namespace.items() if n not in names and not n.startswith("__") and not isinstance(v, ModuleType)]
    for name in new:
        del namespace[name]
    return changed + new


def _differs(container: Any, copy: Any) -> bool:
    if len(container) != len(copy):
        return True
    if isinstance(container, set):
        return bool(container != copy)
    pairs = zip(container.items(), copy.items(), strict=True) if isinstance(container, dict) else zip(container, copy, strict=True)
    if isinstance(container, dict):
        return any(a[0] is not b[0] or a[1] is not b[1] for a, b in pairs)
    return any(a is not b for a, b in pairs)


def _restore(container: Any, copy: Any) -> None:
    container.clear()
    if isinstance(container, list):
        container.extend(copy)
    else:
        container.update(copy)
