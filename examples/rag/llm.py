"""Plays the HTTP API of a language model, with its rate limit and its failures, on a port of this machine that it prints.

Its answer is the sentence of the system message that has most words with the question in common, rare words before frequent ones. It
takes ten requests a second and refuses more with status 429, and every fifth that it takes fails with 500. GET /stats tells how many
of each there were. It ends when its standard input does.
"""

import json
import math
import os
import re
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PER_SECOND = 10
STATS = Counter(answered=0, refused=0, failed=0)
LOCK = threading.Lock()


class Bucket:
    """A token bucket: so many requests a second, and as many at once."""

    def __init__(self, rate: float) -> None:
        self.rate, self.tokens, self.last = rate, rate / 2, time.monotonic()

    def take(self) -> float:
        """Take a token; return 0, or the seconds after which there will be one."""
        now = time.monotonic()
        self.tokens = min(self.rate / 2, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0
        return (1 - self.tokens) / self.rate


BUCKET = Bucket(PER_SECOND)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with LOCK:
            self.reply(200, dict(STATS))

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with LOCK:
            wait = BUCKET.take()
            outcome = "refused" if wait else "failed" if (STATS["answered"] + STATS["failed"]) % 5 == 4 else "answered"
            STATS[outcome] += 1
        if outcome == "refused":
            self.reply(429, {"error": "too many requests"}, {"Retry-After": f"{wait:.3f}"})
        elif outcome == "failed":
            self.reply(500, {"error": "the model is not well"}, {"Retry-After": "0.1"})
        else:
            text, question = (message["content"] for message in request["messages"])
            tokens = len(words(text)) + len(words(question))
            self.reply(200, {"choices": [{"message": {"content": read(text, question)}}], "usage": {"total_tokens": tokens}})

    def reply(self, status: int, body: dict, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Requests are counted, not logged."""


def read(text: str, question: str) -> str:
    """The sentence that answers a question, as well as words can tell."""
    sentences = [" ".join(s.split()) for s in re.split(r"(?<=[.:])\s+(?=[A-Z*“])|\n\n", text) if len(words(s)) > 4]
    seen = Counter(word for sentence in sentences for word in words(sentence))
    wanted = words(question)

    def merit(sentence: str) -> float:
        own = words(sentence)
        return sum(math.log(1 + len(sentences) / seen[word]) for word in own & wanted) / math.sqrt(len(own))

    return max(sentences, key=merit)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 0))), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    sys.stdin.read()
