"""Sees the reads that nobody asked for: plain `open`, `os.listdir`, `os.stat` and the like on files of the workspace.

They belong to the process, since what was read may stay in its memory, and count for every node that runs then or later
(docs/plugin-protocol.md). What imports read is left out: code identity sees to it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import os.path
import pathlib
import stat
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

from ._call import Call, calling
from ._natives import watch_natives
from ._proto import plugin_pb2 as pb

#: Code whose reads are no node's: imports, the search for what is installed, and the source lines in tracebacks.
_IMPORTS = ("<frozen importlib", "<frozen zipimport")
_INSTALLED = ("/importlib/metadata/__init__.py", "/pkg_resources/__init__.py")
_SOURCE_LINES = ("/linecache.py", "/tokenize.py")
_PATHS = ("/os.py", "<frozen os>", "posixpath.py", "<frozen posixpath>", "genericpath.py", "<frozen genericpath>")
#: What libraries ask whether a function of os takes more than a path, such as the number of a folder: by the function itself.
_ABLE = (os.supports_dir_fd, os.supports_effective_ids, os.supports_fd, os.supports_follow_symlinks)
_plain_stat, _plain_readlink = os.stat, os.readlink
#: What makes something, with the place of its name among the arguments.
_MAKES = {"os.rename": 1, "os.link": 1, "os.symlink": 1, "os.mkdir": 0}
_HERE = os.path.dirname(os.path.abspath(__file__))
#: What reads for whoever calls it: calyx.open and its like outside of nodes, and what stands here in a function's place.
_FOR_OTHERS = (*_PATHS, os.path.join(_HERE, "_reads.py"), os.path.join(_HERE, "_watch.py"))
_LIBRARIES = tuple(sorted({os.path.realpath(p) + "/" for p in (sys.prefix, sys.base_prefix, sys.exec_prefix)}))


class Watch:
    """The reads of one process. It may be told of some from any thread, and in the midst of anything."""

    def __init__(self, workspace: str, interactive: bool) -> None:
        self.workspace = workspace
        #: The process is there before and after its nodes: what it reads beside them is edited while it goes on.
        self._interactive = interactive
        self._seen: dict[tuple[str, str], pb.Stood] = {}
        self._reads: list[tuple[str, pb.Request, pb.Stood]] = []
        self._made: set[str] = set()
        self._quiet = threading.local()

    def start(self) -> None:
        """Begin to watch; there is no way back."""
        sys.addaudithook(self._audit)
        for name, kind in (("stat", "stat"), ("lstat", "exists"), ("access", "access"), ("readlink", "exists")):
            self._wrap(os, name, kind)
        self._wrap_open()
        for name in ("exists", "lexists", "isfile", "isdir", "islink"):
            self._wrap(os.path, name, "exists")
        for name in ("exists", "is_file", "is_dir", "is_symlink"):
            self._wrap(pathlib.Path, name, "exists")
        watch_natives(self._note)
        accessor = getattr(pathlib, "_NormalAccessor", None)  # of Python 3.10, which keeps the functions of os
        if accessor is not None:
            accessor.stat, accessor.readlink = staticmethod(os.stat), staticmethod(os.readlink)

    @property
    def count(self) -> int:
        """How many reads there were."""
        return len(self._reads)

    def named(self, number: int) -> pb.Observed | None:
        """Return what `since` does, without what stood there."""
        reads = self._reads[number:]
        return pb.Observed(reads=[request for _, request, _ in reads]) if reads else None

    def since(self, number: int) -> pb.Observed | None:
        """Return the reads that followed so many others, in the order in which they were made; None where there are none."""
        reads = self._reads[number:]
        if not reads:
            return None
        stood = [pb.Stood() if stood.absent or self._is_made(subject) else stood for subject, _, stood in reads]
        return pb.Observed(reads=[request for _, request, _ in reads], stood=stood)

    def seen_by(self, call: Call) -> pb.Observed | None:
        """Return what a call has seen that is for itself to answer for, and the process has not made since; None: nothing.

        That is what it was the first to look for in vain, and in a process that goes on beside its nodes all files.
        """
        looks = [(request, stood) for subject, request, stood in call.looks.values() if not self._is_made(subject)]
        return pb.Observed(reads=[request for request, _ in looks], stood=[stood for _, stood in looks]) if looks else None

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open" and not self._is_quiet():
            path, mode, flags = args
            if _reads(mode, flags):  # what is read of a folder that is opened are its names, by its number
                self._look("exists" if mode is None and stat.S_ISDIR(_mode(path)) else "file", path)
            if isinstance(flags, int) and flags & os.O_ACCMODE != os.O_RDONLY:
                self._makes(path)
        elif event in _MAKES:
            self._makes(args[_MAKES[event]])
        elif event in ("os.listdir", "os.scandir"):
            self._look("listing", "." if args[0] is None else _of_number(args[0]))
        elif event == "sqlite3.connect" and args[0] != ":memory:":
            database = _database(os.fsdecode(args[0]))
            self._look("file", database)
            self._makes(database)

    def _wrap(self, owner: Any, name: str, kind: str) -> None:
        plain = getattr(owner, name)

        @functools.wraps(plain)
        def watched(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self._is_quiet():
                return plain(path, *args, **kwargs)
            try:
                with self._silence():
                    result = plain(path, *args, **kwargs)
            except OSError:
                self._look("exists", _below(path, kwargs))
                raise
            path = _below(path, kwargs)
            self._look(_kind_of(kind, result, path, (*args, *kwargs.values())), path, result)
            return result

        _replace(owner, name, watched)

    def _wrap_open(self) -> None:
        plain = os.open

        @functools.wraps(plain)
        def watched(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            if kwargs.get("dir_fd") is None:
                return plain(path, flags, *args, **kwargs)
            self._audit("open", (_below(path, kwargs), None, flags))  # no audit hook is told the folder
            with self._silence():
                return plain(path, flags, *args, **kwargs)

        _replace(os, "open", watched)

    def _is_quiet(self) -> bool:
        return getattr(self._quiet, "on", False)

    @contextlib.contextmanager
    def _silence(self) -> Iterator[None]:
        """Take no reads of this thread."""
        before, self._quiet.on = self._is_quiet(), True
        try:
            yield
        finally:
            self._quiet.on = before

    def _look(self, kind: str, path: Any, result: Any = None) -> None:
        if isinstance(path, int) or path == "":
            return
        subject = self._subject(path)
        if subject is None or ((kind, subject) not in self._seen and _is_ours(_caller(sys._getframe(2)))):
            return
        self._note(kind, path, result)

    def _note(self, kind: str, path: Any, result: Any = None) -> None:
        """Take a read, whoever did it. Where it is a status that was read, result is that."""
        subject = self._subject(path)
        if subject is None or (kind != "file" and (kind, subject) in self._seen):
            return
        call = calling()
        if call is not None and call.knows(os.path.join(self.workspace, subject)):
            return
        stood = pb.Stood() if call is None and self._interactive else _what_stands(path, result)
        request = _request(kind, subject)
        if call is not None and (stood.absent or self._interactive):
            call.looks.setdefault((kind, subject), (subject, request, stood))
        seen = self._seen.get((kind, subject))
        if seen is not None and (seen == stood or not stood.inode):
            return
        self._seen[kind, subject] = stood
        self._reads.append((subject, request, stood))

    def _makes(self, path: Any) -> None:
        """Take something that the process itself makes or may change: it is no edit of the user's."""
        subject = None if isinstance(path, int) else self._subject(path)
        if subject is not None:
            self._made.add(subject)

    def _is_made(self, subject: str) -> bool:
        """Tell whether the process itself may have made what is there, or a folder in which it is."""
        folders = [subject[:at] for at, letter in enumerate(subject) if letter == "/"]
        return any(made in self._made for made in (subject, *folders))

    def _subject(self, path: Any) -> str | None:
        """Return the path in the workspace, None for one elsewhere or of calyx itself."""
        try:
            text = os.fsdecode(path)
        except TypeError:
            return None
        if not text.startswith("/"):
            text = os.getcwd() + "/" + text
        head, up, rest = f"{text}/".rpartition("/../")
        full = os.path.normpath(self._real(f"{head}/..") + f"/{rest}" if up else text)  # above a link is where it leads
        if not self._holds(full):
            if (full + "/").startswith(_LIBRARIES):
                return None
            full = self._real(text)  # a link may lead into the workspace
            if not self._holds(full):
                return None
        subject = full[len(self.workspace) + 1 :] or "."
        if subject.startswith(".calyx/") or subject == ".calyx" or "__pycache__" in subject:
            return None
        return None if (full + "/").startswith(_LIBRARIES) else subject

    def _holds(self, full: str) -> bool:
        return full == self.workspace or full.startswith(self.workspace + "/")

    def _real(self, path: str) -> str:
        """Return where a path leads."""
        folder, name = os.path.split(path)
        with self._silence():
            real = os.path.realpath if self._holds(folder) else _real_folder
            at = os.path.normpath(os.path.join(real(folder), name))
            try:
                _plain_readlink(at)
            except OSError:  # most are no links
                return at
            return os.path.realpath(at)


