"""The code of an invocation has a time of its own on the event loop, the engine has real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop, running_loop
from aws_durable_execution_sdk_python._kernel.origin import context_of, engine_context


def in_invocation(main: Callable[[EventLoop], Awaitable[None]]) -> None:
    async def start() -> None:
        loop, token = running_loop(), object()
        loop.begin_invocation(token)
        await loop.create_task(_run(loop), context=context_of(token))

    async def _run(loop: EventLoop) -> None:
        await main(loop)

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(start())


def test_frozen_time_stands_still_for_the_invocation_alone() -> None:
    async def main(loop: EventLoop) -> None:
        loop.user_time.freeze()
        at = loop.time()
        await asyncio.to_thread(int)
        assert loop.time() == at
        assert engine_context().run(loop.time) > at

    in_invocation(main)


def test_no_timer_fires_in_frozen_time_by_itself() -> None:
    async def main(loop: EventLoop) -> None:
        fired: list[int] = []
        loop.call_later(0.0, fired.append, 1)
        loop.user_time.freeze()
        loop.engine_call_later(0.01, fired.append, 2)
        while 2 not in fired:  # noqa: ASYNC110 - real time has to pass
            await asyncio.sleep(0)
        assert fired == [2]
        loop.user_time.fire_next()
        await asyncio.sleep(0)
        assert fired == [2, 1]

    in_invocation(main)


def test_time_goes_on_to_the_timer_that_is_fired() -> None:
    async def main(loop: EventLoop) -> None:
        loop.user_time.freeze()
        timer = loop.call_later(3600, int)
        loop.user_time.fire_next()
        assert loop.time() == timer.when()
        assert loop.timers() == []

    in_invocation(main)


def test_thawed_time_goes_on_from_where_it_was() -> None:
    async def main(loop: EventLoop) -> None:
        before = time.monotonic()
        loop.user_time.freeze()
        loop.user_time.go_to(loop.time() + 3600)
        loop.user_time.thaw()
        assert before + 3600 <= loop.time() <= time.monotonic() + 3600
        await asyncio.sleep(0.001)

    in_invocation(main)


def test_a_timer_that_is_cancelled_when_it_is_due_does_not_fire() -> None:
    async def main(loop: EventLoop) -> None:
        fired: list[int] = []
        timer = loop.call_later(1, fired.append, 1)
        loop.user_time.freeze()
        loop.user_time.fire_next()
        timer.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert fired == []

    in_invocation(main)


def test_timers_fire_in_the_order_of_their_time_and_of_their_setting() -> None:
    async def main(loop: EventLoop) -> None:
        fired: list[int] = []
        at = loop.time()
        for number, seconds in enumerate((0.002, 0.001, 0.001)):
            loop.call_at(at + seconds, fired.append, number)
        await asyncio.sleep(0.003)
        assert fired == [1, 2, 0]

    in_invocation(main)


def test_the_next_invocation_lives_in_real_time() -> None:
    async def main(loop: EventLoop) -> None:
        loop.user_time.freeze()
        loop.user_time.go_to(loop.time() + 3600)
        loop.begin_invocation(object())
        assert not loop.user_time.differs

    in_invocation(main)


def test_tasks_of_the_invocation_are_counted_until_they_end() -> None:
    async def main(loop: EventLoop) -> None:
        task = asyncio.ensure_future(asyncio.sleep(0))
        engines = loop.create_engine_task(asyncio.sleep(0))
        assert loop.task_count.alive == 2
        await task
        await engines
        assert loop.task_count.alive == 1

    in_invocation(main)
