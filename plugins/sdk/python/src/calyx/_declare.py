"""What a program declares: pipelines, stored values and functions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, cast, overload

from . import _ask
from ._errors import DeclarationError
from ._options import StepOptions, check

if TYPE_CHECKING:
    from typing_extensions import Unpack

P = ParamSpec("P")
Q = ParamSpec("Q")
R = TypeVar("R")
S = TypeVar("S")


class Node:
    """What a decorator makes of a method or function. The name, documentation and signature stay the function's."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.attribute = function.__name__
        self.owner: type[Any] | None = None
        functools.update_wrapper(cast("Any", self), function)

    def __set_name__(self, owner: type[Any], name: str) -> None:
        if not issubclass(owner, Pipeline):
            raise DeclarationError(f"{owner.__name__}.{name} is declared in a class that is no calyx.Pipeline")
        self.owner, self.attribute = owner, name

    @functools.cached_property
    def signature(self) -> inspect.Signature:
        """The parameters that a caller gives: without self."""
        signature = inspect.signature(self.function)
        if self.owner is None:
            return signature
        parameters = list(signature.parameters.values())
        if not parameters:
            raise DeclarationError(f"{self}: a method takes self")
        return signature.replace(parameters=parameters[1:])

    def __reduce__(self) -> str:
        """Have a pickle name it: in another process it is there as well, and says what calling it there means."""
        return cast("str", cast("Any", self).__qualname__)

    def __str__(self) -> str:
        return f"{self.owner.__name__}.{self.attribute}" if self.owner else self.attribute

    def __repr__(self) -> str:
        return f"<calyx node {self}>"


