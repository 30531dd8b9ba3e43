"""Writes the corpus: what Python's own help() says of its language, a file a topic."""

import pathlib
from pydoc_data.topics import topics

WANTED = """assert assignment async booleans break comparisons context-managers continue dict exceptions execmodel for function global
    if import in lambda lists nonlocal pass raise return slicings strings try while with yield"""

folder = pathlib.Path("corpus")
folder.mkdir(exist_ok=True)
for topic in WANTED.split():
    if topic in topics:
        (folder / f"{topic}.txt").write_text(topics[topic], encoding="utf-8")
