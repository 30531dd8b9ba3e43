"""Arrays, tensors and tables as files of well-known formats.

Nothing here is imported before a value of the library concerned turns up: a value is recognised by the name of the module that
its type comes from.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import IO, Any, NamedTuple


class Written(NamedTuple):
    """A value ready to be written in a format."""

    media: str
    extension: str
    #: An upper estimate of the length in bytes: what is certainly short is sent inline.
    size: int
    write: Callable[[IO[bytes]], object]

    def to_bytes(self) -> bytes:
        """Return what `write` writes."""
        out = io.BytesIO()
        self.write(out)
        return out.getvalue()


def write_format(value: Any, where: str) -> Written | None:
    """Return how to write a value that is an array, a dictionary of tensors or a table; None for all else."""
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    if library in ("numpy", "ml_dtypes", "torch", "jax", "jaxlib") or kind is dict:
        from . import _arrays

        return _arrays.write(value, where)
    if library in ("pandas", "polars", "pyarrow"):
        from . import _frames

        return _frames.write(value, where)
    return None


def read_format(media: str, data: memoryview) -> tuple[bool, Any]:
    """Read a file of a known format; the first of the two tells whether it is one."""
    if media == "application/x-npy":
        from . import _arrays

        return True, _arrays.read_npy(data)
    if media == "application/vnd.safetensors":
        from . import _arrays

        return True, _arrays.read_safetensors(data)
    if media == "application/vnd.apache.arrow.file":
        from . import _frames

        return True, _frames.read(data)
    return False, None
