"""What is installed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import sys
from typing import Any, NamedTuple


class Package(NamedTuple):
    """An installed distribution, by what is installed."""

    name: str
    identity: str
    record: str | None


class Packages:
    """The installed distributions, as they are at one time."""

    def __init__(self) -> None:
        self._by_module = importlib.metadata.packages_distributions()
        self._known: dict[str, Package | None] = {}
        self._of: dict[str, list[Package]] = {}

    def of(self, module: str) -> list[Package]:
        """Return the distributions that a module belongs to, with all that they require, by name."""
        if module not in self._of:
            found: dict[str, Package] = {}
            for name in self._by_module.get(module, ()):
                self._collect(name, found)
            self._of[module] = [found[name] for name in sorted(found)]
        return self._of[module]

    def _collect(self, name: str, found: dict[str, Package]) -> None:
        package = self._package(name)
        if package is None or package.name in found:
            return
        found[package.name] = package
        for required in importlib.metadata.requires(name) or ():
            if "extra ==" not in required:
                self._collect(_plain_name(required), found)

    def _package(self, name: str) -> Package | None:
        if name not in self._known:
            self._known[name] = _read_package(name)
        return self._known[name]


def _plain_name(requirement: str) -> str:
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), len(requirement))
    return requirement[:end]


def _read_package(name: str) -> Package | None:
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    record = distribution.read_text("RECORD")
    path = getattr(distribution, "_path", None)
    digest = hashlib.sha256((record or "").encode()).hexdigest()
    at = os.path.join(str(path), "RECORD") if path is not None and record is not None else None
    return Package(distribution.metadata["Name"].lower(), f"{name.lower()} {distribution.version} {digest}", at)


class _Kept:
    """The distributions that were found last, and how the folders were then in which they were looked for."""

    folders: Any = None
    packages: Packages


def packages() -> Packages:
    """Return the installed distributions. To look for them takes up to a second, so they are kept while no folder has changed in
    which Python looks for modules: what is installed, removed or upgraded is a new name there.
    """
    folders = [(path, _stat(path)) for path in sys.path]
    if _Kept.folders != folders:
        _Kept.packages = Packages()
        _Kept.folders = folders
    return _Kept.packages


def _stat(path: str) -> Any:
    try:
        s = os.stat(path or ".")
    except OSError:
        return None
    return s.st_ino, s.st_mtime_ns, s.st_ctime_ns
