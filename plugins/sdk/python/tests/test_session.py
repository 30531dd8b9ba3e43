"""The session by itself: answers, cancels and their races, without calyx."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from calyx import fn
from calyx._call import Call
from calyx._outbox import Outbox
from calyx._program import Program
from calyx._proto import plugin_pb2 as pb
from calyx._session import Session
from calyx._turns import Turns


@fn
def child(n: int) -> int:
    return n


@fn
def parent() -> int:
    return child(1) + child(2)


_ENTERED: queue.SimpleQueue[int] = queue.SimpleQueue()
_GATE: queue.SimpleQueue[None] = queue.SimpleQueue()


@fn
def gated(n: int) -> int:
    _ENTERED.put(n)
    _GATE.get()
    return n


class Host:
    """Plays calyx on a session."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[pb.SessionRequest | None] = queue.SimpleQueue()
        self.session = Session(Program(child, parent, gated), iter(self._said.get, None))
        self._messages = self.session.messages()

    def say(self, *items: pb.HostItem) -> None:
        self._said.put(pb.SessionRequest(items=items))

    def started(self, call: int, function: str, **given: int) -> pb.HostItem:
        arguments = [pb.Argument(name=k, value=pb.Value(media_type="application/json", inline=b"%d" % v)) for k, v in given.items()]
        return pb.HostItem(call=call, start=pb.Start(function=function, arguments=arguments, scratch=b"/nowhere", workspace=b"/"))

    def start(self, call: int, function: str) -> None:
        self.say(self.started(call, function))

    def answer(self, call: int, need: int, text: bytes) -> None:
        value = pb.Value(media_type="application/json", inline=text)
        self.say(pb.HostItem(call=call, answers=pb.Answers(need=need, answers=[pb.Answer(value=value)])))

    def hear(self) -> Iterator[Any]:
        """Let the session begin, and return what it says."""
        heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
        threading.Thread(target=lambda: [heard.put(item) for m in self._messages for item in m.items], daemon=True).start()
        return iter(heard.get, None)


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


def test_calls_that_run_alone_do_so_though_they_are_sent_together(host: Host) -> None:
    heard = host.hear()
    host.say(*(host.started(call, "gated", n=call) for call in (1, 2)))
    assert _ENTERED.get() == 1
    assert _ENTERED.empty(), "two calls run"
    _GATE.put(None)
    assert next(heard).call == 1
    assert _ENTERED.get() == 2
    _GATE.put(None)
    assert next(heard).call == 2


def test_a_call_whose_turn_has_not_come_is_cancelled_at_once(host: Host) -> None:
    heard = host.hear()
    host.say(*(host.started(call, "gated", n=call) for call in (1, 2, 3)))
    assert _ENTERED.get() == 1
    host.say(pb.HostItem(call=2, cancel=pb.Cancel(reason="enough")))
    failed = next(heard)
    assert failed.call == 2 and "enough" in failed.failure.message
    _GATE.put(None)
    assert next(heard).call == 1
    assert _ENTERED.get() == 3
    _GATE.put(None)
    assert next(heard).call == 3


def test_answered_calls_have_their_turns_before_those_that_begin() -> None:
    wanted: list[None] = []
    went_on: list[str] = []
    turns = Turns(lambda: wanted.append(None))
    a, b, c = (Call(n, pb.Start(), Program(child), Outbox(), turns) for n in range(3))
    turns.begin(a)
    turns.begin(b)
    assert turns.take() is a and turns.take() is None
    turns.leave(a)
    assert wanted == [None] and turns.take() is b
    turns.begin(c)
    assert not turns.enter(a, lambda: went_on.append("a"))
    assert turns.end(b) is None and went_on == ["a"]
    assert turns.take() is None
    assert turns.end(a) is c


def test_a_call_has_no_turn_while_one_of_its_threads_waits() -> None:
    turns = Turns(lambda: None)
    a, b, c = (Call(n, pb.Start(), Program(child), Outbox(), turns) for n in range(3))
    for call in (a, b, c):
        turns.begin(call)
    went_on: list[str] = []
    assert turns.take() is a
    turns.leave(a)
    turns.leave(a)
    assert turns.enter(a, print), "it waits for its turn, though it is to have none"
    assert turns.take() is b
    assert not turns.enter(a, lambda: went_on.append("a"))
    turns.leave(a)
    assert went_on == ["a"]
    assert turns.end(b) is c


def test_a_cancelled_call_does_not_wait_for_its_turn() -> None:
    turns = Turns(lambda: None)
    a, b = (Call(n, pb.Start(), Program(child), Outbox(), turns) for n in range(2))
    turns.begin(a)
    assert turns.take() is a
    woken: list[str] = []
    turns.leave(b)
    assert not turns.enter(b, lambda: woken.append("b"))
    b.cancel("enough")
    assert woken == ["b"]
    turns.leave(b)
    assert turns.enter(b, print)
    assert turns.end(a) is None and turns.take() is None
