"""What can go wrong, in types that programs can tell apart."""

from __future__ import annotations


class CalyxError(Exception):
    """The base of every error that calyx raises itself."""


class OutsideNodeError(CalyxError):
    """A node was called, or something was read through calyx, where no node was being computed."""


class NeedError(CalyxError):
    """Something that a node asked for could not be had: it failed, does not exist, or needs the asking node itself.

    A node may catch it and go on; its result is then used in this build, but not kept.
    """


class UnstorableError(CalyxError, TypeError):
    """A value, or an argument, cannot be written so that it comes back equal."""


class DeclarationError(CalyxError):
    """A pipeline says something about itself that cannot be."""


class RetryAfter(CalyxError):
    """Raise it where another attempt may help: the step's `retries` apply, after at least `seconds`."""

    def __init__(self, seconds: float = 0.0, message: str = "") -> None:
        super().__init__(message or f"try again after {seconds:g} s")
        self.seconds = float(seconds)


class Cancelled(BaseException):
    """Raised inside a node that calyx wants to end. Not an Exception, so that nodes do not catch it by accident."""
