"""The `calyx session` that answers for a Session: a child process, and what it and this process say to each other.

Both write JSON, a line for each message: questions and answers, and the sessions in which calyx calls functions of this process.
The child ends when its standard input does, so it outlives this process by no more than a moment, however that ends.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable
from typing import Any

from ._errors import CalyxError
from ._living import Living
from ._proto import plugin_pb2 as pb
from ._session import Session

#: How long a question that was given up, or a child that was asked to end, may take, in seconds.
_PATIENCE = 10
#: How much of what a child that is gone wrote is shown, in bytes.
_LAST_WORDS = 2000

Message = dict[str, Any]


class Question:
    """A question under way, and later its answer."""

    def __init__(self, living: Living) -> None:
        self.living = living
        self.answer: Message = {}
        #: The exceptions of nodes that failed, by the nodes' names.
        self.errors: dict[str, BaseException] = {}
        self._lost: str | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def end(self, answer: Message, errors: dict[str, BaseException]) -> None:
        """Take the answer."""
        self.answer, self.errors = answer, errors
        self._done.release()

    def lose(self, why: str) -> None:
        """Note that there will be no answer."""
        self._lost = why
        self._done.release()

    def wait(self, give_up: Callable[[], None]) -> None:
        """Wait for the answer. Where the wait is interrupted, the nodes that run have ended before the interrupt goes on."""
        try:
            self._done.acquire()
        except BaseException:
            give_up()
            self._done.acquire(timeout=_PATIENCE)
            raise
        if self._lost is not None:
            raise CalyxError(self._lost)


class Child:
    """A calyx. Its methods may be called from any thread of the process that made it."""

    def __init__(self, root: str, instance: str) -> None:
        #: Why it is gone; empty: it is not.
        self._gone = ""
        self._of = os.getpid()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [find_calyx(), "-q", "-i", instance, "session"],
            cwd=root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            bufsize=0,
            start_new_session=True,  # what interrupts this process is this process's to answer
        )
        self._lock = threading.Lock()
        self._told: tuple[Living, dict[bytes, bytes]] | None = None
        self._last = 0
        self._pending: dict[int, Question] = {}
        self._calls: dict[int, _Calls] = {}
        #: Written by a thread of its own: an interrupt never comes amid a line.
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        for work in (self._write, self._read):
            threading.Thread(target=work, name="calyx-child", daemon=True).start()
        _CHILDREN.add(self)

    def ended(self) -> bool:
        """Tell whether it is gone, or another process's, from which this one was forked."""
        return bool(self._gone) or os.getpid() != self._of or self._process.poll() is not None

    def ask(self, living: Living, what: Message) -> Question:
        """Ask, and wait for the answer; living is what this process is now."""
        question = Question(living)
        with self._lock:
            if self._gone:
                raise CalyxError(self._gone)
            self._tell(living)
            self._last += 1
            number = self._last
            self._pending[number] = question
            self._say({"ask": {"number": number, **what}})
        question.wait(lambda: self._say({"cancel": number}))
        return question

    def _tell(self, living: Living) -> None:
        """Say what this process is, where that has changed."""
        environ = dict(os.environb)
        if self._told is None or self._told[0] is not living or self._told[1] != environ:
            entries = [_text(name + b"=" + value) for name, value in environ.items()]
            self._say({"world": {"description": _text(living.described.SerializeToString()), "environ": entries}})
            self._told = (living, environ)  # not before: an interrupt may come at any moment

    def _say(self, message: Message) -> None:
        self._outgoing.put(json.dumps(message).encode() + b"\n")

    def _write(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it is gone: the reader sees that
            while (line := self._outgoing.get()) is not None:
                rest = memoryview(line)
                while rest:
                    rest = rest[stdin.write(rest) :]
        stdin.close()

    def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            with io.BufferedReader(stdout) as lines:  # type: ignore[type-var]
                for line in lines:
                    self._take(json.loads(line))
        except (ValueError, LookupError, TypeError):
            self._process.kill()  # it is no calyx, or another one than this package's
        self._bury()

    def _take(self, message: Message) -> None:
        if "answer" in message:
            self._answered(message["answer"])
        else:
            self._called(message["call"])

    def _answered(self, answer: Message) -> None:
        calls = self._calls.get(answer.get("session", 0))
        with self._lock:
            question = self._pending.pop(answer["number"])
        question.end(answer, calls.take_errors() if calls is not None else {})

    def _called(self, said: Message) -> None:
        """Take what concerns one of the sessions in which calyx calls functions."""
        number = said["session"]
        if "open" in said:
            with self._lock:
                living = self._pending[said["open"]].living
            self._calls[number] = _Calls(living, lambda m: self._say({"call": {"session": number, **m}}))
        elif "message" in said:
            self._calls[number].hear(base64.b64decode(said["message"]))
        else:
            self._calls.pop(number).close()

    def _bury(self) -> None:
        status = self._process.wait()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        why = "\n".join(filter(None, (f"calyx has ended amid its work ({how})", self._last_words())))
        with self._lock:
            self._gone = why
            lost, self._pending = self._pending, {}
        self._outgoing.put(None)
        for calls in self._calls.values():
            calls.close()
        for question in lost.values():
            question.lose(why)

    def _last_words(self) -> str:
        with self._words as f:
            f.seek(max(f.seek(0, os.SEEK_END) - _LAST_WORDS, 0))
            return f.read().decode(errors="replace").strip().replace("calyx: error: ", "")

    def close(self) -> None:
        """Have the child end, and wait for that."""
        if os.getpid() != self._of:
            return
        self._outgoing.put(None)
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def forked(self) -> None:
        """Let go of the pipe in a process that was forked: the child is to end with the one that it answers."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class _Calls:
    """A session in which calyx calls functions of this process, as it is described."""

    def __init__(self, living: Living, say: Callable[[Message], None]) -> None:
        self._program = living.program.copied()
        self._requests: queue.SimpleQueue[pb.SessionRequest | None] = queue.SimpleQueue()
        self._session = Session(self._program, iter(self._requests.get, None))
        self._say = say
        threading.Thread(target=self._send, name="calyx-calls", daemon=True).start()

    def _send(self) -> None:
        for message in self._session.messages():
            self._say({"message": _text(message.SerializeToString())})
        self._say({"over": True})

    def hear(self, message: bytes) -> None:
        """Take a message."""
        self._requests.put(pb.SessionRequest.FromString(message))

    def take_errors(self) -> dict[str, BaseException]:
        """Return the exceptions since the last time."""
        errors, self._program.errors = self._program.errors, {}
        return errors or {}

    def close(self) -> None:
        """End the session; calls that run are cancelled."""
        self._requests.put(None)


#: The children of this process.
_CHILDREN: weakref.WeakSet[Child] = weakref.WeakSet()


def _forked() -> None:
    for child in _CHILDREN:
        child.forked()


os.register_at_fork(after_in_child=_forked)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def find_calyx() -> str:
    """Return the program."""
    calyx = os.environ.get("CALYX_BIN") or shutil.which("calyx")
    if calyx is None:
        raise CalyxError("there is no calyx in PATH")
    return calyx
