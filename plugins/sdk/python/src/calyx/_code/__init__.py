"""Code identity: what a function is, so that calyx knows when it may compute something else.

The digest covers the function and everything of the project that it reaches (helpers, classes, closures, constants,
decorators, inherited methods, imports), from the syntax tree: comments, formatting and places do not count, docstrings do.
Of packages that are not the project's, what is installed counts; of Python and the SDK, their versions.
"""

from ._identity import Identity
from ._parts import Part
from ._units import Code

__all__ = ["Code", "Identity", "Part"]
