"""The event loop knows what could wake it, and says when nothing is ready."""

from __future__ import annotations

import asyncio
import functools
import operator
import socket
import threading
from collections.abc import Awaitable, Callable

import pytest

from aws_durable_execution_sdk_python._kernel.event_loop import (
    EventLoop,
    running_loop,
)
from aws_durable_execution_sdk_python._kernel.origin import engine_context


def run(main: Callable[[EventLoop], Awaitable[None]]) -> None:
    async def start() -> None:
        await main(running_loop())

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(start())


def test_a_timer_is_a_source_until_it_has_fired() -> None:
    async def main(loop: EventLoop) -> None:
        fired = loop.create_future()
        timer = loop.call_later(0.001, fired.set_result, None)
        assert loop.timers() == [timer]
        await fired
        await asyncio.sleep(0)
        assert loop.timers() == []

    run(main)


def test_a_timer_that_is_due_but_has_not_fired_is_still_a_source() -> None:
    async def main(loop: EventLoop) -> None:
        timer = loop.call_at(loop.time(), int)
        assert timer.when() <= loop.time()
        assert loop.timers() == [timer]

    run(main)


def test_what_the_engine_has_going_is_no_source() -> None:
    async def main(loop: EventLoop) -> None:
        async def sleep() -> None:
            await asyncio.sleep(100)

        loop.engine_call_at(loop.time() + 100, int)
        task = loop.create_task(sleep(), context=engine_context())
        await asyncio.sleep(0)
        assert loop.timers() == []
        assert loop.selector.registered() == []
        task.cancel()

    run(main)


def test_rest_comes_when_nothing_is_ready() -> None:
    async def main(loop: EventLoop) -> None:
        steps: list[int] = []

        async def step() -> None:
            for number in range(5):
                steps.append(number)
                await asyncio.sleep(0)

        task = loop.create_task(step())
        await loop.rest(100)
        assert len(steps) == 5
        assert task.done()

    run(main)


def test_rest_does_not_wait_for_a_task_that_never_rests() -> None:
    async def main(loop: EventLoop) -> None:
        async def spin() -> None:
            while True:  # noqa: ASYNC110 - what is tested
                await asyncio.sleep(0)

        task = loop.create_task(spin())
        await loop.rest(0.001)
        task.cancel()

    run(main)


@pytest.mark.parametrize("how", ["timer", "task"])
def test_what_an_idle_hook_schedules_is_not_slept_over(how: str) -> None:
    async def main(loop: EventLoop) -> None:
        done = loop.create_future()

        async def finish() -> None:
            done.set_result(None)

        def hook() -> bool:
            loop.idle_hooks = ()
            if how == "timer":
                loop.engine_call_at(loop.time(), done.set_result, None)
            else:
                loop.create_task(finish())
            return False

        loop.idle_hooks = (hook,)
        async with asyncio.timeout(10):
            await done

    run(main)


def test_a_call_from_a_thread_that_has_ended_is_an_event() -> None:
    async def main(loop: EventLoop) -> None:
        thread = threading.Thread(target=loop.call_soon_threadsafe, args=(int,))
        thread.start()
        thread.join()
        assert loop.selector.has_events()
        await loop.rest(100)
        assert not loop.selector.has_events()

    run(main)


@pytest.mark.parametrize(
    ("callback", "foreign"),
    [
        (print, False),
        (asyncio.Event.set, False),
        (functools.partial(functools.partial(lambda: None)), False),
        (operator.methodcaller("set"), True),
    ],
)
def test_a_callback_that_is_no_python_function_is_foreign(
    callback: Callable[..., object], foreign: bool
) -> None:
    """What an extension holds the garbage collector need not know: it may reach anything."""

    async def main(loop: EventLoop) -> None:
        ours, theirs = socket.socketpair()
        loop.add_reader(ours, callback)
        assert loop.has_foreign_callbacks() is foreign
        loop.remove_reader(ours)
        assert not loop.has_foreign_callbacks()
        ours.close()
        theirs.close()

    run(main)
