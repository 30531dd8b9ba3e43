"""Shakes hands with calyx and serves the protocol."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import grpc

from ._describe import add_identity, describe
from ._errors import CalyxError
from ._printing import capture
from ._program import Program
from ._proto import plugin_pb2 as pb
from ._run import program_name
from ._session import Session
from ._stdio import take_handshake_stream
from ._threads import Workers, follow_threads
from ._watch import watching

COOKIE_KEY = "CALYX_PLUGIN_COOKIE"
COOKIE = "9c0f6a5e1f4d4c0b8a7f3e2d1c5b4a69"
VERSION = 1

#: The greatest message in bytes, in both directions.
_MAX_MESSAGE = 4 << 20
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
        if watch is not None:
            self._description.reads.extend(watch.since(0))
        self._end = threading.Event()
        self._opened = threading.Lock()
        self._server = grpc.server(
            Workers(),
            options=[("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.max_send_message_length", _MAX_MESSAGE)],
        )
        self._server.add_generic_rpc_handlers(self._handlers())
        folder = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.mkdtemp(prefix="calyx-plugin-")
        self.address = os.path.join(folder, f"{os.getpid()}.sock")
        self._server.add_insecure_port("unix:" + self.address)
        self._server.start()

    def _handlers(self) -> tuple[Any, ...]:
        plugin = {
            "Describe": grpc.unary_unary_rpc_method_handler(
                self._describe, pb.DescribeRequest.FromString, pb.DescribeResponse.SerializeToString
            ),
            "Session": grpc.stream_stream_rpc_method_handler(
                self._session, pb.SessionRequest.FromString, pb.SessionResponse.SerializeToString
            ),
        }
        health = {"Check": grpc.unary_unary_rpc_method_handler(lambda _request, _context: _SERVING)}
        controller = {"Shutdown": grpc.unary_unary_rpc_method_handler(self._shutdown)}
        return (
            grpc.method_handlers_generic_handler("calyx.plugin.v1.Plugin", plugin),
            grpc.method_handlers_generic_handler("grpc.health.v1.Health", health),
            grpc.method_handlers_generic_handler("plugin.GRPCController", controller),
        )

    def _describe(self, request: pb.DescribeRequest, _context: grpc.ServicerContext) -> pb.DescribeResponse:
        return self._identified if request.identity else self._description

    @functools.cached_property
    def _identified(self) -> pb.DescribeResponse:
        """The description with code identity, which takes a while: it is made when somebody asks."""
        described = pb.DescribeResponse()
        described.CopyFrom(self._description)
        add_identity(described, self._program)
        return described

    def _session(self, requests: Iterator[pb.SessionRequest], context: grpc.ServicerContext) -> Iterator[pb.SessionResponse]:
        if not self._opened.acquire(blocking=False):
            context.abort(grpc.StatusCode.ALREADY_EXISTS, "this process has a session")
        session = Session(self._program, requests, told=len(self._description.reads))
        try:
            yield from session.messages()
        finally:
            session.close()
            self._end.set()

    def _shutdown(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        self._end.set()
        return b""

    def wait(self) -> None:
        """Return when calyx has no more use for the process, which then ends at once: threads of calls are not waited for."""
        self._end.wait()
        self._server.stop(grace=0.2).wait()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
