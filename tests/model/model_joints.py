"""The constructs of asyncio and anyio by which operations are awaited together.

Each takes operations that are about to be begun and gives their outcomes in that order, errors as
values, so that nothing depends on which completes first. All of them are begun, in the order of the
program, by the task that the context belongs to; what runs at once runs in tasks of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Sequence
from typing import Any, TypeAlias, TypeVar

import anyio
from model_programs import Joint
from model_values import observed

T = TypeVar("T")
# Calls a context's method, and gives its coroutine.
Begin: TypeAlias = Callable[[], Coroutine[Any, Any, Any]]

# These leave tasks behind that go on, for a while, where the awaiting code is cancelled.
LOOSE = frozenset(
    {
        Joint.WAIT,
        Joint.FIRST_COMPLETED,
        Joint.AS_COMPLETED,
        Joint.SHIELD,
        Joint.QUEUE,
        Joint.EVENT,
        Joint.CONDITION,
        Joint.FUTURES,
        Joint.BACKGROUND,
    }
)
# With these somebody waits for one of them while the others run: where that one is durable, the
# invocation may be suspended.
ONE_AT_A_TIME = frozenset({Joint.SHIELD, Joint.FUTURES, Joint.BACKGROUND})
# Real seconds, which no program takes.
PLENTY_SECONDS = 3600


async def joined(by: Joint, begins: Sequence[Begin]) -> list[Any]:
    """Perform operations together; what came of each."""
    if by in _IN_TURN:
        return await _IN_TURN[by](begins)
    begun = [_Begun(begin()) for begin in begins]
    if by in LOOSE:
        return await _AT_ONCE[by](begun)
    try:
        return await _AT_ONCE[by](begun)
    finally:
        for each in begun:
            each.forgo()


class _Begun:
    """An operation that was called."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self._coroutine = coroutine

    def forgo(self) -> None:
        """Whoever was to await it has ended, maybe before the first line: then nobody will."""
        if inspect.getcoroutinestate(self._coroutine) == inspect.CORO_CREATED:
            self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    async def outcome(self) -> Any:
        """What came of it, an error as a value."""
        try:
            return observed(await self)
        except Exception as error:
            return observed(error)


# ---------------------------------------------------------------------------------- at once


async def _gather(begun: Sequence[_Begun]) -> list[Any]:
    results = await asyncio.gather(*begun, return_exceptions=True)
    return [observed(each) for each in results]


async def _wait(begun: Sequence[_Begun]) -> list[Any]:
    tasks = _tasks(begun)
    await asyncio.wait(tasks)
    return [task.result() for task in tasks]


async def _first_completed(begun: Sequence[_Begun]) -> list[Any]:
    tasks = _tasks(begun)
    pending = set(tasks)
    while pending:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    return [task.result() for task in tasks]


async def _as_completed(begun: Sequence[_Begun]) -> list[Any]:
    tasks = _tasks(begun)
    for each in asyncio.as_completed(tasks):
        await each
    return [task.result() for task in tasks]


async def _task_group(begun: Sequence[_Begun]) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.outcome()) for each in begun]
    return [task.result() for task in tasks]


async def _shield(begun: Sequence[_Begun]) -> list[Any]:
    tasks = _tasks(begun)
    return [await asyncio.shield(task) for task in tasks]


async def _timeout(begun: Sequence[_Begun]) -> list[Any]:
    async with asyncio.timeout(PLENTY_SECONDS):
        return await _gather(begun)


async def _background(begun: Sequence[_Begun]) -> list[Any]:
    """All but the last in the background, from which they are fetched at the end."""
    tasks = _tasks(begun[:-1])
    last = await begun[-1].outcome()
    return [*[await task for task in tasks], last]


async def _futures(begun: Sequence[_Begun]) -> list[Any]:
    loop = asyncio.get_running_loop()
    futures = [loop.create_future() for _ in begun]
    return await _notifying(begun, lambda i, outcome: futures[i].set_result(outcome), futures)


async def _queue(begun: Sequence[_Begun]) -> list[Any]:
    queue: asyncio.Queue[tuple[int, Any]] = asyncio.Queue()
    tasks = _notifiers(begun, lambda i, outcome: queue.put_nowait((i, outcome)))
    came = dict([await queue.get() for _ in begun])
    await asyncio.wait(tasks)
    return _in_order(came)


async def _event(begun: Sequence[_Begun]) -> list[Any]:
    came: dict[int, Any] = {}
    event = asyncio.Event()

    def note(i: int, outcome: Any) -> None:
        came[i] = outcome
        if len(came) == len(begun):
            event.set()

    await _notifying(begun, note, [event.wait()])
    return _in_order(came)


async def _anyio_event(begun: Sequence[_Begun]) -> list[Any]:
    came: dict[int, Any] = {}
    events = [anyio.Event() for _ in begun]

    async def perform(i: int) -> None:
        came[i] = await begun[i].outcome()
        events[i].set()

    async with anyio.create_task_group() as group:
        for i in range(len(begun)):
            group.start_soon(perform, i)
        for event in events:
            await event.wait()
    return _in_order(came)


async def _condition(begun: Sequence[_Begun]) -> list[Any]:
    came: dict[int, Any] = {}
    condition = asyncio.Condition()

    async def perform(i: int) -> None:
        outcome = await begun[i].outcome()
        async with condition:
            came[i] = outcome
            condition.notify_all()

    tasks = [_task(one, perform(i)) for i, one in enumerate(begun)]
    async with condition:
        await condition.wait_for(lambda: len(came) == len(begun))
    await asyncio.wait(tasks)
    return _in_order(came)


async def _anyio_group(begun: Sequence[_Begun]) -> list[Any]:
    return await _in_anyio_group(begun, contextlib.nullcontext())


