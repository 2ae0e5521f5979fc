"""A process may be as large as it likes, in objects and in threads: its invocations suspend.

Counted is what is looked at, not the time that takes.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from parked_threads import parked

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
)
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.liveness import (
    LARGEST_LIMIT,
    MOST_OLDER,
    OLDER_LIMIT,
    Liveness,
)
from aws_durable_execution_sdk_python._lambda.pool import close_idle_environments
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner as Runner

FIRST_LIMIT = 50


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Limits of searches that handlers saw at their end; in new loops it is small at first."""
    close_idle_environments()
    monkeypatch.setattr(EventLoop, "search_limit", FIRST_LIMIT)
    yield []
    close_idle_environments()


def _hold_data(stop: threading.Event) -> None:
    """What would reach the end of a search long after its limit."""
    data = [[number] for number in range(40 * FIRST_LIMIT)]
    stop.wait()
    data.clear()


def _search_limit(loop: asyncio.AbstractEventLoop) -> int:
    assert isinstance(loop, EventLoop)
    return loop.search_limit


def _blocking(seen: list[int], end: contextlib.ExitStack) -> Any:
    @durable_execution
    def handler(event: Any, context: DurableContext) -> str:
        async def look(_: AsyncDurableContext) -> None:
            seen.append(_search_limit(asyncio.get_running_loop()))

        if not seen:
            end.enter_context(parked(_hold_data))
        context.run_in_child_context(look)
        context.wait(seconds=600)
        seen.append(context.run_in_child_context(limit_now))
        return "done"

    async def limit_now(_: AsyncDurableContext) -> int:
        return _search_limit(asyncio.get_running_loop())

    return handler


def _async(seen: list[int], end: contextlib.ExitStack) -> Any:
    @durable_execution
    async def handler(event: Any, context: AsyncDurableContext) -> str:
        if not seen:
            end.enter_context(parked(_hold_data))
        seen.append(_search_limit(asyncio.get_running_loop()))
        await asyncio.gather(context.wait(seconds=600))
        seen.append(_search_limit(asyncio.get_running_loop()))
        return "done"

    return handler


@pytest.mark.parametrize("make", [_blocking, _async])
def test_data_of_a_thread_keeps_no_invocation_awake(
    make: Callable[[list[int], contextlib.ExitStack], Any], limits: list[int]
) -> None:
    """A search meets its limit at first, which then grows, for the next invocation too."""
    with contextlib.ExitStack() as end, Runner(make(limits, end)) as runner:
        result = runner.run(timeout=30)
    assert result.result == "done"
    assert len(result.invocations) == 2
    assert limits[0] == FIRST_LIMIT
    assert FIRST_LIMIT < limits[-1] <= LARGEST_LIMIT


def looked_at(count: int, target: Callable[[threading.Event], object]) -> int:
    """How many objects one question looks at, with so many older threads that do not help."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        liveness = Liveness(loop, set())
        assert not liveness.can_go_on([loop.create_future()], {})
        return liveness.objects

    with parked(target, count), asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(main())


def test_what_older_threads_share_is_looked_at_once() -> None:
    shared = [[number] for number in range(1_000)]

    def wait(stop: threading.Event) -> None:
        data = shared
        stop.wait()
        assert data

    each = (looked_at(40, wait) - looked_at(10, wait)) / 30
    assert each < 100


def test_older_threads_are_looked_into_so_far() -> None:
    def wait(stop: threading.Event) -> None:
        data = [[number] for number in range(2 * OLDER_LIMIT)]
        stop.wait()
        assert data

    assert looked_at(2 * MOST_OLDER, wait) <= MOST_OLDER * OLDER_LIMIT


def test_older_threads_are_one_search() -> None:
    def wait(stop: threading.Event) -> None:
        stop.wait()

    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        liveness = Liveness(loop, set())
        liveness.can_go_on([loop.create_future()], {})
        return liveness.searches

    with parked(wait, 30), asyncio.Runner(loop_factory=EventLoop) as runner:
        assert runner.run(main()) == 2


def test_a_thread_that_threading_has_not_started_is_no_newer_one() -> None:
    """Neither before nor after `threading` has heard of it. Such a one carries pytest-xdist."""
    begun, tell, told, stop, ended = (threading.Event() for _ in range(5))

    def wait() -> None:
        data = [[number] for number in range(2 * FIRST_LIMIT)]
        begun.set()
        tell.wait()
        threading.current_thread()  # from here on it has an object
        told.set()
        stop.wait()
        assert data
        ended.set()

    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        loop.search_limit = FIRST_LIMIT
        liveness = Liveness(loop, {object()})
        answers = [liveness.can_go_on([], {})]
        tell.set()
        told.wait()
        return [*answers, liveness.can_go_on([], {})]

    _thread.start_new_thread(wait, ())
    begun.wait()
    try:
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            assert runner.run(main()) == [False, False]
    finally:
        stop.set()
        ended.wait()


def test_no_search_is_begun_that_may_outlast_the_time_there_is() -> None:
    """There is work then, and the deadline ends the invocation."""

    async def main() -> list[bool]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        left = [1000.0]
        liveness = Liveness(loop, set(), lambda: left[0])
        waiting = [loop.create_future()]
        plenty = liveness.can_go_on(waiting, {})
        left[0] = 0.0
        return [plenty, liveness.can_go_on(waiting, {}), liveness.searches == 2]

    with parked(threading.Event.wait), asyncio.Runner(loop_factory=EventLoop) as runner:
        assert runner.run(main()) == [False, True, True]
