"""What an invocation began ends with it, and is given the time there is for that."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from invocation_scopes import begin, invocation, leftovers

from aws_durable_execution_sdk_python._kernel.ending import Patience, unwinds
from aws_durable_execution_sdk_python._kernel.event_loop import (
    EventLoop,
    running_loop,
)
from aws_durable_execution_sdk_python._lambda.environment import Environment
from aws_durable_execution_sdk_python._service.engine_thread import EngineThread

Main = Callable[[], Coroutine[Any, Any, Any]]
Run = Callable[[Main], Any]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs the engine's code in an environment of its own."""
    environment = Environment()

    def run(main: Main) -> Any:
        return environment.run(lambda _: main())

    yield run
    environment.close(5)


def forever() -> Coroutine[Any, Any, Any]:
    return asyncio.Event().wait()


async def clean_up_slowly(events: list[str]) -> None:
    try:
        await forever()
    finally:
        await asyncio.sleep(0.03)
        events.append("cleaned up")


# ------------------------------------------------------------------------------ what is left


class CollectingLoop(EventLoop):
    """The garbage collector comes whenever it is asked for tasks, but for the first time."""

    _was_asked = False

    def tasks_of_invocation(self) -> list[asyncio.Task[Any]]:
        if self._was_asked:
            gc.collect()
        self._was_asked = True
        return super().tasks_of_invocation()


def test_threads_are_joined_also_where_a_task_turns_out_to_be_garbage() -> None:
    """Nothing but the loop, weakly, refers to a task that waits for a future of its own."""
    joined: list[bool] = []

    async def body() -> None:
        asyncio.create_task(forever())  # noqa: RUF006 - what this is about
        await asyncio.sleep(0)

    async def join_threads() -> None:
        joined.append(True)

    async def main() -> None:
        await invocation(body, join_threads=join_threads, busy=False)

    gc.collect()
    gc.disable()
    loop = CollectingLoop()
    loop.set_exception_handler(lambda *_: None)  # asyncio tells of the destroyed task
    try:
        loop.run_until_complete(loop.create_engine_task(main()))
    finally:
        gc.enable()
        loop.close()
    assert joined == [True]


def test_a_task_ends_with_its_invocation(run: Run) -> None:
    async def body() -> None:
        begin(forever())

    async def main() -> Any:
        await invocation(body)
        return leftovers()

    assert run(main) == ([], 0)


def test_a_task_begun_while_others_are_cancelled_ends_too(run: Run) -> None:
    async def starts_another() -> None:
        try:
            await forever()
        finally:
            begin(asyncio.sleep(3600))

    async def body() -> None:
        begin(starts_another())
        await asyncio.sleep(0)

    async def main() -> Any:
        await invocation(body)
        return leftovers()

    assert run(main) == ([], 0)


def test_a_thread_that_waits_for_a_task_it_begins_at_the_end_is_let_go(run: Run) -> None:
    """Thread and task are waited for together: each may depend on the other."""
    outcome: list[type[BaseException] | None] = []

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        ending = threading.Event()

        def work() -> None:
            ending.wait()
            try:
                asyncio.run_coroutine_threadsafe(asyncio.sleep(3600), loop).result()
            except BaseException as error:
                outcome.append(type(error))

        thread = threading.Thread(target=work)

        async def body() -> None:
            thread.start()

        async def join_threads() -> None:
            ending.set()
            await loop.run_in_executor(None, thread.join)

        await invocation(body, join_threads=join_threads)
        return leftovers()

    assert run(main) == ([], 0)
    assert [error.__name__ for error in outcome if error] == ["CancelledError"]


def test_timers_do_not_fire_any_more(run: Run) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        when = loop.time() + 3600
        for _ in range(2):  # the handles are equal
            loop.call_at(when, print, "late")
        loop.call_later(3600, print, "late")

    async def main() -> Any:
        await invocation(body)
        return leftovers()

    assert run(main) == ([], 0)


def test_settings_of_the_loop_are_brought_back(run: Run) -> None:
    async def body() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro, **options: asyncio.Task(coro, loop=loop))
        loop.set_exception_handler(lambda loop, context: None)
        loop.set_debug(True)
        loop.slow_callback_duration = 7

    def settings() -> tuple[Any, ...]:
        loop = asyncio.get_running_loop()
        return (
            loop.get_task_factory(),
            loop.get_exception_handler(),
            loop.get_debug(),
            loop.slow_callback_duration,
        )

    async def main() -> Any:
        before = settings()
        await invocation(body)
        return before, settings()

    before, after = run(main)
    assert after == before


def test_a_task_factory_makes_no_tasks_of_the_engines(run: Run) -> None:
    """One written for Python 3.10 takes no context."""

    made: list[asyncio.Task[Any]] = []

    def make(loop: Any, coro: Any) -> asyncio.Task[Any]:
        made.append(asyncio.Task(coro, loop=loop))
        return made[-1]

    async def body() -> None:
        asyncio.get_running_loop().set_task_factory(make)
        begin(forever())

    async def main() -> Any:
        await invocation(body)
        return leftovers(), len(made)

    assert run(main) == (([], 0), 1)


