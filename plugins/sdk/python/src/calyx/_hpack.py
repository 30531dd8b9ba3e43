"""Header compression of HTTP/2 (RFC 7541): as much of it as a server needs that reads all headers and writes a few."""

from __future__ import annotations

from collections import deque

#: The names of the static table, from index 1 on, and the values of those that have one.
_NAMES = (
    b":authority :method :method :path :path :scheme :scheme :status :status :status :status :status :status :status "
    b"accept-charset accept-encoding accept-language accept-ranges accept access-control-allow-origin age allow authorization "
    b"cache-control content-disposition content-encoding content-language content-length content-location content-range content-type "
    b"cookie date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified "
    b"link location max-forwards proxy-authenticate proxy-authorization range referer refresh retry-after server set-cookie "
    b"strict-transport-security transfer-encoding user-agent vary via www-authenticate"
).split()
_VALUES = {2: b"GET", 3: b"POST", 4: b"/", 5: b"/index.html", 6: b"http", 7: b"https", 16: b"gzip, deflate"} | {
    8 + i: status for i, status in enumerate(b"200 204 206 304 400 404 500".split())
}
_STATIC = [(name, _VALUES.get(i, b"")) for i, name in enumerate(_NAMES, 1)]

#: How many bits each byte has in Huffman's code, as letters: "a" for none. The code is canonical, so nothing else is needed.
_LENGTHS = (
    "nx}}}}}}}y}}}}}}}}}}}}}}}}}}}gkkmngilkkiligggfffggggggghipgmknghhhhhhhhhhhhhhhhhhhhhhihintnogpfgf"
    "gfgggfhhgggfghgffghhhhhplon}uwuuwwwxwxxxxxyxyywxyxxxxvwxwxxywvuwwxxvxwwyvwxxvvwvxwxxuwwwxwwx{{utwxwz"
    "{{{||{yztv{||{|yvv{{}|||uyuvwvvxwwzzyy{x{|{{|||||}|||||{"
)

Header = tuple[bytes, bytes]


def _huffman() -> dict[tuple[int, int], int]:
    """Return the bytes by the lengths and bits of their codes."""
    symbols: dict[tuple[int, int], int] = {}
    code = length = 0
    for bits, symbol in sorted((ord(letter) - ord("a"), symbol) for symbol, letter in enumerate(_LENGTHS)):
        code <<= bits - length
        length = bits
        symbols[bits, code] = symbol
        code += 1
    return symbols


_SYMBOLS = _huffman()


class Decoder:
    """Reads the header blocks of one connection, which depend on one another."""

    def __init__(self, most: int = 4096) -> None:
        self._table: deque[Header] = deque()
        self._size = 0
        self._most = self._allowed = most

    def decode(self, block: bytes) -> list[Header]:
        """Return the headers. Raises ValueError or IndexError where the block is none."""
        headers: list[Header] = []
        at = 0
        while at < len(block):
            first = block[at]
            if first & 0x80:
                index, at = _integer(block, at, 7)
                headers.append(self._entry(index))
            elif first & 0x40:
                header, at = self._literal(block, at, 6)
                headers.append(header)
                self._add(header)
            elif first & 0x20:
                most, at = _integer(block, at, 5)
                if most > self._allowed:
                    raise ValueError("the header table grows beyond what was allowed")
                self._most = most
                self._shrink()
            else:
                header, at = self._literal(block, at, 4)
                headers.append(header)
        return headers

    def _entry(self, index: int) -> Header:
        if index == 0:
            raise ValueError("there is no header 0")
        return _STATIC[index - 1] if index <= len(_STATIC) else self._table[index - 1 - len(_STATIC)]

    def _literal(self, block: bytes, at: int, bits: int) -> tuple[Header, int]:
        index, at = _integer(block, at, bits)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        return (name, value), at

    def _add(self, header: Header) -> None:
        self._table.appendleft(header)
        self._size += _cost(header)
        self._shrink()

    def _shrink(self) -> None:
        while self._size > self._most:
            self._size -= _cost(self._table.pop())


def _cost(header: Header) -> int:
    return len(header[0]) + len(header[1]) + 32


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    most = (1 << bits) - 1
    value = block[at] & most
    at += 1
    if value < most:
        return value, at
    shift = 0
    while True:
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
        if shift > 28:
            raise ValueError("an integer in a header is too long")


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    coded = block[at] & 0x80
    length, at = _integer(block, at, 7)
    data = block[at : at + length]
    if len(data) < length:
        raise ValueError("a header is cut off")
    return (_decoded(data) if coded else data), at + length


def _decoded(data: bytes) -> bytes:
    """Decode Huffman's code. What is left at the end is padding, of ones."""
    found = bytearray()
    code = length = 0
    for byte in data:
        for shift in range(7, -1, -1):
            code = code << 1 | byte >> shift & 1
            length += 1
            symbol = _SYMBOLS.get((length, code))
            if symbol is not None:
                found.append(symbol)
                code = length = 0
    if length > 7 or code != (1 << length) - 1:
        raise ValueError("a header ends amid a character")
    return bytes(found)


def encode(headers: list[Header]) -> bytes:
    """Return a block of headers that leaves the other side's table as it is. Names and values have fewer than 127 bytes."""
    return b"".join(b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in headers)
