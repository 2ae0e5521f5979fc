"""Random programs of ordinary asyncio and anyio code around durable operations.

A program is a tree. Each node runs its children by one construct, and emits what a user could see:
that something has ended, was cancelled, was woken. Whatever runs concurrently has a context of its
own, which leaves no record, so that its code runs again on every replay.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from hypothesis import strategies as st

from aws_durable_execution_sdk_python import AsyncDurableContext
from aws_durable_execution_sdk_python.config import ChildConfig

UNRECORDED: ChildConfig[Any] = ChildConfig(is_virtual=True)
Emit = Callable[..., None]


@dataclass(frozen=True)
class Node:
    """One construct.

    Attributes:
        path: its place in the tree, and the name of its operation.
        seconds: how long its operation, or its time-out, lasts.
        flag: which of two variants it is.
    """

    kind: str
    path: str
    seconds: float
    flag: bool
    children: tuple[Node, ...] = ()


class Run:
    """One run of a program, in one invocation."""

    def __init__(self, emit: Emit) -> None:
        self.emit = emit

    async def operation(
        self,
        c: AsyncDurableContext,
        path: str,
        node: Node,
        *,
        step: bool = True,
        fails: bool = False,
    ) -> None:
        async def body() -> None:
            await asyncio.sleep(node.seconds)
            if fails:
                raise ValueError(path)

        await (c.step(body, name=path) if step else c.wait(seconds=1, name=path))

    def below(self, c: AsyncDurableContext, node: Node) -> Coroutine[Any, Any, None]:
        """A node in a context of its own, for concurrent code."""
        return self.apart(c, lambda child: self.node(child, node))

    def apart(
        self, c: AsyncDurableContext, function: Callable[[AsyncDurableContext], Awaitable[Any]]
    ) -> Coroutine[Any, Any, Any]:
        async def run(child: AsyncDurableContext) -> None:
            await function(child)

        return c.run_in_child_context(run, config=UNRECORDED)

    def spawn(self, c: AsyncDurableContext, node: Node) -> asyncio.Task[None]:
        return asyncio.ensure_future(self.below(c, node))

    async def node(self, c: AsyncDurableContext, node: Node) -> None:
        if node.kind == "operation":
            try:
                await self.operation(c, node.path, node, step=node.flag)
            except asyncio.CancelledError:
                self.emit("cancelled", node.path)
                raise
            self.emit("ended", node.path)
            return
        self.emit(node.kind, node.path)
        await CONSTRUCTS[node.kind](self, c, node)
        self.emit("end", node.path)


Construct = Callable[[Run, AsyncDurableContext, Node], Awaitable[None]]
CONSTRUCTS: dict[str, Construct] = {}
TIMED: dict[str, Construct] = {}


def construct(function: Construct) -> Construct:
    CONSTRUCTS[function.__name__] = function
    return function


def timed(function: Construct) -> Construct:
    TIMED[function.__name__] = function
    return construct(function)


@construct
async def sequence(run: Run, c: AsyncDurableContext, node: Node) -> None:
    for child in node.children:
        await run.below(c, child)


@construct
async def gather(run: Run, c: AsyncDurableContext, node: Node) -> None:
    await asyncio.gather(*[run.below(c, child) for child in node.children])


@construct
async def first(run: Run, c: AsyncDurableContext, node: Node) -> None:
    tasks = [run.spawn(c, child) for child in node.children]
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    run.emit("first", node.path, [tasks.index(task) for task in tasks if task in done])
    if node.flag:
        for task in tasks:
            task.cancel()
    if rest:
        await asyncio.wait(rest)


@construct
async def as_completed(run: Run, c: AsyncDurableContext, node: Node) -> None:
    # Over tasks: of coroutines it makes them in the order of a set's addresses.
    for each in asyncio.as_completed([run.spawn(c, child) for child in node.children]):
        await each
        run.emit("next", node.path)


@construct
async def task_group(run: Run, c: AsyncDurableContext, node: Node) -> None:
    async with asyncio.TaskGroup() as group:
        for child in node.children:
            group.create_task(run.below(c, child))


@construct
async def anyio_group(run: Run, c: AsyncDurableContext, node: Node) -> None:
    async with anyio.create_task_group() as group:
        for child in node.children:
            group.start_soon(_await, run.below(c, child))
        if node.flag:
            await run.operation(c, f"{node.path}!", node)
            group.cancel_scope.cancel()


async def _await(coroutine: Coroutine[Any, Any, None]) -> None:
    await coroutine


@construct
async def queue(run: Run, c: AsyncDurableContext, node: Node) -> None:
    items: asyncio.Queue[int | None] = asyncio.Queue(1 if node.flag else 0)

    async def produce(child: AsyncDurableContext) -> None:
        for number, each in enumerate(node.children):
            await run.below(child, each)
            await items.put(number)
        await items.put(None)

    producer = asyncio.ensure_future(run.apart(c, produce))
    while (item := await items.get()) is not None:
        run.emit("got", node.path, item)
        await run.operation(c, f"{node.path}/{item}", node)
    await producer


@construct
async def stream(run: Run, c: AsyncDurableContext, node: Node) -> None:
    sender, receiver = anyio.create_memory_object_stream[int](0)

    async def send(child: AsyncDurableContext) -> None:
        async with sender:
            for number, each in enumerate(node.children):
                await run.below(child, each)
                await sender.send(number)

    async with receiver, anyio.create_task_group() as group:
        group.start_soon(_await, run.apart(c, send))
        async for item in receiver:
            run.emit("got", node.path, item)
            await run.operation(c, f"{node.path}/{item}", node)


@construct
async def event(run: Run, c: AsyncDurableContext, node: Node) -> None:
    happened: Any = anyio.Event() if node.flag else asyncio.Event()

    def waiter(number: int) -> Coroutine[Any, Any, None]:
        async def wait(child: AsyncDurableContext) -> None:
            await happened.wait()
            run.emit("woke", node.path, number)
            await run.operation(child, f"{node.path}/{number}", node)

        return run.apart(c, wait)

    waiters = [asyncio.ensure_future(waiter(number)) for number in range(2)]
    await run.below(c, node.children[0])
    happened.set()
    await asyncio.gather(*waiters, *[run.below(c, child) for child in node.children[1:]])


@construct
async def lock(run: Run, c: AsyncDurableContext, node: Node) -> None:
    held: Any = anyio.Lock() if node.flag else asyncio.Lock()

    async def locked(child: Node, context: AsyncDurableContext) -> None:
        async with held:
            run.emit("has", child.path)
            await run.node(context, child)

    await asyncio.gather(*[run.apart(c, partial(locked, child)) for child in node.children])


@construct
async def condition(run: Run, c: AsyncDurableContext, node: Node) -> None:
    changed, ended = asyncio.Condition(), list[int]()

    async def add(child: Node, context: AsyncDurableContext) -> None:
        await run.node(context, child)
        async with changed:
            ended.append(1)
            changed.notify_all()

    tasks = [asyncio.ensure_future(run.apart(c, partial(add, child))) for child in node.children]
    async with changed:
        await changed.wait_for(lambda: ended)
    run.emit("notified", node.path)
    await asyncio.gather(*tasks)


@construct
async def shield(run: Run, c: AsyncDurableContext, node: Node) -> None:
    await asyncio.shield(run.spawn(c, node.children[0]))


@construct
async def cancel(run: Run, c: AsyncDurableContext, node: Node) -> None:
    task = run.spawn(c, node.children[0])
    await run.below(c, node.children[-1])
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    run.emit("was cancelled", node.path, task.cancelled())


@construct
async def sibling_fails(run: Run, c: AsyncDurableContext, node: Node) -> None:
    async def fail(child: AsyncDurableContext) -> None:
        await run.operation(child, f"{node.path}!", node, fails=True)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(run.below(c, node.children[0]))
            group.create_task(run.apart(c, fail))
    except* ValueError:
        run.emit("a sibling failed", node.path)


@construct
async def background(run: Run, c: AsyncDurableContext, node: Node) -> None:
    task = run.spawn(c, node.children[0])
    await run.below(c, node.children[-1])
    await asyncio.sleep(0)
    run.emit("background", node.path, task.done())
    await task


@timed
async def timeout(run: Run, c: AsyncDurableContext, node: Node) -> None:
    try:
        async with contextlib.AsyncExitStack() as stack:
            if node.flag:
                await stack.enter_async_context(asyncio.timeout(node.seconds))
            else:
                stack.enter_context(anyio.fail_after(node.seconds))
            await run.below(c, node.children[0])
        run.emit("in time", node.path)
    except TimeoutError:
        run.emit("timed out", node.path)


@timed
async def sleep(run: Run, c: AsyncDurableContext, node: Node) -> None:
    nap = asyncio.sleep(node.seconds)
    await asyncio.gather(*[run.below(c, child) for child in node.children], nap)
    await asyncio.sleep(node.seconds)
    run.emit("slept", node.path)
    await run.operation(c, f"{node.path}!", node)


@timed
async def wait_with_timeout(run: Run, c: AsyncDurableContext, node: Node) -> None:
    tasks = [run.spawn(c, child) for child in node.children]
    done, rest = await asyncio.wait(tasks, timeout=node.seconds)
    run.emit("within", node.path, len(done))
    if rest:
        await asyncio.wait(rest)


# ------------------------------------------------------------------------------ drawing them


def durations(node: Node) -> dict[str, float]:
    """How long the waits of a program last, by name."""
    below = [durations(child) for child in node.children]
    return {node.path: node.seconds, **dict(item for each in below for item in each.items())}


@st.composite
def programs(draw: st.DrawFn, kinds: tuple[str, ...], depth: int = 3, path: str = "p") -> Node:
    """A program of these constructs."""
    kind = "operation" if not depth else draw(st.sampled_from(("operation", *kinds)))
    if depth == 3 and kind == "operation":
        kind = "gather"
    # In tenths of a millisecond.
    seconds = draw(st.integers(0, 40)) / 10_000
    flag = draw(st.booleans())
    if kind == "operation":
        return Node(kind, path, seconds, flag)
    count = draw(st.integers(2, 3))
    below = [draw(programs(kinds, depth - 1, f"{path}.{n}")) for n in range(count)]
    return Node(kind, path, seconds, flag, tuple(below))


ORDERED = tuple(kind for kind in CONSTRUCTS if kind not in TIMED)
EVERY = tuple(CONSTRUCTS)
