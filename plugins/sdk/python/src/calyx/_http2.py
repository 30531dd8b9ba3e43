"""The server's side of gRPC over HTTP/2 (RFC 9113), as much as plugins need: one Unix socket, small headers, no compression.

Whoever waits for a message reads the socket itself, and whoever sends writes to it: no thread stands between. A library that
reads in threads of its own takes ten times as long for one message, which is more than a short function takes.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable

from . import _hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20
_INITIAL_WINDOW_SIZE, _MAX_FRAME_SIZE = 4, 5
_PROTOCOL_ERROR = 1

#: The greatest message in bytes, in both directions.
MAX_MESSAGE = 4 << 20
#: The greatest frame that may come, and the longest block of headers.
_MAX_FRAME = 1 << 14
_MAX_HEADERS = 1 << 16
#: What the other side may send before it gets leave to send more, on a stream and on the connection, and how much it gets at once.
_WINDOW = 8 << 20
_LEAVE = 1 << 20
_MAX_WINDOW = (1 << 31) - 1

#: Statuses of gRPC.
ALREADY_EXISTS, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 6, 8, 12, 13


class Stream:
    """A call of a method: the messages that came, and what is to be sent."""

    def __init__(self, number: int, path: str, window: int) -> None:
        self.number = number
        self.path = path
        #: Messages that came and that nobody has taken yet.
        self.messages: deque[bytes] = deque()
        #: Whether nothing more will come.
        self.over = False
        #: Called in the reading thread once nothing more will come.
        self.done: Callable[[], None] | None = None
        self._incoming = bytearray()
        self._leave = 0
        self._window = window
        self._began = False
        self._outgoing = bytearray()
        self._trailers: bytes | None = None

    def _take(self, data: bytes) -> int:
        """Take a piece of data, and return a status that ends the stream, or 0."""
        self._incoming += data
        while len(self._incoming) >= 5:
            compressed, length = struct.unpack_from(">BI", self._incoming)
            if compressed:
                return UNIMPLEMENTED
            if length > MAX_MESSAGE:
                return RESOURCE_EXHAUSTED
            if len(self._incoming) < 5 + length:
                break
            self.messages.append(bytes(self._incoming[5 : 5 + length]))
            del self._incoming[: 5 + length]
        return 0


class Connection:
    """A connection. One thread at a time may receive; any may send."""

    def __init__(self, sock: socket.socket, opened: Callable[[Connection, Stream], None]) -> None:
        self._socket = sock
        self._opened = opened
        self._rest = b""
        self._greeted = False
        self._headers: tuple[int, int, bytes] | None = None
        self._decoder = _hpack.Decoder()
        self._last = 0
        self._streams: dict[int, Stream] = {}
        self._leave = 0
        #: Held to write, and for all that is known about the other side's windows.
        self._room = threading.Condition(threading.Lock())
        self._closed = False
        self._window = self._initial = 65535
        self._frame = 1 << 14
        settings = struct.pack(">HI", _INITIAL_WINDOW_SIZE, _WINDOW)
        more = struct.pack(">I", _WINDOW - 65535)
        with contextlib.suppress(OSError):  # receive() sees that it is gone
            sock.sendall(_frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, more))

    def receive(self) -> bool:
        """Wait for data and take what came; False: the connection is over."""
        try:
            data = self._socket.recv(1 << 18)
            if data:
                self._read(data)
                return True
        except (OSError, ValueError, IndexError, struct.error) as e:
            if not isinstance(e, OSError):
                with contextlib.suppress(OSError):
                    self._write(_frame(_GOAWAY, 0, 0, struct.pack(">II", self._last, _PROTOCOL_ERROR) + str(e).encode()))
        self._close()
        return False

    def send(self, stream: Stream, message: bytes) -> None:
        """Send a message. What the other side's windows have no room for follows when they have."""
        with self._room:
            stream._outgoing += struct.pack(">BI", 0, len(message))
            stream._outgoing += message
            self._flush(stream)

    def drain(self, stream: Stream) -> None:
        """Wait until all is sent; another thread must receive meanwhile."""
        with self._room:
            while stream._outgoing and not self._closed and stream.number in self._streams:
                self._room.wait()

    def end(self, stream: Stream, status: int = 0, text: str = "") -> None:
        """End a call, once all its messages are sent."""
        with self._room:
            headers = [(b"grpc-status", b"%d" % status)]
            if text:
                headers.append((b"grpc-message", text.encode("ascii", "replace")))
            stream._trailers = _hpack.encode(headers)
            self._flush(stream)

    def _close(self) -> None:
        with self._room:
            self._closed = True
            streams = list(self._streams.values())
            self._streams.clear()
            self._room.notify_all()
            self._socket.close()
        for stream in streams:
            self._over(stream)

    def _over(self, stream: Stream) -> None:
        if not stream.over:
            stream.over = True
            if stream.done is not None:
                stream.done()

    # What is written, with self._room held.

    def _write(self, data: bytes) -> None:
        with self._room:
            self._put(data)

    def _put(self, data: bytes) -> None:
        if not self._closed:
            with contextlib.suppress(OSError):  # receive() sees that it is gone
                self._socket.sendall(data)

    def _flush(self, stream: Stream) -> None:
        """Write what there is room for."""
        if stream.number not in self._streams:
            stream._outgoing.clear()
            return
        frames: list[bytes] = []
        if not stream._began:
            stream._began = True
            frames.append(_frame(_HEADERS, _END_HEADERS, stream.number, _BEGINNING))
        at = 0
        while at < len(stream._outgoing):
            length = min(self._frame, self._window, stream._window, len(stream._outgoing) - at)
            if length <= 0:
                break
            frames.append(_frame(_DATA, 0, stream.number, bytes(stream._outgoing[at : at + length])))
            at += length
            self._window -= length
            stream._window -= length
        del stream._outgoing[:at]
        if not stream._outgoing:
            self._room.notify_all()
            if stream._trailers is not None:
                frames.append(_frame(_HEADERS, _END_HEADERS | _END_STREAM, stream.number, stream._trailers))
                del self._streams[stream.number]
        self._put(b"".join(frames))

    # What is read.

    def _read(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at = 0
        if not self._greeted:
            if len(data) < len(PREFACE) and PREFACE.startswith(data):
                self._rest = data
                return
            if not data.startswith(PREFACE):
                raise ValueError("this is no HTTP/2")
            self._greeted, at = True, len(PREFACE)
        while len(data) - at >= 9:
            length = int.from_bytes(data[at : at + 3], "big")
            if length > _MAX_FRAME:
                raise ValueError("a frame is too long")
            if len(data) - at < 9 + length:
                break
            kind, flags = data[at + 3], data[at + 4]
            number = int.from_bytes(data[at + 5 : at + 9], "big") & _MAX_WINDOW
            payload = data[at + 9 : at + 9 + length]
            at += 9 + length
            if self._headers is not None and kind != _CONTINUATION:
                raise ValueError("something came amid headers")
            take = _TAKE.get(kind)
            if take is not None:  # what is not known is to be ignored
                take(self, number, flags, payload)
        self._rest = data[at:]

    def _take_data(self, number: int, flags: int, payload: bytes) -> None:
        stream = self._streams.get(number)
        self._leave = self._give(0, self._leave + len(payload))
        if stream is None:
            return
        stream._leave = self._give(number, stream._leave + len(payload))
        status = stream._take(_unpadded(flags, payload))
        if status:
            self.end(stream, status, "the message is too long" if status == RESOURCE_EXHAUSTED else "messages must not be compressed")
        if status or flags & _END_STREAM:
            self._over(stream)

    def _give(self, number: int, leave: int) -> int:
        """Let the other side send more, if that is much by now. Return what it has not got yet."""
        if leave < _LEAVE:
            return leave
        self._write(_frame(_WINDOW_UPDATE, 0, number, struct.pack(">I", leave)))
        return 0

    def _take_headers(self, number: int, flags: int, payload: bytes) -> None:
        payload = _unpadded(flags, payload)
        if flags & _PRIORITY:
            payload = payload[5:]
        self._headers = (number, flags, payload)
        self._end_headers(flags)

    def _take_continuation(self, number: int, flags: int, payload: bytes) -> None:
        if self._headers is None or self._headers[0] != number or len(self._headers[2]) > _MAX_HEADERS:
            raise ValueError("headers go on that have not begun, or are too long")
        self._headers = (number, self._headers[1], self._headers[2] + payload)
        self._end_headers(flags)

    def _end_headers(self, flags: int) -> None:
        if self._headers is None or not flags & _END_HEADERS:
            return
        number, first, block = self._headers
        self._headers = None
        headers = dict(self._decoder.decode(block))
        stream = self._streams.get(number)
        if stream is None and number > self._last and number % 2:
            self._last = number
            stream = Stream(number, headers.get(b":path", b"").decode("ascii", "replace"), self._initial)
            with self._room:
                self._streams[number] = stream
            self._opened(self, stream)
        if stream is not None and first & _END_STREAM:
            self._over(stream)

    def _take_reset(self, number: int, _flags: int, _payload: bytes) -> None:
        with self._room:
            stream = self._streams.pop(number, None)
            self._room.notify_all()
        if stream is not None:
            self._over(stream)

    def _take_settings(self, _number: int, flags: int, payload: bytes) -> None:
        if flags & _ACK:
            return
        with self._room:
            for name, value in struct.iter_unpack(">HI", payload):
                if name == _MAX_FRAME_SIZE:
                    self._frame = value
                elif name == _INITIAL_WINDOW_SIZE:
                    for stream in self._streams.values():
                        stream._window += value - self._initial
                    self._initial = value
            self._put(_frame(_SETTINGS, _ACK, 0, b""))
            self._flush_all()

    def _take_ping(self, _number: int, flags: int, payload: bytes) -> None:
        if not flags & _ACK:
            self._write(_frame(_PING, _ACK, 0, payload))

    def _take_window(self, number: int, _flags: int, payload: bytes) -> None:
        (more,) = struct.unpack(">I", payload)
        with self._room:
            if number == 0:
                self._window += more & _MAX_WINDOW
                self._flush_all()
            elif number in self._streams:
                stream = self._streams[number]
                stream._window += more & _MAX_WINDOW
                self._flush(stream)

    def _flush_all(self) -> None:
        for stream in list(self._streams.values()):
            if stream._outgoing:
                self._flush(stream)


_TAKE: dict[int, Callable[[Connection, int, int, bytes], None]] = {
    _DATA: Connection._take_data,
    _HEADERS: Connection._take_headers,
    _RST_STREAM: Connection._take_reset,
    _SETTINGS: Connection._take_settings,
    _PING: Connection._take_ping,
    _WINDOW_UPDATE: Connection._take_window,
    _CONTINUATION: Connection._take_continuation,
}

#: `:status: 200`, which has a number of its own, and the type.
_BEGINNING = b"\x88" + _hpack.encode([(b"content-type", b"application/grpc")])


def _frame(kind: int, flags: int, number: int, payload: bytes) -> bytes:
    return struct.pack(">IBI", len(payload) << 8 | kind, flags, number) + payload


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & _PADDED:
        return payload
    if payload[0] >= len(payload):
        raise ValueError("a frame has more padding than it is long")
    return payload[1 : len(payload) - payload[0]]
