"""How nodes call nodes: conditions, loops, threads, tasks, generators, recursion, failures."""

from __future__ import annotations

import sys
import tempfile

import pytest
from conftest import Workspace


def edges(ws: Workspace, node: str) -> list[str]:
    """Return what a node depends on, as it ran last."""
    import json

    return sorted(json.loads(ws.calyx("info", "--json", node).out)["dependencies"])


def test_only_what_was_called_is_an_edge(ws: Workspace) -> None:
    ws.program(
        """
        class P(Pipeline):
            @stored
            def flag(self): return True

            @stored
            def a(self): return 1

            @stored
            def b(self): return 2

            @fn
            def choose(self): return self.a() if self.flag() else self.b()

            @fn
            def looped(self): return [f() for f in (self.a, self.b)]

            @fn
            def helped(self): return help_with(self)

            @fn
            def generated(self): return sum(f() for f in (self.a, self.b))

        def help_with(p): return p.a() + 1
        """
    )
    ws.calyx("build")
    assert edges(ws, "choose") == ["a", "flag"]
    assert edges(ws, "looped") == edges(ws, "generated") == ["a", "b"]
    assert edges(ws, "helped") == ["a"]
    ws.calyx("set", "b", "5")
    assert ws.runs() == ["generated", "looped"]
    ws.calyx("set", "flag", "false")
    assert ws.get("choose") == 5
    assert edges(ws, "choose") == ["b", "flag"]


def test_threads_and_tasks_belong_to_the_node(ws: Workspace) -> None:
    ws.program(
        """
        import asyncio, threading
        from concurrent.futures import ThreadPoolExecutor
        POOL = ThreadPoolExecutor(2)

        @fn
        def square(x: int): return x * x

        @fn
        def pooled():
            with ThreadPoolExecutor(4) as pool:
                return list(pool.map(square, range(8)))

        @fn
        def shared_pool(): return [f.result() for f in [POOL.submit(square, i) for i in range(3)]]

        @fn
        def threaded():
            found = []
            threads = [threading.Thread(target=lambda i=i: found.append(square(i))) for i in range(3)]
            [t.start() for t in threads]
            [t.join() for t in threads]
            return sorted(found)

        @async_fn
        async def gathered(): return await asyncio.gather(*(square.aio(i) for i in range(5)))

        @async_fn
        async def off_the_loop(): return await asyncio.to_thread(square, 7)

        @fn
        def in_a_loop_of_its_own(): return asyncio.run(gather_three())

        async def gather_three(): return await asyncio.gather(*(square.aio(i) for i in range(3)))
        """
    )
    ws.calyx("build", "pooled", "shared_pool", "threaded", "gathered", "off_the_loop", "in_a_loop_of_its_own")
    assert ws.get("pooled") == [i * i for i in range(8)]
    assert ws.get("shared_pool") == ws.get("threaded") == ws.get("in_a_loop_of_its_own") == [0, 1, 4]
    assert ws.get("gathered") == [0, 1, 4, 9, 16] and ws.get("off_the_loop") == 49
    assert edges(ws, "threaded") == ["square(x=0)", "square(x=1)", "square(x=2)"]


def test_ten_awaits_of_one_node_run_it_once(ws: Workspace) -> None:
    ws.program(
        """
        import asyncio

        @async_fn
        async def slow(x: int = 1):
            with open(".calyx/count", "a") as f: f.write("x")
            await asyncio.sleep(0.01)
            return x

        @async_fn
        async def ten(): return await asyncio.gather(*(slow() for _ in range(10)))
        """
    )
    assert ws.get("ten") == [1] * 10
    assert (ws.root / ".calyx" / "count").read_text() == "x"


