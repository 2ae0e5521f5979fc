"""Calls from threads to the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from typing import Any

from aws_durable_execution_sdk_python._kernel.inbox import Inbox


class CountedLoop(asyncio.SelectorEventLoop):
    """An event loop that counts how often a thread woke it."""

    wakes = 0

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        self.wakes += 1
        return super().call_soon_threadsafe(callback, *args, context=context)


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_calls_are_made_in_order_after_one_wake() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, CountedLoop)
        inbox, made = Inbox(loop), list[int]()
        for number in range(5):
            inbox.put(made.append, number)
        assert (made, loop.wakes) == ([], 1)
        await settle()
        inbox.put(made.append, 5)
        await settle()
        assert (made, loop.wakes) == ([0, 1, 2, 3, 4, 5], 2)

    with asyncio.Runner(loop_factory=CountedLoop) as runner:
        runner.run(main())


async def test_a_call_put_by_a_call_is_made_too() -> None:
    inbox, made = Inbox(asyncio.get_running_loop()), list[str]()
    inbox.put(lambda: inbox.put(made.append, "inner"))
    await settle()
    assert made == ["inner"]


async def test_a_call_that_raises_does_not_hold_up_the_next() -> None:
    loop, raised = asyncio.get_running_loop(), list[BaseException]()
    loop.set_exception_handler(lambda _, context: raised.append(context["exception"]))
    inbox, made = Inbox(loop), list[int]()
    inbox.put(lambda: 1 // 0)
    inbox.put(made.append, 1)
    await settle()
    assert made == [1]
    assert [type(error) for error in raised] == [ZeroDivisionError]


async def test_no_call_of_many_threads_is_lost() -> None:
    inbox, made, done = Inbox(asyncio.get_running_loop()), list[int](), asyncio.Event()

    def send(start: int) -> None:
        for number in range(start, start + 500):
            inbox.put(made.append, number)

    threads = [threading.Thread(target=send, args=(500 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    inbox.put(done.set)
    await done.wait()
    assert sorted(made) == list(range(2000))
    for n in range(4):
        own = [number for number in made if number // 500 == n]
        assert own == sorted(own)
