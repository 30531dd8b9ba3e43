"""Questions about Python, answered by a language model that is shown what the language reference says."""

import asyncio
import functools
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from calyx import Pipeline, RetryAfter, async_fn, fn, metric, serve, stored
from minilm import model


class Rag(Pipeline):
    @stored(path="corpus")
    def corpus(self):
        """The documents: texts with paragraphs."""

    @stored(path="questions.txt")
    def questions(self):
        """A question a line."""

    @stored
    def passages_shown(self) -> int:
        """How many passages the language model is shown with a question."""
        return 3

    @fn(overlap=True)
    def passages(self, document: str) -> list[str]:
        """The paragraphs of a document, joined until they have 600 characters or more."""
        passages = [""]
        for paragraph in (self.corpus() / document).read_text().split("\n\n"):
            if len(passages[-1]) >= 600:
                passages.append("")
            passages[-1] = (passages[-1] + "\n\n" + paragraph).strip()
        return passages

    @fn(overlap=True)
    def embed(self, document: str) -> np.ndarray:
        """The vectors of a document's passages."""
        texts = self.passages(document)
        metric("passages", len(texts))
        return np.concatenate([model().embed([text]) for text in texts])

    @fn
    def search(self, question: str) -> list[str]:
        """The passages that are nearest to a question."""
        wanted = model().embed([question])[0]
        names = [document.name for document in self.corpus()]
        with ThreadPoolExecutor() as threads:
            vectors = threads.map(self.embed, names)
        found = [(-float(near), name, i) for name, rows in zip(names, vectors) for i, near in enumerate(rows @ wanted)]
        return [self.passages(name)[i] for _, name, i in sorted(found)[: self.passages_shown()]]

    @async_fn(pool="llm", retries=20)
    async def answer(self, question: str) -> str:
        """What the language model answers."""
        shown = "\n\n".join(await self.search.aio(question))
        reply = await asyncio.to_thread(ask, f"Answer from this text alone.\n\n{shown}", question)
        metric("tokens", reply["usage"]["total_tokens"])
        return reply["choices"][0]["message"]["content"]

    @async_fn
    async def report(self) -> str:
        """All the answers."""
        questions = self.questions().read_text().splitlines()
        answers = await asyncio.gather(*map(self.answer, questions))
        return "\n".join(f"## {question}\n\n{answer}\n" for question, answer in zip(questions, answers))


def ask(system: str, user: str) -> dict:
    """Ask the language model; where it refuses or fails, calyx is to try again after as long as it says."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    body = json.dumps({"model": "reader", "messages": messages}).encode()
    try:
        with urllib.request.urlopen(server() + "/v1/chat/completions", data=body, timeout=30) as response:
            return json.load(response)
    except urllib.error.HTTPError as e:
        if e.code == 429 or e.code >= 500:
            raise RetryAfter(float(e.headers.get("Retry-After", 1)), f"the language model says {e.code}") from e
        raise


@functools.cache
def server() -> str:
    """Where the language model is served: at LLM_URL or, without it, by a program of this example that ends with this process."""
    if url := os.environ.get("LLM_URL"):
        return url
    program = subprocess.Popen([sys.executable, "llm.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    return program.stdout.readline().strip()


if __name__ == "__main__":
    serve(Rag)
