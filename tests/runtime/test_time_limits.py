"""Step bodies under a time limit leave nothing behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.inbox import Inbox
from aws_durable_execution_sdk_python._kernel.invocation_workers import Workers
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.time_limit import TimeLimits
from aws_durable_execution_sdk_python._kernel.tuning import DEFAULT_TUNING
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool


class TellingInbox(Inbox):
    """Tells when a thread has put something."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.told = threading.Event()

    def put(self, function: Callable[..., object], *args: object) -> None:
        super().put(function, *args)
        self.told.set()


def test_a_body_that_ends_as_its_step_is_cancelled_leaves_no_watch() -> None:
    """The end is on its way, and is heard of after the cancellation."""

    async def main() -> None:
        loop, pool = asyncio.get_running_loop(), ThreadPool()
        inbox = TellingInbox(loop)
        failed: list[Any] = []
        workers = Workers(pool, inbox, tuning=DEFAULT_TUNING, on_failure=failed.append)
        limits = TimeLimits(workers, asyncio.sleep)
        begun, go = asyncio.Event(), threading.Event()

        def body() -> None:
            loop.call_soon_threadsafe(begun.set)
            go.wait()

        task = asyncio.create_task(limits.call(3600, StepBody(None), body, ()))
        await begun.wait()
        await asyncio.sleep(0)
        go.set()
        inbox.told.wait()
        task.cancel()
        await asyncio.wait({task})
        await workers.join()
        await limits.close()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert not failed
        pool.close()

    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(main())
