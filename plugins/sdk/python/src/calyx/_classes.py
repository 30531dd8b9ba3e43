"""The code of classes whose objects are values: who gets an object calls its methods, and need not name its class."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from ._stdio import is_plugin

if TYPE_CHECKING:
    from ._code import Code, Identity

#: How much of a digest stands beside each object.
_LENGTH = 20


class _Codes:
    """The identities of classes in this process. What a plugin runs stays as it is; in a session, code may change."""

    lock = threading.Lock()
    known: dict[Any, Code] = {}  # noqa: RUF012
    identity: Identity | None = None


def code_of(kind: Any) -> str | None:
    """Return a digest of the code of a class or function; None for one of Python itself, which counts by its version everywhere."""
    if (getattr(kind, "__module__", None) or "").partition(".")[0] in sys.stdlib_module_names:
        return None
    from ._code import Identity

    with _Codes.lock:
        code = _Codes.known.get(kind)
        if code is None or not (is_plugin() or code.guard.same()):
            if _Codes.identity is None or not is_plugin():
                _Codes.identity = Identity(live=not is_plugin(), late=True)
            code = _Codes.known[kind] = _Codes.identity.of(kind, None)
        return code.digest[:_LENGTH]