def test_async_nodes_overlap(ws: Workspace) -> None:
    ws.program(
        """
        import asyncio
        ARRIVED = asyncio.Event()

        @async_fn
        async def first():
            await asyncio.wait_for(ARRIVED.wait(), 20)
            return 1

        @async_fn
        async def second():
            ARRIVED.set()
            return 2

        @async_fn
        async def both(): return await asyncio.gather(first(), second())
        """
    )
    assert json_list(ws.calyx("get", "--json", "-j", "2", "both").out) == [1, 2]


def json_list(text: str) -> list[object]:
    import json

    found: list[object] = json.loads(text)
    return found


def test_a_call_without_await_in_an_async_node_is_an_error(ws: Workspace) -> None:
    ws.program("@fn\ndef one(): return 1\n\n@async_fn\nasync def two(): return one()\n")
    assert "await" in ws.calyx("get", "two", status=1).text


def test_keyword_and_positional_calls_are_one_node(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def f(x: int, y: int = 2):
            print("ran")
            return [x, y]

        @fn
        def calls(): return [f(1, 2), f(x=1, y=2), f(y=2, x=1), f(1)]
        """
    )
    assert ws.get("calls") == [[1, 2]] * 4
    executed = [line for line in ws.calyx("log", "calls", status=None).text.splitlines() if "ran" in line]
    assert len(executed) <= 1


def test_types_of_arguments_are_kept_apart(ws: Workspace) -> None:
    ws.program(
        """
        VALUES = (1, 1.0, '1', True, None, [1], (1,), b'1')

        @fn
        def kind(x): return type(x).__name__

        @fn
        def all(): return [kind(v) for v in VALUES]
        """
    )
    assert ws.get("all") == ["int", "float", "str", "bool", "NoneType", "list", "tuple", "bytes"]


def test_a_cycle_is_an_error_that_shows_it(ws: Workspace) -> None:
    ws.program("@fn\ndef a(): return b()\n\n@fn\ndef b(): return c()\n\n@fn\ndef c(): return a()\n")
    text = ws.calyx("get", "a", status=1).text
    assert "c -> a -> b -> c" in text


def test_super_of_a_node_is_a_node(ws: Workspace) -> None:
    ws.program(
        """
        class Base(Pipeline):
            @stored
            def k(self): return 2

            @fn
            def x(self): return self.k()

        class Child(Base):
            @stored
            def k(self): return super().k() * 10

            @fn
            def x(self): return super().x() + 1
        """
    )
    assert ws.get("Child.x") == 21
    assert ws.get("Base.x") == 2


def test_pipelines_use_one_another(ws: Workspace) -> None:
    ws.program(
        """
        class Data(Pipeline):
            @stored
            def n(self): return 3

            @fn
            def rows(self): return list(range(self.n()))

        class Model(Pipeline):
            @fn
            def total(self): return sum(Data().rows())
        """
    )
    assert ws.get("total") == 3
    ws.calyx("set", "n", "4")
    assert ws.get("total") == 6


def test_a_failure_that_was_caught_is_not_kept(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def risky():
            if calyx.open("ok.txt").read() != "yes": raise ValueError("not yet")
            return 1

        @fn
        def careful():
            try:
                return risky()
            except calyx.NeedError:
                return -1
        """
    )
    ws.write("ok.txt", "no")
    assert ws.calyx("get", "careful", status=1).out == "-1\n"
    ws.write("ok.txt", "yes")
    assert ws.get("careful") == 1


