"""What code reaches of files and modules: the project's by their syntax, all others by what is installed."""

from __future__ import annotations

import abc
import ast
import hashlib
import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from ._imports import Imports
from ._modules import Source, belongs, file_of_module, is_projects_module
from ._names import IMPORTING, Names, effects, names_in
from ._packages import packages
from ._parts import Place
from ._units import Scope, Target, Unit, Where


class Files(abc.ABC):
    """The part of Identity that concerns files, modules and packages."""

    def __init__(self, live: bool = False, late: bool = False) -> None:
        self._live = live
        #: Files may say something else by now than when they were imported.
        self._late = live or late
        self._sources: dict[str | None, Source | None] = {}
        self._units: dict[Any, Unit] = {}
        self._imports = Imports()
        #: Effects that are being looked for: modules may import one another.
        self._importing: set[Unit] = set()
        #: The files of the project that any identity rests on.
        self.files: set[str] = set()
        #: Files that tell what is installed, and paths at which an import looked in vain.
        self.records: set[str] = set()
        self.absences: set[str] = self._imports.absences
        self.folders: set[str] = self._imports.folders

    @abc.abstractmethod
    def _refer_names(self, unit: Unit, names: Names, scope: Scope) -> None:
        """Let a piece of code refer to what its names stand for."""

    def loaded(self) -> None:
        """Let what is described rest on every module of the project that is loaded: any of them may change what others hold."""
        for module, path in _loaded():
            self.files.add(_file_with(path))
            source = self._source(path)
            if source is not None:
                self._imports.of_module(source.tree, module)

    def _binding(self, where: Where) -> Unit:
        """Stand for a name by the statements that bind it in its module, and by what these reach."""
        where = self._origin(where)
        key = ("binding", where.module.__name__, where.name)
        if key in self._units:
            return self._units[key]
        source = self._source(file_of_module(where.module))
        statements = source.statements(where.name) if source else []
        unit = self._units[key] = Unit("binding")
        if source and statements:
            unit.place = source.place(where.name, statements)
        unit.refer(where.name, [self._binding(origin) for s in statements for origin in self._origins(where, s)])
        rest = [s for s in statements if not self._origins(where, s)]
        unit.text += "".join(f" {dump(s)}" for s in rest)
        self._refer_names(unit, names_in([s for s in rest if not isinstance(s, (ast.Import, ast.ImportFrom))]), Scope.of(where.module))
        return unit

    def _origin(self, where: Where) -> Where:
        """Return where a name is bound that modules import from one another: where it comes through does not count."""
        seen: set[Where] = set()
        while where not in seen:
            seen.add(where)
            statements = self._statements(where)
            origins = [origin for s in statements for origin in self._origins(where, s)]
            if len(origins) == len(statements) == 1:
                where = origins[0]
        return where

    def _statements(self, where: Where | None) -> list[ast.stmt]:
        """Return the statements that bind a name."""
        source = self._source(file_of_module(where.module)) if where is not None else None
        return source.statements(where.name) if source is not None and where is not None else []

    def _origins(self, where: Where, statement: ast.stmt) -> list[Where]:
        """Return what a statement imports under a name from a module of the project."""
        if not isinstance(statement, ast.ImportFrom):
            return []
        origin = sys.modules.get(self._imports.absolute(statement, where.module))
        if origin is None or not is_projects_module(origin):
            return []
        aliases = [a for a in statement.names if (a.asname or a.name) in (where.name, "*")]
        names = [where.name if a.name == "*" else a.name for a in aliases]
        return [Where(origin, name) for name in names]

    def _module(self, module: ModuleType) -> list[Target]:
        """Stand for a module that is used as a whole."""
        if not is_projects_module(module):
            return self._foreign(module.__name__)
        path = file_of_module(module)
        if path is not None:
            return [self._whole(path, module, ""), *self._submodules(module)]
        files = [f for folder in module.__path__ for f in self._imports.files_below(folder)]
        return [self._whole(f, self._imports.loaded_from(f), "") for f in files]

    def _submodules(self, module: ModuleType) -> list[Target]:
        """Stand for what a package that is used as a whole holds of modules."""
        prefix = module.__name__ + "."
        inner = [m for _, m in sorted(vars(module).items()) if isinstance(m, ModuleType) and m.__name__.startswith(prefix)]
        return [t for m in inner for t in self._module(m)]

    def _foreign(self, module: str) -> list[Target]:
        """Stand for a module that is not the project's by what is installed."""
        root = module.partition(".")[0]
        if root in sys.stdlib_module_names or root in ("calyx", "builtins", "__main__"):
            return []
        found = packages().of(root)
        self.records |= {p.record for p in found if p.record}
        return [f"package {p.identity}" for p in found]

    def _source(self, path: str | None) -> Source | None:
        if path in self._sources:
            return self._sources[path]
        if path is None or not path.endswith((".py", ".pyw")) or not os.path.isfile(path):
            return None
        real = os.path.realpath(path)
        if real not in self._sources:
            self._sources[real] = self._read(real)
        self._sources[path] = self._sources[real]
        self.files.add(real)
        return self._sources[path]

    def _read(self, path: str) -> Source | None:
        try:
            return Source(path)
        except SyntaxError:
            if not self._late:
                raise
            return None  # it is being edited: what runs is older

    def _effects(self, module: ModuleType, source: Source) -> list[Target]:
        """Stand for what importing a module does besides binding names, also in the project's modules that it imports.

        Where that is nothing, there is nothing to stand for it: then it does not count in which module something is.
        """
        key = ("effects", source.path)
        if key not in self._units:
            self._fill_effects(key, module, source)
        unit = self._units[key]
        return [unit] if unit.place is not None or unit.refs or unit in self._importing else []

    def _fill_effects(self, key: tuple[str, str], module: ModuleType, source: Source) -> None:
        statements = [] if self._live and module.__name__ == "__main__" else effects(source.tree)
        unit = self._units[key] = Unit("effects " + "".join(map(dump, statements)))
        if statements:
            unit.place = source.place("(when imported)", statements)
        self._importing.add(unit)
        self._refer_names(unit, names_in(list(statements)), Scope.of(module))
        for path in sorted(self._imports.of_module(source.tree, module)):
            imported = self._imports.loaded_from(path)
            inner = self._source(path) if belongs(path) == "project" and imported is not None else None
            if inner is not None and imported is not None:
                unit.refer("imports", self._effects(imported, inner))
        self._importing.discard(unit)

    def _all_effects(self) -> Unit:
        """Stand for all that importing the project does besides binding names: any of it may have set what nothing shows."""
        key = "all effects"
        if key not in self._units:
            self._units[key] = Unit(key)
            sources = [(module, self._source(path)) for module, path in _loaded()]
            found = {id(t): t for module, source in sources if source for t in self._effects(module, source) if isinstance(t, Unit)}
            self._units[key].refer("", [*sorted((u for u in found.values() if u.place is not None), key=lambda u: u.text)])
        return self._units[key]

    def _widen(self, unit: Unit, module: ModuleType | None, because: str) -> None:
        """Let whole files count where code reaches what cannot be seen: the file, or all of its folder for what any module may add."""
        path = file_of_module(module) if module else None
        if path is None or module is None:
            if self._live:
                unit.refused = f"{because} is used outside of a file: what it reaches cannot be seen; write the function in a module"
            return
        what = os.path.basename(path)
        if because.removesuffix("()") in {*IMPORTING, "sys.modules", "__subclasses__"}:
            folder = os.path.dirname(path)
            what = f"every file in {os.path.basename(folder)}/"
            for other in self._imports.files_below(folder):
                unit.refer("folder", [self._whole(other, None, "")])
        unit.notes.append(f"all of {what} counts, because {because} is used")
        unit.refer("file", [self._whole(path, module, "")])

    def _whole(self, path: str, module: ModuleType | None, _why: str) -> Unit:
        """Stand for a whole file."""
        key = ("whole", path)
        if key in self._units:
            return self._units[key]
        source = self._source(path)
        if source is None:
            path = _file_with(path)
            self.files.add(path)
            unit = self._units[key] = Unit(f"native {_file_digest(path)}")
            unit.notes.append(f"all of {os.path.basename(path)} counts, because it is no source of Python")
            return unit
        unit = self._units[key] = Unit("whole " + dump(source.tree))
        unit.place = Place(os.path.basename(path), path, 1, source.text)
        names = names_in([source.tree])
        if module is not None:
            self._refer_names(unit, Names(names.loads, names.variables), Scope.of(module))
            if self._live:
                held = Names({name: {()} for name in vars(module) if not name.startswith("__")})
                self._refer_names(unit, held, Scope.of(module))
        for statement in (*names.imports, *names.inner):
            unit.refer("import", [t for p in self._imports.targets(statement, module, path) for t in self._imported(p)])
        return unit

    def _imported(self, target: str) -> list[Target]:
        """Stand for a module that is imported while a function runs: a file, or the name of one that is not the project's."""
        if not os.path.isabs(target):
            return self._foreign(target) or [f"module {target}"]
        return [self._whole(target, self._imports.loaded_from(target) if self._live else None, "")]


def _loaded() -> Iterator[tuple[ModuleType, str]]:
    """Yield the loaded modules of the project with their files."""
    for module in list(sys.modules.values()):
        path = file_of_module(module) if isinstance(module, ModuleType) else None
        if path is not None and belongs(path) == "project":
            yield module, path


def dump(node: ast.AST) -> str:
    return ast.dump(node, annotate_fields=False)


def _file_with(path: str) -> str:
    """Return the file of a module, or the archive that it was imported from."""
    path = os.path.realpath(path)
    at = path
    while not os.path.isfile(at) and at != os.path.dirname(at):
        at = os.path.dirname(at)
    return at if os.path.isfile(at) else path


def _file_digest(path: str) -> str:
    with open(path, "rb") as f:
        return hashlib.blake2b(f.read(), digest_size=20).hexdigest()
