"""Measures nodes in Python, and what other libraries take for the same functions. Prints milliseconds by name, as JSON."""

import functools
import importlib
import json
import logging
import os
import statistics
import subprocess
import sys
import time

NODES = """
import statistics, time
from calyx import fn, serve

@fn
def trivial(i: int) -> int:
    return i

@fn(cache=False)
def alone() -> float:
    taken = []
    for i in range(2000):
        began = time.perf_counter()
        trivial(-i)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3

if __name__ == "__main__":
    serve(trivial, alone)
"""


def run(calyx: str, *words: str) -> str:
    return subprocess.run([calyx, *words], check=True, capture_output=True, text=True).stdout


def nodes(calyx: str) -> dict[str, float]:
    """Nodes that one asks for in turn, in one process; and as many that the shell asks for at once."""
    with open("nodes.py", "w") as f:
        f.write(NODES)
    with open("Calyxfile", "w") as f:
        f.write(f"m = use(plugin('nodes', cmd = [{sys.executable!r}, 'nodes.py']))\n")
        f.write("default(*[m.trivial(i) for i in range(10000)])\n")
    run(calyx, "get", "trivial(i=-1)")
    began = time.perf_counter()
    run(calyx, "build", "-q", "--progress", "none")
    burst = (time.perf_counter() - began) * 1e3 / 10_000
    return {"node": float(run(calyx, "get", "alone", "--json")), "burst": burst}


ARRAYS = """
import time
import numpy as np
from calyx import fn, serve

@fn
def made(n: int) -> np.ndarray:
    return np.zeros(n, dtype=np.uint8)

@fn(cache=False)
def passed(n: int) -> float:
    began = time.perf_counter()
    assert made(n).nbytes == n
    return (time.perf_counter() - began) * 1e3

if __name__ == "__main__":
    serve(made, passed)
"""


def arrays(calyx: str, size: int) -> dict[str, float]:
    """An array from one node to the next; and what it takes to write as much, which is left in array.npy."""
    numpy = importlib.import_module("numpy")
    with open("arrays.py", "w") as f:
        f.write(ARRAYS)
    with open("arrays.calyx", "w") as f:
        f.write(f"use(plugin('arrays', cmd = [{sys.executable!r}, 'arrays.py']))\n")

    def passed(i: int) -> float:
        return float(run(calyx, "-f", "arrays.calyx", "get", f"passed(n={size + i})", "--json"))

    def written(i: int) -> None:
        with open("array.npy", "wb") as f:
            numpy.save(f, numpy.zeros(size, dtype=numpy.uint8))
            os.fsync(f.fileno())

    passed(0)
    return {"array": statistics.median(passed(i) for i in range(1, 4)), "array written": timed(written, 3)}


def timed(call, times: int) -> float:
    """The median of one call, in milliseconds."""
    taken = []
    for i in range(times):
        began = time.perf_counter()
        call(i)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3


def session(calyx: str) -> dict[str, float]:
    os.environ["CALYX_BIN"] = calyx
    sys.path.insert(0, ".")
    from calyx import Session

    module = importlib.import_module("nodes")
    time.sleep(2.1)  # a file that was just written is read once more
    with Session(module.trivial, module.alone) as s:
        time.sleep(2.1)
        miss = timed(lambda i: s.trivial(-5000 - i), 5)
        s.trivial(1)
        return {"session hit": timed(lambda _: s.trivial(1), 1000), "session miss": miss}


def joblib() -> dict[str, float]:
    memory = importlib.import_module("joblib").Memory("joblib", verbose=0)

    @memory.cache
    def trivial(i):
        return i

    return {"joblib miss": timed(trivial, 50), "joblib hit": timed(lambda _: trivial(1), 200)}


def redun() -> dict[str, float]:
    redun = importlib.import_module("redun")
    config = importlib.import_module("redun.config")
    logging.getLogger("redun").setLevel(logging.ERROR)
    scheduler = redun.Scheduler(config=config.Config({"backend": {"db_uri": "sqlite:///redun.db"}}))
    scheduler.load(migrate=True)

    @redun.task(namespace="bench")
    def trivial(i):
        return i

    return {
        "redun miss": timed(lambda i: scheduler.run(trivial(i)), 20),
        "redun hit": timed(lambda _: scheduler.run(trivial(1)), 50),
    }


def ancestor() -> dict[str, float]:
    calyxos = importlib.import_module("calyxos")

    class Work:
        @calyxos.fn
        def trivial(self, i):
            return i

    work = Work()
    return {"calyxos miss": timed(work.trivial, 50), "calyxos hit": timed(lambda _: work.trivial(1), 200)}


def main() -> None:
    calyx = sys.argv[1]
    found = nodes(calyx) | session(calyx)
    for peer in (functools.partial(arrays, calyx, int(sys.argv[2])), joblib, redun, ancestor):
        try:
            found |= peer()
        except ImportError:
            continue
    print(json.dumps(found))


main()
