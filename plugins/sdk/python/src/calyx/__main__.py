"""`python -m calyx get FILE:NODE` for a quick look; `python -m calyx serve FILE` is what calyx starts for it."""

from __future__ import annotations

import sys
import traceback

from ._errors import CalyxError

_USAGE = "usage: python -m calyx get FILE:NODE [options of calyx get]\n       python -m calyx serve FILE"


def main(arguments: list[str]) -> int:
    """Carry out one command line and return the exit status."""
    from ._look import get, load

    try:
        if len(arguments) >= 2 and arguments[0] == "get":
            return get(arguments[1], arguments[2:])
        if len(arguments) == 2 and arguments[0] == "serve":
            from . import serve

            serve(load(arguments[1]))
            return 0
    except CalyxError as e:
        print(f"calyx: error: {e}", file=sys.stderr)
        return 2
    except SyntaxError as e:
        print("calyx: error:", "".join(traceback.format_exception_only(e)).strip(), file=sys.stderr)
        return 2
    print(_USAGE, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
