"""The session by itself: answers, cancels and their races, without calyx."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from calyx import fn
from calyx._program import Program
from calyx._proto import plugin_pb2 as pb
from calyx._session import Session


@fn
def child(n: int) -> int:
    return n


@fn
def parent() -> int:
    return child(1) + child(2)


class Host:
    """Plays calyx on a session."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[pb.SessionRequest | None] = queue.SimpleQueue()
        self.session = Session(Program(child, parent), iter(self._said.get, None))
        self._messages = self.session.messages()

    def say(self, *items: pb.HostItem) -> None:
        self._said.put(pb.SessionRequest(items=items))

    def start(self, call: int, function: str) -> None:
        self.say(pb.HostItem(call=call, start=pb.Start(function=function, scratch=b"/nowhere", workspace=b"/")))

    def answer(self, call: int, need: int, text: bytes) -> None:
        value = pb.Value(media_type="application/json", inline=text)
        self.say(pb.HostItem(call=call, answers=pb.Answers(need=need, answers=[pb.Answer(value=value)])))

    def hear(self) -> Iterator[Any]:
        for message in self._messages:
            yield from message.items


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    host.session.close()


def test_needs_say_how_many_answers_they_had_seen(host: Host) -> None:
    heard = host.hear()
    host.start(1, "parent")
    first = next(heard).need
    host.answer(1, first.id, b"5")
    second = next(heard).need
    host.answer(1, second.id, b"6")
    assert (first.seen, second.seen) == (0, 1)
    assert next(heard).result.value.inline == b"11"


def test_a_start_is_accepted_while_calls_wait(host: Host) -> None:
    heard = host.hear()
    for call in range(1, 51):
        host.start(call, "parent")
    needs = [next(heard) for _ in range(50)]
    assert sorted(n.call for n in needs) == list(range(1, 51))


def test_a_cancelled_call_that_waits_ends_and_late_answers_hurt_nobody(host: Host) -> None:
    heard = host.hear()
    host.start(1, "parent")
    need = next(heard).need
    host.say(pb.HostItem(call=1, cancel=pb.Cancel(reason="enough")))
    host.answer(1, need.id, b"5")
    assert "enough" in next(heard).failure.message
    host.start(2, "parent")
    assert next(heard).call == 2


def test_unknown_functions_and_arguments_fail_and_the_next_call_works(host: Host) -> None:
    heard = host.hear()
    host.start(1, "nothing")
    assert "no function" in next(heard).failure.message
    host.start(2, "child")
    assert "needs the argument" in next(heard).failure.message
    host.start(3, "parent")
    assert next(heard).HasField("need")
