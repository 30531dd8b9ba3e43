"""Shakes hands with calyx and serves the protocol."""

from __future__ import annotations

import functools
import os
import socket
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from ._byhand import MainThread
from ._describe import add_identity, describe
from ._errors import CalyxError
from ._http2 import ALREADY_EXISTS, INTERNAL, UNIMPLEMENTED, Connection, Stream
from ._printing import capture
from ._program import Program
from ._proto import plugin_pb2 as pb
from ._run import program_name
from ._session import Session
from ._stdio import in_foreground, take_handshake_stream
from ._threads import follow_threads
from ._watch import watching

COOKIE_KEY = "CALYX_PLUGIN_COOKIE"
COOKIE = "9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69"
VERSION = 1

#: How long after the end of its session a process waits to be dismissed, in seconds.
_GRACE = 0.2
#: `grpc.health.v1.HealthCheckResponse{status: SERVING}`.
_SERVING = b"\x08\x01"


def serve(*what: Any) -> None:
    """Serve pipelines, decorated functions and modules to calyx until it has no more use for the process.

    Where the program was not started by calyx, it says so on
    standard error and ends with status 1.
    """
    if os.environ.get(COOKIE_KEY) != COOKIE:
        sys.exit(
            f"{sys.argv[0]}: this program is a plugin for calyx; name it in a Calyxfile, plugin(cmd = [\"python3\", …]), "
            "and do not start it yourself (for a quick look: python -m calyx get FILE:Pipeline.node)"
        )
    try:
        server = Server(Program(*what))
    except CalyxError as e:
        sys.exit(f"{sys.argv[0]}: {e}")
    stdout = take_handshake_stream()
    if not in_foreground():
        capture()
    follow_threads()
    stdout.write(f"1|{VERSION}|unix|{server.address}|grpc|\n")
    stdout.flush()
    server.wait()


class Server:
    """The gRPC server of a process. It serves one session, and then the process ends."""

    def __init__(self, program: Program) -> None:
        self._program = program
        program.loaded()
        self._description = describe(program_name(), program)
        watch = watching()
        read = watch.since(0) if watch is not None else None
        if read is not None:
            self._description.reads.extend(read.reads)
        self._end = threading.Event()
        self._main = MainThread() if in_foreground() else None
        self._dismissed = threading.Event()
        self._opened = threading.Lock()
        self._unary: dict[str, Callable[[bytes], bytes]] = {
            "/calyx.plugin.v1.Plugin/Describe": self._describe,
            "/grpc.health.v1.Health/Check": lambda _: _SERVING,
            "/plugin.GRPCController/Shutdown": lambda _: b"",
        }
        folder = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.mkdtemp(prefix="calyx-plugin-")
        self.address = os.path.join(folder, f"{os.getpid()}.sock")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.address)
        self._socket.listen()
        threading.Thread(target=self._accept, name="calyx-server", daemon=True).start()

    def _accept(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._attend, args=(connection,), name="calyx-server", daemon=True).start()

    def _attend(self, accepted: socket.socket) -> None:
        """Serve a connection. While it has a session, the threads of the session receive what comes."""
        sessions: list[Stream] = []
        connection = Connection(accepted, functools.partial(self._begin, sessions))
        while connection.receive():
            if sessions:
                self._session(connection, sessions.pop())

    def _begin(self, sessions: list[Stream], connection: Connection, stream: Stream) -> None:
        unary = self._unary.get(stream.path)
        if unary is not None:
            stream.done = lambda: self._answer(connection, stream, unary)
        elif stream.path != "/calyx.plugin.v1.Plugin/Session":
            connection.end(stream, UNIMPLEMENTED, "there is no such method")
        elif not self._opened.acquire(blocking=False):
            connection.end(stream, ALREADY_EXISTS, "this process has a session")
        else:
            sessions.append(stream)

    def _answer(self, connection: Connection, stream: Stream, unary: Callable[[bytes], bytes]) -> None:
        """Answer on a thread of its own: to describe the program may take a while."""

        def work() -> None:
            try:
                connection.send(stream, unary(stream.messages.popleft()))
                connection.end(stream)
            except Exception as e:
                traceback.print_exc()
                connection.end(stream, INTERNAL, repr(e))
            if stream.path.endswith("/Shutdown"):
                self._dismissed.set()
                self._end.set()

        if stream.messages:  # else the caller is gone
            threading.Thread(target=work, name="calyx-server", daemon=True).start()

    def _describe(self, request: bytes) -> bytes:
        identity = pb.DescribeRequest.FromString(request).identity
        described: bytes = (self._identified if identity else self._description).SerializeToString()
        return described

    @functools.cached_property
    def _identified(self) -> pb.DescribeResponse:
        """The description with code identity, which takes a while: it is made when somebody asks."""
        described = pb.DescribeResponse()
        described.CopyFrom(self._description)
        add_identity(described, self._program)
        return described

    def _session(self, connection: Connection, stream: Stream) -> None:
        def send(message: pb.SessionResponse) -> None:
            connection.send(stream, message.SerializeToString())

        session = Session(self._program, _requests(connection, stream), len(self._description.reads), send, self._main)
        try:
            for message in session.messages():
                send(message)
                connection.drain(stream)
        finally:
            session.close()
            connection.end(stream)
            self._end.set()

    def wait(self) -> None:
        """End the process when calyx has no more use for it, at once: threads of calls are not waited for."""
        if self._main is not None:
            threading.Thread(target=self._leave, name="calyx-server", daemon=True).start()
            self._main.serve()
        self._leave()

    def _leave(self) -> None:
        self._end.wait()
        self._dismissed.wait(_GRACE)
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)


def _requests(connection: Connection, stream: Stream) -> Iterator[pb.SessionRequest]:
    """Yield the messages of a session."""
    while True:
        while stream.messages:
            yield pb.SessionRequest.FromString(stream.messages.popleft())
        if stream.over or not connection.receive():
            return
