"""What a search reaches, and what ends it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import weakref
from typing import Any

from aws_durable_execution_sdk_python import durable_execution
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.reachability import Found, Opaque, Search


class Target:
    """Something to be found."""


def finds(source: object, target: object, **options: Any) -> bool:
    found = Search([target], limit=10_000, **options).run([source])
    assert found is None or found == Found(source, target)
    return found is not None


def test_a_search_runs_no_code_of_the_users() -> None:
    class Liar:
        @property  # type: ignore[misc]
        def __class__(self) -> type:
            raise AssertionError("a search asked for the class")

        def __hash__(self) -> int:
            raise AssertionError("a search asked for the hash")

        def __eq__(self, other: object) -> bool:
            raise AssertionError("a search compared")

    assert not finds([Liar()], Target())


def test_what_belongs_to_the_engine_is_found_but_not_entered() -> None:
    class Part(Opaque):
        def __init__(self, inner: object) -> None:
            self.inner = inner

    target = Target()
    part = Part(target)
    assert finds([part], part)
    assert not finds([part], target)


def test_a_durable_handler_begins_an_invocation_of_its_own() -> None:
    target = Target()

    @durable_execution
    def handler(event: Any, context: Any) -> Any:
        return target

    assert not finds([handler], target)


def test_loggers_are_not_entered() -> None:
    target = Target()
    logger = logging.getLogger(f"{__name__}.loggers")
    logger.target = target  # type: ignore[attr-defined]
    assert not finds([logger], target)


def test_a_thread_that_runs_is_a_source_of_its_own_and_not_entered() -> None:
    target, stop = Target(), threading.Event()
    thread = threading.Thread(target=lambda *_: stop.wait(), args=(target,))
    assert finds([thread], target)
    thread.start()
    assert not finds([thread], target)
    stop.set()
    thread.join()


def test_a_loop_that_runs_in_a_thread_is_entered_from_the_stack_of_that_alone() -> None:
    """Idle workers of pools name what gives the loop of every thread."""
    target = Target()
    loop = asyncio.new_event_loop()
    loop.kept = target  # type: ignore[attr-defined]
    assert finds([loop], target)
    running = threading.Event()
    loop.call_soon(running.set)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    running.wait()
    assert not finds([[loop]], target)
    frame = sys._current_frames()[thread.ident or 0]
    while frame.f_code.co_name != "run_forever" and frame.f_back is not None:
        frame = frame.f_back
    assert finds(frame, target)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_names_that_no_source_can_have_lead_nowhere() -> None:
    """Assertions that pytest has rewritten would lead to every test there is."""

    def checked(value: object) -> None:
        assert value == ["long enough to be shown"]

    search = Search(limit=10_000)
    search.run([checked])
    assert len(search.seen) < 50


def test_a_dead_weak_proxy_leads_nowhere() -> None:
    class Short:
        pass

    proxy = weakref.proxy(Short())
    assert not finds([proxy], Target())


def test_a_variable_is_reached_by_a_context_whose_code_mentions_it() -> None:
    variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable")
    target = Target()
    context = contextvars.copy_context()
    context.run(variable.set, target)
    assert not finds([context], target)
    assert finds([context, lambda: variable.get()], target)


def test_what_is_held_in_masses_is_looked_at_last() -> None:
    """A few steps lead to the target, past data of which there is more than the limit."""
    target = Target()
    rows = [[number] for number in range(1_000)]
    found = Search([target], limit=50).run([[rows, [[[target]], rows]]])
    assert found is not None
    assert found.target is target


def test_who_meets_the_limit_may_reach_anything() -> None:
    many = [[number] for number in range(100)]
    assert Search([Target()], limit=50).run([many]) == Found(many, None)


async def test_a_task_that_is_merely_mentioned_is_not_entered() -> None:
    target, event = Target(), asyncio.Event()

    async def hold(held: object) -> object:
        await event.wait()
        return held

    task = asyncio.create_task(hold(target))
    await asyncio.sleep(0)
    assert not finds([task], target)
    assert finds([task, event], target)
    assert finds([task], target, running=[task])
    event.set()
    await task


def test_a_timer_reaches_what_it_may_cancel_unless_that_sleeps_durably() -> None:
    target = Target()

    async def hold(held: object) -> object:
        await asyncio.Event().wait()
        return held

    async def main() -> None:
        task = asyncio.create_task(hold(target))
        await asyncio.sleep(0)
        timer = asyncio.get_running_loop().call_later(100, task.cancel)
        assert finds(timer, target)
        assert not finds(timer, target, asleep=[task])
        task.cancel()

    # Any other loop is entered: it may run in a thread of the user's.
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.run(main())
