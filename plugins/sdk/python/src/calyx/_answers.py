"""Answers that a session remembers, with all that they stand on."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from ._guard import Guard
from ._living import Living
from ._proto import plugin_pb2 as pb

#: As it is before anybody watches it: the looks of this module are no node's.
_STAT = getattr(os.stat, "__wrapped__", os.stat)
_LSTAT = getattr(os.lstat, "__wrapped__", os.lstat)


class Answer:
    """A value, and what it stands on."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.value = _value(said["value"])
        looked = said.get("looked")
        self._stands = looked is not None
        self._paths: list[tuple[Any, str, Any]] = []
        self._environ: dict[str, str | None] = {}
        self._entries: dict[str, bytes] = {}
        self._guards: list[Guard] = []
        if looked is not None:
            self._note(looked)

    def _note(self, looked: dict[str, Any]) -> None:
        self._environ = {name: os.environ.get(name) for name in looked["Variables"] or ()}
        self._nodes = {name.partition("(")[0] for name in looked["Nodes"] or ()}
        for p in looked["Paths"] or ():
            of, s = _STAT if p["Follow"] else _LSTAT, p["Stat"]
            stat = None if p["Absent"] else (s["Dev"], s["Ino"], s["Size"], s["Mtime"], s["Ctime"], s["Mode"])
            self._paths.append((of, p["Path"], stat))
        if not looked["Expires"].startswith("0001-"):
            self._stands = False  # when it expires is calyx's to tell

    def rest_on(self, living: Living) -> None:
        """Note the nodes that it stands on, as they are described and guarded now."""
        if self._stands:
            names = sorted(self._nodes & living.entries.keys())
            self._entries = {name: living.entries[name] for name in names}
            self._guards = [living.declared, *(living.guards[name] for name in names if name in living.guards)]

    def described_by(self, entries: Mapping[str, bytes]) -> bool:
        """Tell whether the nodes that it stands on are described as they were."""
        return self._stands and all(entries.get(name) == entry for name, entry in self._entries.items())

    def holds(self) -> bool:
        """Tell whether nothing has moved on which the value stands, neither here nor in files."""
        return self._stands and all(guard.same() for guard in self._guards) and self.still()

    def still(self) -> bool:
        """Tell whether no file or variable has moved on which the value stands."""
        if not self._stands:
            return False
        for of, path, stat in self._paths:
            if _stat(of, path) != stat:
                return False
        return all(os.environ.get(name) == text for name, text in self._environ.items())


def _stat(of: Any, path: str) -> tuple[int, ...] | None:
    try:
        s = of(path)
    except OSError:
        return None
    return (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_mode)


def _value(said: dict[str, Any]) -> pb.Value:
    value = pb.Value(media_type=said["media_type"], executable=said.get("executable", False))
    if said.get("items") is not None:
        value.list.items.extend(_value(item) for item in said["items"])
    elif "path" in said:
        value.path = os.fsencode(said["path"])
    elif "inline" in said:
        value.inline = base64.b64decode(said["inline"])
    return value
