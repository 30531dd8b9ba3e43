"""What a process serves: functions and stored values by the names of their nodes."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ._declare import Fn, Node, Pipeline, Stored, nodes_of
from ._errors import CalyxError, DeclarationError
from ._globals import Globals
from ._hints import parameter_types
from ._types import module_name

if TYPE_CHECKING:
    from ._code import Code


class Served:
    """A node with the object on which its function runs."""

    def __init__(self, name: str, node: Node, pipeline: Pipeline | None) -> None:
        self.name = name
        self.node = node
        self.pipeline = pipeline

    @property
    def asynchronous(self) -> bool:
        """Whether the function is a coroutine function."""
        return isinstance(self.node, Fn) and self.node.asynchronous

    @property
    def overlap(self) -> bool:
        """Whether calls may run beside one another."""
        return isinstance(self.node, Fn) and self.node.overlap

    @property
    def leading(self) -> tuple[Any, ...]:
        """The arguments before those that a caller gives."""
        return () if self.pipeline is None else (self.pipeline,)


class Program:
    """All nodes of a process."""

    def __init__(self, *what: Any) -> None:
        self.pipelines: list[type[Pipeline]] = []
        self.functions: dict[str, Served] = {}
        self.stored: dict[str, Served] = {}
        self._names: dict[tuple[type[Any] | None, Node], str] = {}
        self._types: dict[Node, dict[str, str]] = {}
        self._globals: Globals | None = None
        #: The exceptions of nodes, by the nodes' names, where somebody in this process wants them.
        self.errors: dict[str, BaseException] | None = None
        #: The identities of nodes by their names, where they are those of live code, which may change.
        self.live: Mapping[str, Code] = {}
        plain: list[Node] = []
        for thing in what:
            self._sort(thing, plain)
        shared = _shared([nodes_of(p) for p in self.pipelines], plain)
        for node in plain:
            self._add(node.attribute, node, None)
        for pipeline in self.pipelines:
            self._add_pipeline(pipeline, shared)
        if not self._names:
            raise DeclarationError("there is nothing to serve: no pipeline, and no decorated function")

    def _sort(self, thing: Any, plain: list[Node]) -> None:
        if isinstance(thing, ModuleType):
            for value in vars(thing).values():
                own = getattr(value, "__module__", None) == thing.__name__
                if own and (isinstance(value, Node) or (isinstance(value, type) and issubclass(value, Pipeline))):
                    self._sort(value, plain)
        elif isinstance(thing, type) and issubclass(thing, Pipeline):
            if thing not in self.pipelines and thing is not Pipeline:
                self.pipelines.append(thing)
        elif isinstance(thing, Node):
            if thing not in plain:
                plain.append(thing)
        else:
            raise DeclarationError(f"{thing!r} cannot be served: it is no pipeline, decorated function or module")

    def _add_pipeline(self, pipeline: type[Pipeline], shared: set[str]) -> None:
        instance = pipeline()
        for attribute, node in nodes_of(pipeline).items():
            name = f"{pipeline.__name__}.{attribute}" if attribute in shared else attribute
            self._add(name, node, instance)
        for base in pipeline.__mro__[1:]:
            for attribute, node in vars(base).items():
                if isinstance(node, Node) and (pipeline, node) not in self._names:
                    # What super().x() reaches: the node of the base with this pipeline's values.
                    self._add(f"{pipeline.__name__}.{base.__name__}.{attribute}", node, instance)

    def _add(self, name: str, node: Node, instance: Pipeline | None) -> None:
        kind = self.functions if isinstance(node, Fn) else self.stored
        other = self.functions.get(name) or self.stored.get(name)
        if other is not None:
            raise DeclarationError(f"there are two nodes {name!r}: {_place(other.node)} and {_place(node)}")
        _check(node, instance)
        kind[name] = Served(name, node, instance)
        self._names[type(instance) if instance is not None else None, node] = name

    def loaded(self) -> None:
        """Note that all modules of the program are loaded: from here on their globals are not to change."""
        self._globals = Globals()

    def check_globals(self) -> None:
        """Raise an error where a node has changed a global."""
        if self._globals is not None:
            self._globals.check()

    def restore_globals(self) -> None:
        """Put back the globals that a node has changed before it failed."""
        if self._globals is not None:
            self._globals.restore()

    def check_seen(self, name: str) -> None:
        """Raise an error where a node reaches what cannot be seen."""
        code = self.live.get(name)
        if code is not None and code.refused:
            raise CalyxError(f"{name}: {code.refused}")

    def check_still(self, name: str) -> None:
        """Raise an error where what a node reaches has changed since its identity was taken."""
        code = self.live.get(name)
        if code is not None and code.guard.moved():
            raise CalyxError(
                f"{name}: code or an object that it reaches was changed while it ran, so calyx cannot tell what its result stands on; "
                "ask again when nothing changes it, and keep what is costly to make with functools.cache"
            )

    def copied(self) -> Program:
        """Return a copy for one more session: errors are its own."""
        program = copy.copy(self)
        program.errors = {}
        return program

    def parameter_type(self, node: Node, parameter: str) -> str:
        """Return the type of a parameter in the words of the protocol."""
        types = self._types.get(node)
        if types is None:
            types = self._types[node] = parameter_types(node)
        return types[parameter]

    def name(self, node: Node, pipeline: type[Any] | None) -> str:
        """Return the name of a node; pipeline is the class of the object through which it was called."""
        name = self._names.get((pipeline, node))
        if name is None:
            what = pipeline.__name__ if pipeline else node.attribute
            raise DeclarationError(f"{what} is not served here, so calyx does not know its nodes: serve(…, {what}), or Session(…, {what})")
        return name


def _shared(groups: list[dict[str, Node]], plain: list[Node]) -> set[str]:
    seen = {node.attribute for node in plain}
    shared: set[str] = set()
    for group in groups:
        shared |= seen & group.keys()
        seen |= group.keys()
    return shared


def _check(node: Node, instance: Pipeline | None) -> None:
    if node.owner is None and instance is not None:
        raise DeclarationError(f"{node} belongs to no class")
    if isinstance(node, Stored):
        if node.signature.parameters:
            raise DeclarationError(f"{node}: a stored value takes no arguments")
        return
    for parameter in node.signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise DeclarationError(f"{node}: its parameter {parameter} has no name of its own by which a step could give it")
    coroutine = inspect.iscoroutinefunction(inspect.unwrap(node.function))
    if isinstance(node, Fn) and coroutine != node.asynchronous:
        raise DeclarationError(f"{node}: @async_fn is for functions made by `async def`, and @fn for all others")
    if inspect.isgeneratorfunction(node.function) or inspect.isasyncgenfunction(node.function):
        raise DeclarationError(f"{node} is a generator, which has no value that could be kept; return a list")


def _place(node: Node) -> str:
    code = getattr(inspect.unwrap(node.function), "__code__", None)
    where = f" (line {code.co_firstlineno})" if code else ""
    return f"{module_name(node.function.__module__)}.{node}{where}"