def test_a_failure_that_is_passed_on_blocks(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def risky(): raise ValueError("not yet")

        @fn
        def middle(): return risky()

        @fn
        def top():
            try:
                return middle()
            except calyx.NeedError as error:
                raise RuntimeError("no middle") from error
        """
    )
    out = ws.calyx("build", "-k", "top", status=1).err
    assert "failed    risky" in out
    assert "blocked   middle  (risky failed)" in out
    assert "RuntimeError: no middle" in out


def test_retry_after(ws: Workspace) -> None:
    ws.program(
        """
        import os

        @fn(retries=1)
        def flaky():
            if not os.path.exists(".calyx/tried"):
                open(".calyx/tried", "w").close()
                raise calyx.RetryAfter(0.01)
            return "done"
        """
    )
    assert ws.get("flaky") == "done"


def test_attributes_and_state_are_refused(ws: Workspace) -> None:
    ws.program(
        """
        class P(Pipeline):
            @stored
            def lr(self): return 1

            @fn
            def sets(self): self.cache = 1

            @fn
            def sets_stored(self): self.lr = 2
        """
    )
    text = ws.calyx("build", "--keep-going", status=1).text
    assert "P.cache cannot be set" in text and "calyx set lr" in text


def test_calls_outside_of_nodes_and_in_other_processes_are_errors(ws: Workspace) -> None:
    ws.program(
        """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        @fn
        def one(): return 1

        def ask(queue):
            try:
                queue.put(one())
            except calyx.OutsideNodeError as e:
                queue.put(str(e))

        @fn
        def gives(ask):
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, context) as pool:
                try:
                    return pool.submit({"node": one, "method": P().two}[ask]).result()
                except calyx.OutsideNodeError as e:
                    return str(e)

        class P(Pipeline):
            @fn
            def two(self): return 2

        @fn
        def starts():
            context = multiprocessing.get_context("spawn")
            queue = context.SimpleQueue()
            process = context.Process(target=ask, args=(queue,))
            process.start()
            process.join()
            return queue.get()
        """
    )
    assert "no node is being computed here" in ws.get("starts")
    assert "call one: no node is being computed here" in ws.get('gives(ask="node")')
    assert "call P.two: no node is being computed here" in ws.get('gives(ask="method")')
    assert "calyx.Session" in ws.python("import sys; sys.path.insert(0, '.'); import p; p.one()", status=1).err


def test_metrics_and_progress(ws: Workspace) -> None:
    ws.program(
        """
        @fn
        def node():
            calyx.progress(1, 2, "rows")
            calyx.metric("tokens", 812)
            calyx.metric("loss", 0.5, "nats")
        """
    )
    ws.calyx("build")
    text = ws.calyx("info", "--json", "node").text
    assert '"tokens"' in text and "812" in text


def test_async_nodes_that_read_do_not_wait_for_each_other(ws: Workspace) -> None:
    """A read stops the event loop, on which the calls are that hold the slots."""
    for i in range(20):
        ws.write(f"{i}.txt", str(i))
    ws.program(
        """
        import asyncio

        class P(Pipeline):
            @stored
            def step(self) -> int: return 1
            @async_fn
            async def one(self, i: int) -> int:
                return int(calyx.open(f"{i}.txt").read()) + self.step()
            @async_fn
            async def all(self) -> int:
                return sum(await asyncio.gather(*(self.one(i) for i in range(20))))
        """
    )
    assert ws.calyx("build", "-j", "1", "all").status == 0
    assert ws.get("all") == 210


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups of exceptions came with Python 3.11")
def test_failures_of_a_task_group_are_those_of_its_tasks(ws: Workspace) -> None:
    ws.program(
        """
        import asyncio, pathlib

        @fn
        def bad(): raise ValueError("bad")

        @async_fn
        async def blocked():
            async with asyncio.TaskGroup() as group:
                group.create_task(bad.aio())

        async def limited(tries):
            with open(tries, "a") as f:
                f.write("x")
            if pathlib.Path(tries).stat().st_size < 3:
                raise calyx.RetryAfter(0.01)

        @async_fn(retries=5)
        async def retried():
            async with asyncio.TaskGroup() as group:
                group.create_task(limited(calyx.env("TRIES")))
            return "done"
        """
    )
    assert "blocked   blocked  (bad failed)" in ws.calyx("build", "blocked", status=1).text
    with tempfile.NamedTemporaryFile() as tries:
        ws.environ["TRIES"] = tries.name
        assert ws.get("retried") == "done"
