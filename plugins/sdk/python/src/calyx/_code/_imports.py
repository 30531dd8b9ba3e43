"""Finds what import statements mean, without importing anything."""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

from ._modules import belongs, file_of_module
from ._names import looked_for


class Imported(NamedTuple):
    """What an import binds to one name."""

    name: str
    #: The module that it is taken from, where that is loaded, and the attribute of it.
    base: ModuleType | None
    chain: tuple[str, ...]
    #: All that is imported for it, as `Imports.targets` returns it, and the modules among that which are loaded.
    targets: list[str]
    loaded: dict[str, ModuleType]


class Imports:
    """Import statements of a program."""

    def __init__(self) -> None:
        #: Paths at which a module of the project would have been found.
        self.absences: set[str] = set()
        #: Folders all of whose files of Python count.
        self.folders: set[str] = set()

    def absolute(self, statement: ast.ImportFrom, module: ModuleType | None) -> str:
        """Return the full name of the module that a `from … import` names."""
        if not statement.level:
            return statement.module or ""
        package = getattr(module, "__package__", None) or ""
        parts = package.split(".")[: len(package.split(".")) - statement.level + 1] if package else []
        return ".".join([*parts, *([statement.module] if statement.module else [])])

    def targets(self, statement: ast.Import | ast.ImportFrom, module: ModuleType | None, path: str = "") -> list[str]:
        """Return what a statement imports: paths of files of the project, and names of modules that are not the project's."""
        if isinstance(statement, ast.Import):
            names = [a.name for a in statement.names]
        elif statement.level and module is None:
            return self._beside(statement, path)
        else:
            base = self.absolute(statement, module)
            names = [base, *(f"{base}.{a.name}" for a in statement.names if a.name != "*")]
        found: list[str] = []
        for name in names:
            found += [t for t in self._find(name) if t not in found]
        return found

    def each(self, statement: ast.Import | ast.ImportFrom, module: ModuleType | None) -> Iterator[Imported]:
        """Yield what a statement binds, name by name."""
        chain: tuple[str, ...]
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                base, chain = (alias.name, ()) if alias.asname else (alias.name.partition(".")[0], ())
                full, targets = alias.name, self.targets(ast.Import([alias]), module)
            else:
                base, chain = self.absolute(statement, module), (alias.name,)
                full, targets = f"{base}.{alias.name}", self.targets(ast.ImportFrom(statement.module, [alias], statement.level), module)
            parts = full.split(".")
            modules = [sys.modules.get(".".join(parts[: i + 1])) for i in range(len(parts))]
            files = {os.path.realpath(file_of_module(m) or ""): m for m in modules if m is not None}
            loaded = {t: files[t] for t in targets if t in files}
            yield Imported(alias.asname or alias.name.partition(".")[0], sys.modules.get(base), chain, targets, loaded)

    def _beside(self, statement: ast.ImportFrom, path: str) -> list[str]:
        """Resolve a relative import by the place of the file that has it."""
        folder = os.path.dirname(path)
        for _ in range(statement.level - 1):
            folder = os.path.dirname(folder)
        base = os.path.join(folder, *(statement.module or "").split("."))
        candidates = [base + ".py", os.path.join(base, "__init__.py")]
        for alias in statement.names:
            candidates += [os.path.join(base, alias.name + ".py"), os.path.join(base, alias.name, "__init__.py")]
        if os.path.isdir(base):
            self.absences |= {c for c in candidates[2:] if not os.path.isfile(c)}
        return [c for c in candidates if os.path.isfile(c)]

    def _find(self, name: str) -> list[str]:
        """Return the files of a module and its packages, or its name where it is not the project's."""
        found: list[str] = []
        search: list[str] | None = None
        parts = name.split(".")
        for i, part in enumerate(parts):
            # Only the last part of a name is looked for. A full one would have a package without __init__.py ask for its
            # parent, which need not be loaded.
            spec = importlib.machinery.PathFinder.find_spec(part, search)
            if spec is None:
                if i == 0:
                    self._miss(part)
                    return [] if part in sys.builtin_module_names else [part]
                self._miss_inside(part, search or [])
                return found  # a name in the module
            if i == 0:
                self._miss(part, spec.origin)
            if spec.origin is not None and belongs(spec.origin) != "project":
                return [parts[0]]
            if spec.origin is not None:
                found.append(os.path.realpath(spec.origin))
                if os.path.basename(spec.origin) == part + ".py":  # a package of the name would come before it
                    self.absences.add(os.path.join(os.path.dirname(spec.origin), part, "__init__.py"))
            search = list(spec.submodule_search_locations or [])
            if not search:
                return found
        return found

    def _miss_inside(self, name: str, folders: list[str]) -> None:
        """Remember that a package has no module of a name: one that appears there is what an import finds."""
        for folder in folders:
            if belongs(os.path.join(folder, "x.py")) == "project":
                self.absences |= {os.path.join(folder, name + ".py"), os.path.join(folder, name)}

    def _miss(self, name: str, origin: str | None = None) -> None:
        """Remember where a module was looked for in vain before it was found: one that appears there takes its place."""
        if name in sys.builtin_module_names:
            return
        found = os.path.dirname(origin or "")
        if os.path.basename(origin or "").startswith("__init__."):
            found = os.path.dirname(found)
        for folder in sys.path:
            if origin is not None and os.path.abspath(folder) == found:  # not in a folder of that, which may come later
                return
            whose = belongs(os.path.join(folder or ".", "x.py"))
            if whose == "project" or (whose == "package" and origin is None):  # what is not installed may be later
                ends = ["", ".py", *(importlib.machinery.EXTENSION_SUFFIXES if whose == "package" else ())]
                self.absences |= {os.path.join(folder, name + end) for end in ends}

    def of_module(self, tree: ast.Module, module: ModuleType) -> set[str]:
        """Return the files of the project that a module imports when it is imported itself."""
        found: set[str] = set()
        todo: list[ast.AST] = list(tree.body)
        while todo:
            node = todo.pop()
            looked = looked_for(node)
            if looked:
                self.targets(looked, module)  # it is not imported, but may come or go
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                found |= {t for t in self.targets(node, module) if os.path.isabs(t)}
            elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                todo += ast.iter_child_nodes(node)
        return found

    def loaded_from(self, path: str) -> ModuleType | None:
        """Return the loaded module of a file."""
        for module in list(sys.modules.values()):
            file = file_of_module(module) if isinstance(module, ModuleType) else None
            if file and os.path.realpath(file) == path:
                return module
        return None

    def files_below(self, folder: str) -> list[str]:
        """Return the files of Python below a folder."""
        found = []
        for at, folders, names in os.walk(folder):
            folders[:] = [f for f in sorted(folders) if not f.startswith(".") and f not in ("__pycache__", "node_modules")]
            if belongs(os.path.join(at, "x.py")) == "project":
                self.folders.add(at)
                found += [os.path.join(at, n) for n in sorted(names) if n.endswith(".py")]
        return found