def test_a_default_executor_is_the_invocations_own(run: Run) -> None:
    """It may have been shut down since."""

    async def body() -> None:
        with ThreadPoolExecutor() as executor:
            asyncio.get_running_loop().set_default_executor(executor)
            await asyncio.to_thread(int)

    async def main() -> Any:
        await invocation(body)
        return await invocation(lambda: asyncio.to_thread(int, "7"))

    assert run(main) == 7


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="the platform has no such signals")
def test_a_default_executor_that_was_shut_down_is_another_one_afterwards(run: Run) -> None:
    async def use() -> str:
        return await asyncio.to_thread(lambda: "used")

    async def body() -> str:
        work = running_loop().run_in_executor(None, event.wait)
        running_loop().call_soon(event.set)
        await running_loop().shutdown_default_executor()
        assert await work
        with pytest.raises(RuntimeError, match="shutdown"):
            await use()
        return "shut down"

    async def main() -> Any:
        return await invocation(body), await invocation(use)

    event = threading.Event()
    assert run(main) == ("shut down", "used")


def test_a_signal_is_answered_as_before(run: Run) -> None:
    async def body() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, print)

    def answer(*_: object) -> None: ...

    before = signal.signal(signal.SIGUSR1, answer)
    try:
        run(lambda: invocation(body))
        assert signal.getsignal(signal.SIGUSR1) is answer
    finally:
        signal.signal(signal.SIGUSR1, before)


# ---------------------------------------------------------------------------- what stays


def test_tasks_and_timers_from_before_survive(run: Run) -> None:
    """Those that a task from before begins meanwhile, too."""

    async def client(requests: asyncio.Queue[asyncio.Future[None]]) -> None:
        while True:
            answer = await requests.get()
            begin(forever(), name="watch")
            asyncio.get_running_loop().call_later(3600, print, "heartbeat")
            answer.set_result(None)

    async def main() -> Any:
        requests: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()
        nobodys = contextvars.Context()
        reader = asyncio.get_running_loop().create_task(
            client(requests), name="reader", context=nobodys
        )

        async def body() -> None:
            answer = asyncio.get_running_loop().create_future()
            requests.put_nowait(answer)
            await answer

        await asyncio.sleep(0)
        await invocation(body)
        await invocation(body)
        return leftovers(), reader.done()

    assert run(main) == ((["reader", "watch", "watch"], 2), False)


def test_a_registered_descriptor_stays(run: Run) -> None:
    """It is a resource: a client's that the next invocation goes on using."""
    ours, theirs = socket.socketpair()
    with ours, theirs:

        async def body() -> None:
            asyncio.get_running_loop().add_reader(ours, print)

        async def main() -> bool:
            await invocation(body)
            return asyncio.get_running_loop().remove_reader(ours)

        assert run(main)


# ------------------------------------------------------------------------ async generators


@pytest.mark.parametrize("left", ["dropped", "held"])
def test_a_generator_is_closed_within_its_invocation(run: Run, left: str) -> None:
    events: list[str] = []
    held: list[Any] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0.01)
            events.append("closed")

    async def body() -> None:
        generator = numbers()
        await anext(generator)
        if left == "held":
            held.append(generator)

    async def main() -> Any:
        await invocation(body)
        return list(events), leftovers()

    assert run(main) == (["closed"], ([], 0))


def test_a_generator_dropped_by_another_thread_is_closed_in_the_loop(run: Run) -> None:
    closed: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)
            closed.append(threading.current_thread().name)

    async def body() -> None:
        held = [numbers()]
        await anext(held[0])
        await asyncio.to_thread(held.clear)

    run(lambda: invocation(body))
    assert closed == [threading.current_thread().name]


def test_a_generator_from_before_survives(run: Run) -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        yield 2

    async def main() -> Any:
        generator = numbers()
        await anext(generator)

        async def body() -> None: ...

        await invocation(body)
        return await anext(generator)

    assert run(main) == 2


# --------------------------------------------------------------------- the time for cleaning up


def test_a_clean_up_is_cancelled_once_only(run: Run) -> None:
    events: list[str] = []

    async def body() -> None:
        begin(clean_up_slowly(events))
        await asyncio.sleep(0)

    run(lambda: invocation(body, patience=Patience(grace=0)))
    assert events == ["cleaned up"]


