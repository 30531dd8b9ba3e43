"""What a session has to say, gathered into few messages."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

from ._proto import plugin_pb2 as pb

#: The length in bytes of a message above which a sender starts another.
_GOOD_MESSAGE = 1 << 20


class Outbox:
    """A queue of items. Whoever sends takes all that is there: under load one message carries many."""

    def __init__(self) -> None:
        self._items: deque[pb.PluginItem] = deque()
        self._ready = threading.Condition(threading.Lock())
        self._closed = False

    def put(self, item: pb.PluginItem) -> None:
        """Add an item; it is dropped where nobody listens any more."""
        with self._ready:
            if not self._closed:
                self._items.append(item)
                self._ready.notify()

    def close(self) -> None:
        """End messages()."""
        with self._ready:
            self._closed = True
            self._items.clear()
            self._ready.notify()

    def messages(self) -> Iterator[pb.SessionResponse]:
        """Yield messages as long as the outbox is open."""
        while True:
            with self._ready:
                while not self._items and not self._closed:
                    self._ready.wait()
                if self._closed:
                    return
                items = list(self._items)
                self._items.clear()
            yield from _messages(items)


def _messages(items: list[pb.PluginItem]) -> Iterator[pb.SessionResponse]:
    some: list[pb.PluginItem] = []
    size = 0
    for item in items:
        length = item.ByteSize()
        if some and size + length > _GOOD_MESSAGE:
            yield pb.SessionResponse(items=some)
            some, size = [], 0
        some.append(item)
        size += length
    yield pb.SessionResponse(items=some)
