"""Invocations without a service: what runs in them, and what they leave behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aws_durable_execution_sdk_python._kernel.ending import Flows, Patience
from aws_durable_execution_sdk_python._kernel.event_loop import running_loop

Body = Callable[[], Coroutine[Any, Any, Any]]

# Nobody is given up before the limit, nor cancelled twice.
PATIENT = Patience(grace=60)


_begun: set[asyncio.Task[Any]] = set()


def begin(coroutine: Coroutine[Any, Any, Any], name: str | None = None) -> asyncio.Task[Any]:
    """A background task that is referred to until it has ended."""
    task = asyncio.create_task(coroutine)
    if name is not None:
        task.set_name(name)
    _begun.add(task)
    task.add_done_callback(_begun.discard)
    return task


async def no_threads() -> None:
    pass


async def invocation(
    body: Body,
    *,
    seconds_left: float | None = None,
    patience: Patience = PATIENT,
    join_threads: Callable[[], Awaitable[None]] = no_threads,
    busy: bool | None = None,
    crashed: bool = False,
) -> Any:
    """Run the code of one invocation to its end, and end what it began. Called by the engine."""
    flows = Flows(running_loop(), lambda: seconds_left, patience)
    task = running_loop().create_task(body(), context=flows.context())
    try:
        return await task
    finally:
        busy = join_threads is not no_threads if busy is None else busy
        await flows.end(join_threads, busy=busy, crashed=crashed)


def leftovers() -> tuple[list[str], int]:
    """The names of the other tasks in the loop, and how many timers are to fire."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return sorted(task.get_name() for task in tasks), len(running_loop().timers())
