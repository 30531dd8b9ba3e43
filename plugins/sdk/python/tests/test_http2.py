"""The server's side of HTTP/2 by itself, told frames that no gRPC library would send as well."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from calyx import _hpack
from calyx._http2 import MAX_MESSAGE, PREFACE, RESOURCE_EXHAUSTED, Connection, Stream

DATA, HEADERS, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 0x20

Frame = tuple[int, int, int, bytes]


class Client:
    """Plays the client on a connection to a server that answers each message with twice as much."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(30)
        self._file = self._socket.makefile("rb")
        self.paths: list[str] = []
        self.connection = Connection(theirs, self._opened)
        self._reader = threading.Thread(target=self._receive, daemon=True)
        self._reader.start()

    def _opened(self, connection: Connection, stream: Stream) -> None:
        self.paths.append(stream.path)

        def done() -> None:
            while stream.messages:
                connection.send(stream, stream.messages.popleft() * 2)
            connection.end(stream)

        stream.done = done

    def _receive(self) -> None:
        while self.connection.receive():
            pass

    def greet(self, *settings: tuple[int, int]) -> None:
        self._socket.sendall(PREFACE)
        self.say(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *s) for s in settings))

    def say(self, kind: int, flags: int, number: int, payload: bytes) -> None:
        self._socket.sendall(struct.pack(">IBI", len(payload) << 8 | kind, flags, number) + payload)

    def call(self, number: int, message: bytes) -> None:
        self.say(HEADERS, END_HEADERS, number, _hpack.encode([(b":path", b"/x")]))
        data = struct.pack(">BI", 0, len(message)) + message
        while len(data) > 1 << 14:
            self.say(DATA, 0, number, data[: 1 << 14])
            data = data[1 << 14 :]
        self.say(DATA, END_STREAM, number, data)

    def hear(self) -> Frame:
        """Return the next frame that is no settings and no leave to send."""
        while True:
            head = self._file.read(9)
            length, kind = int.from_bytes(head[:3], "big"), head[3]
            payload = self._file.read(length)
            if kind not in (SETTINGS, WINDOW_UPDATE):
                return kind, head[4], int.from_bytes(head[5:], "big"), payload

    def hung_up(self) -> bool:
        return self._file.read(1) == b""

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(30)
        self._file.close()
        self._socket.close()


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client()
    yield client
    client.close()


def headers(frame: Frame) -> dict[bytes, bytes]:
    assert frame[0] == HEADERS
    return dict(_hpack.Decoder().decode(frame[3]))


