"""What a session has to say, gathered into few messages."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from ._proto import plugin_pb2 as pb

#: The length in bytes of a message above which a sender starts another.
_GOOD_MESSAGE = 1 << 20


class Outbox:
    """A queue of items. Whoever sends takes all that is there: under load one message carries many.

    One thread sends what messages() yields. Who is about to wait may send with flush() instead, which saves a change of threads.
    """

    def __init__(self, send: Callable[[pb.SessionResponse], None] | None = None) -> None:
        self._send = send
        self._items: deque[pb.PluginItem] = deque()
        self._ready = threading.Condition(threading.Lock())
        #: Whether a thread sends items that it has taken: those that come meanwhile must not overtake them.
        self._sending = False
        self._closed = False

    def put(self, item: pb.PluginItem) -> None:
        """Add an item; it is dropped where nobody listens any more."""
        with self._ready:
            if not self._closed:
                self._items.append(item)
                self._ready.notify()

    def put_flushed(self, item: pb.PluginItem) -> None:
        """Add an item after which flush() is called."""
        if self._send is None:
            self.put(item)
            return
        with self._ready:
            if not self._closed:
                self._items.append(item)

    def flush(self) -> None:
        """Send what is there, unless another thread is about to. No exception must come from outside meanwhile."""
        if self._send is None:
            return
        with self._ready:
            if self._sending or not self._items:
                return
            items = self._taken()
        for message in _messages(items):
            self._send(message)
        with self._ready:
            self._sent()

    def hurry(self) -> None:
        """Have messages() send what is there."""
        with self._ready:
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
                while (self._sending or not self._items) and not self._closed:
                    self._ready.wait()
                if self._closed:
                    return
                items = self._taken()
            yield from _messages(items)
            with self._ready:
                self._sent()

    def _taken(self) -> list[pb.PluginItem]:
        self._sending = True
        items = list(self._items)
        self._items.clear()
        return items

    def _sent(self) -> None:
        self._sending = False
        if self._items:
            self._ready.notify()


def _messages(items: list[pb.PluginItem]) -> Iterator[pb.SessionResponse]:
    if len(items) == 1:
        yield pb.SessionResponse(items=items)
        return
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