@functools.lru_cache(maxsize=10_000)
def _real_folder(folder: str) -> str:
    """Return where a folder outside the workspace leads, which is looked up once: data sets lie there, of many files."""
    return os.path.realpath(folder)


def _request(kind: str, subject: str) -> pb.Request:
    request = pb.Request()
    setattr(request, kind, os.fsencode(subject))
    return request


def _what_stands(path: Any, result: Any) -> pb.Stood:
    """Tell what stands at the path of a file that is about to be read, or stood there when its status was."""
    try:
        st = result if isinstance(result, os.stat_result) else _plain_stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return pb.Stood(absent=True)
    except (OSError, ValueError):
        return pb.Stood()
    if not stat.S_ISREG(st.st_mode):
        return pb.Stood()
    return pb.Stood(inode=st.st_ino, size=st.st_size, mtime=st.st_mtime_ns, ctime=st.st_ctime_ns)


def _reads(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return not set(mode) & set("wx" if "+" in mode else "wax")
    return isinstance(flags, int) and flags & os.O_ACCMODE != os.O_WRONLY and not flags & os.O_DIRECTORY


def _database(name: str) -> str:
    """Return the path of a database of SQLite, whose name may be a URI."""
    return urllib.parse.unquote(name[5:].partition("?")[0]) if name.startswith("file:") else name


def _kind_of(kind: str, result: Any, path: Any, args: tuple[Any, ...]) -> str:
    """A status shows how long a file is, and some ask whether it may be run: both are part of it. Of a folder it shows that it is there."""
    if kind == "stat" and isinstance(result, os.stat_result) and stat.S_ISREG(result.st_mode):
        return "file"
    if kind == "access" and args and args[0] & os.X_OK and stat.S_ISREG(_mode(path)):
        return "file"
    return "exists"


def _mode(path: Any) -> int:
    """Return what stands at a path, in the words of a status; nothing is 0."""
    try:
        return _plain_stat(path).st_mode
    except (OSError, ValueError, TypeError):
        return 0


def _below(path: Any, options: dict[str, Any]) -> Any:
    """Return a path that a function is given with the number of its folder."""
    number = options.get("dir_fd")
    folder = number if number is None else _of_number(number)
    return path if not isinstance(folder, str) else os.path.join(folder, os.fsdecode(path))


def _of_number(file: Any) -> Any:
    """Return the path of an open file or folder; what is no number as it is."""
    if not isinstance(file, int):
        return file
    try:
        if sys.platform == "darwin":
            import fcntl

            return os.fsdecode(fcntl.fcntl(file, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
        return _plain_readlink(f"/proc/self/fd/{file}")
    except OSError:
        return file


def _replace(owner: Any, name: str, function: Any) -> None:
    """Have a function called in place of another, which may do the same."""
    plain = getattr(owner, name)
    setattr(owner, name, function)
    for able in _ABLE:
        if plain in able:
            able.add(function)


def _caller(frame: Any) -> Any:
    """Return the frame that meant the read: functions about paths do it for others."""
    while frame.f_back is not None and frame.f_code.co_filename.endswith(_FOR_OTHERS):
        frame = frame.f_back
    return frame


def _is_ours(frame: Any) -> bool:
    """Tell whether it was an import, a traceback or this package that read: the code that did it, not what led to it."""
    name = frame.f_code.co_filename
    if name.startswith(_IMPORTS):
        return not _gets_data(frame)
    if name.startswith(_HERE) or name.endswith(_INSTALLED):
        return True
    above = frame.f_back
    if name.endswith(_SOURCE_LINES) or (above is not None and above.f_code.co_filename.endswith(_SOURCE_LINES)):
        return not _shows_source(frame)
    return False


def _gets_data(frame: Any) -> bool:
    """Tell whether somebody asked what imports for the content of a file, as pkgutil.get_data does."""
    above = frame.f_back
    return frame.f_code.co_name == "get_data" and above is not None and not above.f_code.co_filename.startswith(_IMPORTS)


def _shows_source(frame: Any) -> bool:
    """Tell whether source lines are read for inspect.getsource, whose caller sees them, and not for a traceback."""
    while frame is not None and frame.f_code.co_filename.endswith((*_SOURCE_LINES, "/inspect.py")):
        if frame.f_code.co_name == "getsourcelines":
            return True
        frame = frame.f_back
    return False


class _Process:
    """The one watch of this process, if it has one."""

    watch: Watch | None = None


def watch_process(workspace: str, interactive: bool = False) -> Watch:
    """Start to watch this process, unless that was done already."""
    if _Process.watch is None:
        _Process.watch = Watch(workspace, interactive)
        _Process.watch.start()
    return _Process.watch


def watching() -> Watch | None:
    """Return the watch of this process."""
    return _Process.watch

