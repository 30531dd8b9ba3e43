"""Options of the steps that nodes are, by the names that a Calyxfile has for them."""

from __future__ import annotations

import difflib
from typing import Any, TypedDict, cast

from ._errors import DeclarationError


class StepOptions(TypedDict, total=False):
    """Options of a step. What they mean, and which values they take, a Calyxfile decides: `step(…)` takes the same."""

    batch: int
    cache: bool
    flat: bool
    format: str
    local: bool
    mem: int | str
    on_error: str
    platform: dict[str, str]
    pool: str
    portable: bool
    rate: str
    resume: str
    retries: int
    secrets: list[str]
    timeout: float | str
    tolerance: float | dict[str, float]
    ttl: float | str


OWN = ("overlap", "serializer")


def check(node: object, options: dict[str, Any]) -> StepOptions:
    """Return the options of a node; the error names the first that there is not, and the nearest that there is."""
    known = [*StepOptions.__annotations__, *OWN]
    for name in options:
        if name not in StepOptions.__annotations__:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            if name == "env":
                hint = ": variables are given to the whole plugin, plugin(env = …) in the Calyxfile"
            raise DeclarationError(f"{node}: there is no option {name!r}{hint}")
    return cast("StepOptions", options)