def test_headers_of_the_standard() -> None:
    """RFC 7541, C.4 and C.6: Huffman's code, the table, and what falls out of it."""
    decoder = _hpack.Decoder()
    first = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com")]
    assert decoder.decode(bytes.fromhex("828684418cf1e3c2e5f23a6ba0ab90f4ff")) == first
    assert decoder.decode(bytes.fromhex("828684be5886a8eb10649cbf")) == [*first, (b"cache-control", b"no-cache")]
    decoder = _hpack.Decoder(256)
    location = (b"location", b"https://www.example.com")
    date = (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT")
    private = (b"cache-control", b"private")
    text = "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3"
    assert decoder.decode(bytes.fromhex(text)) == [(b":status", b"302"), private, date, location]
    assert decoder.decode(bytes.fromhex("4883640effc1c0bf")) == [(b":status", b"307"), private, date, location]
    assert decoder.decode(bytes.fromhex("be")) == [(b":status", b"307")]
    with pytest.raises(IndexError):
        decoder.decode(bytes.fromhex("c2"))  # the fifth newest: no longer there


@pytest.mark.parametrize("block", ["80", "ff80808080808001", "3fe21f", "00850000", "0081ff00"])
def test_headers_that_are_none(block: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        _hpack.Decoder().decode(bytes.fromhex(block))


def test_a_call(client: Client) -> None:
    client.greet()
    client.call(1, b"ab")
    assert headers(client.hear()) == {b":status": b"200", b"content-type": b"application/grpc"}
    assert client.hear() == (DATA, 0, 1, b"\0\0\0\0\x04abab")
    assert headers(client.hear()) == {b"grpc-status": b"0"}


def test_frames_in_pieces_padded_and_unknown(client: Client) -> None:
    block = _hpack.encode([(b":path", b"/pieces")])
    padded = b"\x03" + b"\0" * 5 + block[:4] + b"\0" * 3
    client.greet()
    client.say(0x55, 0xFF, 0, b"what is this")
    client.say(HEADERS, PADDED | PRIORITY, 1, padded)
    client.say(CONTINUATION, 0, 1, block[4:6])
    client.say(CONTINUATION, END_HEADERS, 1, block[6:])
    client.say(DATA, PADDED, 1, b"\x02\0\0\0\0\x03a\0\0")
    client.say(DATA, END_STREAM, 1, b"bc")
    client.hear()
    assert client.hear() == (DATA, 0, 1, b"\0\0\0\0\x06abcabc")
    assert client.paths == ["/pieces"]


def test_a_ping_is_answered(client: Client) -> None:
    client.greet()
    client.say(PING, 0, 0, b"12345678")
    assert client.hear() == (PING, ACK, 0, b"12345678")


def test_what_there_is_no_room_for_is_sent_when_there_is(client: Client) -> None:
    client.greet((4, 10))
    client.call(1, b"abcdef")
    client.hear()
    assert client.hear() == (DATA, 0, 1, b"\0\0\0\0\x0cabcde")
    client.say(PING, 0, 0, b"12345678")
    assert client.hear()[0] == PING  # it goes on reading, and sends nothing for which there is no room
    client.say(WINDOW_UPDATE, 0, 1, struct.pack(">I", 3))
    assert client.hear() == (DATA, 0, 1, b"fab")
    client.say(SETTINGS, 0, 0, struct.pack(">HI", 4, 100))
    assert client.hear() == (DATA, 0, 1, b"cdef")
    assert headers(client.hear()) == {b"grpc-status": b"0"}


def test_the_window_of_the_connection_counts(client: Client) -> None:
    client.greet((4, 1 << 20))
    client.call(1, b"x" * 40_000)
    client.hear()
    got = b""
    while len(got) < 65535:
        got += client.hear()[3]
    assert len(got) == 65535
    client.say(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 20))
    assert client.hear() == (DATA, 0, 1, b"x" * (80_005 - 65535))


def test_a_message_that_is_too_long_ends_its_call_alone(client: Client) -> None:
    client.greet()
    client.say(HEADERS, END_HEADERS, 1, _hpack.encode([(b":path", b"/x")]))
    client.say(DATA, 0, 1, struct.pack(">BI", 0, MAX_MESSAGE + 1))
    client.hear()
    assert headers(client.hear())[b"grpc-status"] == b"%d" % RESOURCE_EXHAUSTED
    client.call(3, b"a")
    client.hear()
    assert client.hear() == (DATA, 0, 3, b"\0\0\0\0\x02aa")


def test_long_messages_get_leave_to_go_on(client: Client) -> None:
    client.greet((4, 1 << 24))
    client.say(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30))
    for number in range(1, 9, 2):  # more than the first window, together
        client.call(number, b"x" * (MAX_MESSAGE // 2 - 5))
        assert headers(client.hear())[b":status"] == b"200"
        got = 0
        while True:
            kind, _, _, payload = client.hear()
            if kind == HEADERS:
                break
            got += len(payload)
        assert got == MAX_MESSAGE - 5


@pytest.mark.parametrize(
    "kind, flags, number, payload",
    [(HEADERS, END_HEADERS, 1, b"\x80"), (CONTINUATION, END_HEADERS, 1, b""), (DATA, PADDED, 1, b"\x09"), (WINDOW_UPDATE, 0, 0, b"1")],
)
def test_what_is_no_frame_ends_the_connection(client: Client, kind: int, flags: int, number: int, payload: bytes) -> None:
    client.greet()
    if kind == DATA:
        client.say(HEADERS, END_HEADERS, 1, _hpack.encode([(b":path", b"/x")]))
    client.say(kind, flags, number, payload)
    assert client.hear()[0] == GOAWAY
    assert client.hung_up()


def test_another_protocol_is_refused(client: Client) -> None:
    client._socket.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert client.hear()[0] == GOAWAY
    assert client.hung_up()