class Fn(Node, Generic[P, R]):
    """A derived node: a function that calyx calls and whose result it keeps."""

    asynchronous = False

    def __init__(self, function: Callable[P, R], *, overlap: bool | None = None, serializer: str | None = None, **options: Any) -> None:
        super().__init__(function)
        self.options = check(self, options)
        if serializer not in (None, "pickle"):
            raise DeclarationError(f"{self}: there is no serializer {serializer!r}; the only one to choose is \"pickle\"")
        self.overlap = self.asynchronous if overlap is None else overlap
        self.serializer = serializer

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return cast("R", self.ask(None, args, kwargs))

    def ask(self, pipeline: type[Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Have calyx bring the node up to date, and return its value."""
        return _ask.value(self, pipeline, args, kwargs)

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call a function from a coroutine, which waits and lets others go on meanwhile: `await clean.aio()`."""
        return _ask.value_async(self, None, args, kwargs)

    @overload
    def __get__(self, obj: None, owner: type[Any]) -> Fn[P, R]: ...

    @overload
    def __get__(self: Fn[Concatenate[Any, Q], S], obj: object, owner: type[Any]) -> Bound[Q, S]: ...

    def __get__(self, obj: Any, owner: Any) -> Any:
        return self if obj is None else Bound(self, type(obj))


class AsyncFn(Fn[P, R]):
    """A derived node whose function is a coroutine. Nodes of this kind overlap, all on one event loop."""

    asynchronous = True

    def ask(self, pipeline: type[Any] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return a coroutine that has calyx bring the node up to date."""
        return _ask.value_async(self, pipeline, args, kwargs)


class Bound(Generic[Q, S]):
    """A derived node of a pipeline, to be called."""

    __slots__ = ("__dict__", "node", "pipeline")

    def __init__(self, node: Fn[Any, Any], pipeline: type[Any]) -> None:
        self.node, self.pipeline = node, pipeline

    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> S:
        return cast("S", self.node.ask(self.pipeline, args, kwargs))

    def aio(self, *args: Q.args, **kwargs: Q.kwargs) -> Coroutine[Any, Any, S]:
        """Call the node from a coroutine, which waits and lets others go on meanwhile: `await self.clean.aio()`."""
        return _ask.value_async(self.node, self.pipeline, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.node, name)

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.pipeline(), self.node.attribute)

    def __repr__(self) -> str:
        return f"<calyx node {self.pipeline.__name__}.{self.node.attribute}>"


class Stored(Node, Generic[S]):
    """A stored node: an input whose value changes only because somebody changed it."""

    def __init__(
        self,
        function: Callable[..., S],
        *,
        path: str | None = None,
        glob: str | None = None,
        env: str | None = None,
        default: Any = None,
    ) -> None:
        super().__init__(function)
        if sum(source is not None for source in (path, glob, env)) > 1:
            raise DeclarationError(f"{self}: it has one source at most: path, glob or env")
        self.path, self.glob, self.env, self.default = path, glob, env, default

    def __call__(self) -> S:
        return cast("S", _ask.stored(self, None))

    @overload
    def __get__(self, obj: None, owner: type[Any]) -> Stored[S]: ...

    @overload
    def __get__(self, obj: object, owner: type[Any]) -> Callable[[], S]: ...

    def __get__(self, obj: Any, owner: Any) -> Any:
        return self if obj is None else functools.partial(_ask.stored, self, obj)


@overload
def fn(function: Callable[P, R], /) -> Fn[P, R]: ...


@overload
def fn(*, overlap: bool = False, serializer: str | None = None, **options: Unpack[StepOptions]) -> Callable[[Callable[P, R]], Fn[P, R]]: ...


def fn(function: Any = None, /, **options: Any) -> Any:
    """Make a method or function a derived node: computed once for the same inputs, and again when what it used has changed.

    overlap: calls may run in threads beside one another, which functions that only wait or that release the interpreter's
    lock gain from. serializer: "pickle" where nothing else can hold what it returns, and the user allows it. All else are
    options of the step, as in a Calyxfile: retries, timeout, pool (sized by the Calyxfile's `pool()`), ttl, …
    """
    return _decorate(Fn, function, options)


@overload
def async_fn(function: Callable[P, Coroutine[Any, Any, R]], /) -> AsyncFn[P, Coroutine[Any, Any, R]]: ...


@overload
def async_fn(
    *, serializer: str | None = None, **options: Unpack[StepOptions]
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], AsyncFn[P, Coroutine[Any, Any, R]]]: ...


def async_fn(function: Any = None, /, **options: Any) -> Any:
    """Make a coroutine function a derived node. Such nodes overlap on one event loop."""
    return _decorate(AsyncFn, function, options)


@overload
def stored(function: Callable[[Any], S] | Callable[[], S], /) -> Stored[S]: ...


@overload
def stored(*, path: str) -> Callable[[Callable[..., S]], Stored[S]]: ...


@overload
def stored(*, glob: str) -> Callable[[Callable[..., S]], Stored[S]]: ...


@overload
def stored(*, env: str, default: str | None = None) -> Callable[[Callable[..., S]], Stored[S]]: ...


def stored(function: Any = None, /, **source: Any) -> Any:
    """Make a method or function an input: a parameter whose default the body returns, or path=, glob= or env=."""
    return _decorate(Stored, function, source)


def _decorate(kind: Callable[..., Node], function: Any, options: dict[str, Any]) -> Any:
    if function is not None:
        if not callable(function):
            raise DeclarationError(f"{function!r} is no function")
        return kind(function)
    return lambda f: kind(f, **options)


class Pipeline:
    """The base of pipelines: classes whose decorated methods are nodes.

    calyx makes one object of each, which holds nothing: what a node may depend on is an argument, a stored value, another
    node, or code. So attributes cannot be set.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            raise DeclarationError(f"{cls.__name__}.__init__: a pipeline holds nothing; make what it would be given a stored value")

    def __setattr__(self, name: str, value: object) -> None:
        near = getattr(type(self), name, None)
        hint = "make it a stored value, an argument, or the result of a node"
        if isinstance(near, Stored):
            hint = f'use `calyx set {name} …`, or Session.set("{name}", …)'
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set, since calyx would not see it: {hint}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted, since calyx would not see it")


def nodes_of(pipeline: type[Pipeline]) -> dict[str, Node]:
    """Return the nodes of a pipeline by attribute, inherited ones too, in the order in which they are declared."""
    found: dict[str, Node] = {}
    for base in reversed(pipeline.__mro__):
        for name in vars(base):
            node = inspect.getattr_static(pipeline, name)
            if isinstance(node, Node):
                found[name] = node
    return found


def stored_nodes(pipeline: type[Pipeline]) -> list[str]:
    """Return the names of a pipeline's stored nodes."""
    return [name for name, node in nodes_of(pipeline).items() if isinstance(node, Stored)]


def derived_nodes(pipeline: type[Pipeline]) -> list[str]:
    """Return the names of a pipeline's derived nodes."""
    return [name for name, node in nodes_of(pipeline).items() if isinstance(node, Fn)]