def test_a_clean_up_ends_at_the_deadline(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    events: list[str] = []

    async def body() -> None:
        begin(clean_up_slowly(events))
        await asyncio.sleep(0)

    run(lambda: invocation(body, seconds_left=0.01, patience=Patience(answer=0)))
    assert (events, caplog.messages) == ([], [])


def test_a_task_that_resists_does_not_outlast_the_deadline(run: Run) -> None:
    """It keeps the loop busy, so that each round of cancelling it takes its full time."""
    cancelled = 0

    async def resists() -> None:
        nonlocal cancelled
        while True:
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                cancelled += 1

    async def body() -> None:
        begin(resists())
        await asyncio.sleep(0)

    run(lambda: invocation(body, seconds_left=0.01, patience=Patience(answer=0)))
    assert cancelled == 2


def test_a_task_that_swallowed_its_cancellation_is_cancelled_again(run: Run) -> None:
    async def swallows() -> None:
        with suppress(asyncio.CancelledError):
            await forever()
        await asyncio.sleep(3600)

    async def body() -> None:
        begin(swallows())
        await asyncio.sleep(0)

    async def main() -> Any:
        await invocation(body, patience=Patience(grace=0))
        return leftovers()

    assert run(main) == ([], 0)


def test_a_task_that_nothing_can_wake_is_cancelled_again_at_once(run: Run) -> None:
    """Be it cleaning up: here it would wait for an hour."""

    async def waits_in_vain() -> None:
        try:
            await forever()
        finally:
            await forever()

    async def body() -> None:
        begin(waits_in_vain())
        await asyncio.sleep(0)

    async def main() -> Any:
        await invocation(body, seconds_left=3600, patience=Patience(grace=3600))
        return leftovers()

    assert run(main) == ([], 0)


def test_the_engines_threads_wake_nobody(run: Run) -> None:
    """Idle threads of the pool, begun in this invocation, are no reason to wait."""
    held = threading.Event()

    async def waits_in_vain() -> None:
        try:
            await forever()
        finally:
            await forever()

    async def body() -> None:
        EngineThread(target=held.wait).start()
        begin(waits_in_vain())
        await asyncio.sleep(0)

    async def main() -> Any:
        await invocation(body)
        return leftovers()

    try:
        assert run(main) == ([], 0)
    finally:
        held.set()


@pytest.mark.parametrize("pause", [3600, 0])
def test_a_task_that_resists_is_named_and_left_behind(
    run: Run, caplog: pytest.LogCaptureFixture, pause: float
) -> None:
    """Whether it sleeps or is always ready to run; the next invocation does not meet it."""
    resisting = [True]

    async def resists() -> None:
        while resisting:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(pause)

    async def body() -> None:
        begin(resists(), name="stubborn")
        await asyncio.sleep(0)

    async def nothing() -> None: ...

    async def main() -> Any:
        await invocation(body, patience=Patience(grace=0, rounds=3, round=0.001))
        given_up = list(caplog.messages)
        await invocation(nothing)
        resisting.clear()
        return given_up

    (message,) = run(main)
    assert "stubborn" in message
    assert "resists" in message
    assert len(caplog.messages) == 1


def test_a_task_that_is_begun_again_whenever_it_ends_is_left_behind(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    supervised = [True]

    def supervise(ended: object = None) -> None:
        if supervised:
            task = asyncio.get_running_loop().create_task(forever(), name="supervised")
            task.add_done_callback(supervise)

    async def body() -> None:
        supervise()

    async def main() -> None:
        await invocation(body, patience=Patience(generations=5))
        supervised.clear()

    run(main)
    assert ["supervised" in message for message in caplog.messages] == [True]


def test_a_thread_that_does_not_end_is_left_behind_at_the_deadline(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def body() -> None: ...

    async def join_threads() -> None:
        await forever()

    run(
        lambda: invocation(
            body, join_threads=join_threads, seconds_left=0.01, patience=Patience(answer=0)
        )
    )
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "thread" in caplog.text


# ------------------------------------------------------------------------ who is unwinding


async def in_finally() -> None:
    try:
        await forever()
    finally:
        await forever()


async def in_except() -> None:
    try:
        await forever()
    except asyncio.CancelledError:
        await forever()
        raise


async def in_an_inner_coroutine() -> None:
    await in_finally()


async def in_a_context_manager() -> None:
    @asynccontextmanager
    async def lease() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await forever()

    async with lease():
        await forever()


async def in_an_async_generator() -> None:
    async def numbers() -> AsyncIterator[int]:
        try:
            await forever()
            yield 1
        finally:
            await forever()

    async for _ in numbers():
        pass


class InAwait:
    def __await__(self) -> Any:
        return (yield from in_finally().__await__())


async def in_an_awaitable() -> None:
    await InAwait()


async def after_swallowing() -> None:
    with suppress(asyncio.CancelledError):
        await forever()
    await forever()


async def after_handling_another_error() -> None:
    with suppress(asyncio.CancelledError):
        await forever()
    try:
        raise ValueError
    except ValueError:
        await forever()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (in_finally, True),
        (in_except, True),
        (in_an_inner_coroutine, True),
        (in_a_context_manager, True),
        (in_an_async_generator, True),
        (in_an_awaitable, True),
        (after_swallowing, False),
        (after_handling_another_error, False),
    ],
)
async def test_who_is_unwinding(code: Main, expected: bool) -> None:
    task = asyncio.create_task(code())
    await asyncio.sleep(0)
    assert not unwinds(task)
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    assert (unwinds(task), task.done()) == (expected, False)
    task.cancel()
    await asyncio.wait([task])


def test_the_engines_loop_is_required() -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="event loop of its own"):
            running_loop()

    asyncio.run(main())