async def _anyio_lock(begun: Sequence[_Begun]) -> list[Any]:
    return await _in_anyio_group(begun, anyio.Lock())


async def _lock(begun: Sequence[_Begun]) -> list[Any]:
    return await _guarded(begun, asyncio.Lock())


async def _semaphore(begun: Sequence[_Begun]) -> list[Any]:
    return await _guarded(begun, asyncio.Semaphore(2))


async def _anyio_stream(begun: Sequence[_Begun]) -> list[Any]:
    came: dict[int, Any] = {}
    send, receive = anyio.create_memory_object_stream[tuple[int, Any]]()

    async def perform(i: int) -> None:
        outcome = await begun[i].outcome()
        await send.send((i, outcome))

    with send, receive:
        async with anyio.create_task_group() as group:
            for i in range(len(begun)):
                group.start_soon(perform, i)
            while len(came) < len(begun):
                i, outcome = await receive.receive()
                came[i] = outcome
    return _in_order(came)


async def _anyio_scope(begun: Sequence[_Begun]) -> list[Any]:
    with anyio.move_on_after(PLENTY_SECONDS):
        return await _anyio_group(begun)
    raise AssertionError("plenty of time ran out")


# ---------------------------------------------------------------------------------- in turn


async def _awaitable(begins: Sequence[Begin]) -> list[Any]:
    class Lazy:
        def __init__(self, begin: Begin) -> None:
            self._begin = begin

        def __await__(self) -> Generator[Any, Any, Any]:
            return _Begun(self._begin()).outcome().__await__()

    return [await Lazy(begin) for begin in begins]


async def _generator(begins: Sequence[Begin]) -> list[Any]:
    async def outcomes() -> AsyncIterator[Any]:
        for begin in begins:
            yield await _Begun(begin()).outcome()

    return [each async for each in outcomes()]


async def _manager(begins: Sequence[Begin]) -> list[Any]:
    """The first on the way in, the last on the way out, the others between."""
    came: list[Any] = []

    async def perform(some: Sequence[Begin]) -> None:
        came.extend([await _Begun(begin()).outcome() for begin in some])

    @contextlib.asynccontextmanager
    async def manager() -> AsyncIterator[None]:
        await perform(begins[:1])
        yield
        await perform(begins[1:][-1:])

    async with manager():
        await perform(begins[1:-1])
    return came


# ------------------------------------------------------------------------------------ parts


def _tasks(begun: Sequence[_Begun]) -> list[asyncio.Task[Any]]:
    return [_task(each, each.outcome()) for each in begun]


def _task(begun: _Begun, awaiting: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task that awaits an operation; it may be cancelled before it begins."""
    task = asyncio.create_task(awaiting)
    task.add_done_callback(lambda _: begun.forgo())
    return task


def _notifiers(
    begun: Sequence[_Begun], note: Callable[[int, Any], object]
) -> list[asyncio.Task[None]]:
    """Tasks that perform the operations and tell the outcomes."""

    async def perform(i: int, one: _Begun) -> None:
        note(i, await one.outcome())

    return [_task(one, perform(i, one)) for i, one in enumerate(begun)]


async def _notifying(
    begun: Sequence[_Begun],
    note: Callable[[int, Any], object],
    news: Sequence[Awaitable[Any]],
) -> list[Any]:
    """Have tasks tell the outcomes, and await the news that come of it."""
    tasks = _notifiers(begun, note)
    came = [await each for each in news]
    await asyncio.wait(tasks)
    return came


async def _guarded(
    begun: Sequence[_Begun], guard: contextlib.AbstractAsyncContextManager[Any]
) -> list[Any]:
    async def perform(one: _Begun) -> Any:
        async with guard:
            return await one.outcome()

    return await asyncio.gather(*map(perform, begun))


async def _in_anyio_group(
    begun: Sequence[_Begun], guard: contextlib.AbstractAsyncContextManager[Any]
) -> list[Any]:
    came: dict[int, Any] = {}

    async def perform(i: int) -> None:
        async with guard:
            came[i] = await begun[i].outcome()

    async with anyio.create_task_group() as group:
        for i in range(len(begun)):
            group.start_soon(perform, i)
    return _in_order(came)


def _in_order(came: dict[int, Any]) -> list[Any]:
    return [came[i] for i in sorted(came)]


_AT_ONCE: dict[Joint, Callable[[Sequence[_Begun]], Coroutine[Any, Any, list[Any]]]] = {
    Joint.GATHER: _gather,
    Joint.WAIT: _wait,
    Joint.FIRST_COMPLETED: _first_completed,
    Joint.AS_COMPLETED: _as_completed,
    Joint.TASK_GROUP: _task_group,
    Joint.SHIELD: _shield,
    Joint.TIMEOUT: _timeout,
    Joint.QUEUE: _queue,
    Joint.EVENT: _event,
    Joint.LOCK: _lock,
    Joint.SEMAPHORE: _semaphore,
    Joint.CONDITION: _condition,
    Joint.FUTURES: _futures,
    Joint.BACKGROUND: _background,
    Joint.ANYIO_GROUP: _anyio_group,
    Joint.ANYIO_LOCK: _anyio_lock,
    Joint.ANYIO_EVENT: _anyio_event,
    Joint.ANYIO_STREAM: _anyio_stream,
    Joint.ANYIO_SCOPE: _anyio_scope,
}

_IN_TURN: dict[Joint, Callable[[Sequence[Begin]], Coroutine[Any, Any, list[Any]]]] = {
    Joint.AWAITABLE: _awaitable,
    Joint.GENERATOR: _generator,
    Joint.MANAGER: _manager,
}
