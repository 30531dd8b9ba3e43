"""One way by which calyx reaches the functions of a session: a server in this process, and a Calyxfile that names it.

calyx reaches the server through a program of two lines that shakes hands in its name. A channel serves one question at a time.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
import weakref

from ._errors import CalyxError
from ._program import Program
from ._proto import plugin_pb2 as pb
from ._serve import Server

#: Tells calyx where this process serves, and ends when it says that calyx has no more use for it.
_RELAY = "printf '1|1|unix|%s|grpc|\\n' {address}; read -r _ < {gate} # {digest}"
#: How long a calyx that was asked to end may take, in seconds.
_PATIENCE = 10


class Channel:
    """A way to ask. Not for several threads at once."""

    def __init__(self, program: Program, root: str, options: list[str]) -> None:
        self._program = program
        self._root = root
        self._options = options
        self._folder = tempfile.mkdtemp(prefix="calyx-session-")
        self._gate = os.path.join(self._folder, "gate")
        os.mkfifo(self._gate)
        self._server = Server(program, folder=self._folder, done=functools.partial(_open_gate, self._gate))
        program.released()
        self._calyxfile = os.path.join(root, f".session-{os.getpid()}-{secrets.token_hex(4)}.calyx")
        with open(self._calyxfile, "x"):
            pass
        #: Gives back what the channel holds.
        self.close = weakref.finalize(self, _close, self._server, self._calyxfile, self._folder)

    def tell(self, program: Program, described: pb.DescribeResponse) -> None:
        """Serve a program by its description. What ran in this process before is another plugin: the digest is in the command."""
        self._program = program
        self._server.tell(program, described)
        digest = hashlib.blake2b(described.SerializeToString(deterministic=True), digest_size=16).hexdigest()
        relay = _RELAY.format(address=shlex.quote(self._server.address), gate=shlex.quote(self._gate), digest=digest)
        name = program.pipelines[0].__name__ if program.pipelines else "session"
        text = f"use(plugin({json.dumps(name)}, cmd = {json.dumps(['/bin/sh', '-c', relay])}))\n"
        with open(self._calyxfile, "r+") as f:
            if f.read() != text:
                f.seek(0)
                f.truncate()
                f.write(text)

    def ask(self, target: str) -> tuple[subprocess.CompletedProcess[str], dict[str, BaseException]]:
        """Have calyx bring a node up to date; return what it said, and the exceptions of the nodes that failed."""
        errors: dict[str, BaseException] = {}
        self._program.errors = errors
        self._program.loaded()
        try:
            return self.run("session-get", target, "--progress", "none"), errors
        finally:
            self._program.released()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a calyx. Where the wait for it is interrupted, it has ended, with what it ran, before the interrupt goes on."""
        command = [find_calyx(), "-f", self._calyxfile, *self._options, *words]
        with subprocess.Popen(command, cwd=self._root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            try:
                out, err = child.communicate()
            except BaseException:
                _end(child)
                raise
        return subprocess.CompletedProcess(command, child.returncode, out, err)


def _end(child: subprocess.Popen[str]) -> None:
    child.terminate()
    try:
        child.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        child.kill()


def find_calyx() -> str:
    """Return the program."""
    calyx = os.environ.get("CALYX_BIN") or shutil.which("calyx")
    if calyx is None:
        raise CalyxError("there is no calyx in PATH")
    return calyx


def _open_gate(gate: str) -> None:
    """Let the program that shook hands end."""
    with contextlib.suppress(OSError):  # nobody waits there
        os.close(os.open(gate, os.O_WRONLY | os.O_NONBLOCK))


def _close(server: Server, calyxfile: str, folder: str) -> None:
    """Give back what a channel holds. It is called once: when it is closed or dropped, or when the process ends."""
    server.stop()
    with contextlib.suppress(OSError):
        os.unlink(calyxfile)
    shutil.rmtree(folder, ignore_errors=True)
