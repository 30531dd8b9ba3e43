"""Digests of values that code reaches as constants."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from .._errors import UnstorableError
from .._formats import write_format
from .._plain import Packer
from .._transport import to_json


def constant_digest(value: Any) -> str | None:
    """Return a digest of a value that is plain data; None for any other."""
    if isinstance(value, re.Pattern):
        value = ("pattern", value.pattern, value.flags)
    try:
        return hashlib.blake2b(to_json(Packer(_other).pack(value)), digest_size=20).hexdigest()
    except (UnstorableError, RecursionError):
        return None


def _other(value: Any, where: str) -> Any:
    written = write_format(value, where)
    if written is None:
        return None
    return {"$file": hashlib.blake2b(written.to_bytes(), digest_size=20).hexdigest()}
