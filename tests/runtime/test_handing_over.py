"""What a thread was handed a moment ago is looked for when the thread has had its moment."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pytest

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.liveness import HANDING_OVER_SECONDS, Liveness
from aws_durable_execution_sdk_python._kernel.runnable_threads import runnable_threads

needs_states = pytest.mark.skipif(
    not os.path.isdir("/proc/self/task"), reason="the system does not tell the state of threads"
)


@contextmanager
def computing() -> Iterator[int | None]:
    """A thread that computes, without the interpreter."""
    over = threading.Event()

    def compute() -> None:
        while not over.is_set():
            hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000)

    thread = threading.Thread(target=compute)
    thread.start()
    try:
        yield thread.native_id
    finally:
        over.set()
        thread.join()


@contextmanager
def waiting() -> Iterator[int | None]:
    """A thread that waits for a lock."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        yield thread.native_id
    finally:
        over.set()
        thread.join()


@needs_states
def test_a_thread_that_computes_is_runnable_and_its_time_passes() -> None:
    with computing() as thread:
        while (before := runnable_threads().get(thread or 0)) is None:
            pass
        while runnable_threads().get(thread or 0, before) <= before:
            pass
        assert thread not in runnable_threads(but=[thread])


@needs_states
def test_a_thread_that_waits_is_not_runnable() -> None:
    with waiting() as thread:
        while thread in runnable_threads():  # before it comes to its lock
            pass
        assert thread not in runnable_threads()
        assert threading.get_native_id() not in runnable_threads()


class States:
    """What the system tells, one answer after the other, of threads with these numbers."""

    def __init__(self, *answers: dict[int, float]) -> None:
        self.answers = list(answers)

    def __call__(self, but: Collection[int | None]) -> dict[int, float]:
        return self.answers.pop(0)


def can_go_on(states: States) -> bool:
    """Whether work is found where there is none, but a thread."""

    async def main() -> bool:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        liveness = Liveness(loop, set(), runnable=states)
        return liveness.can_go_on([loop.create_future()], {})

    with waiting(), asyncio.Runner(loop_factory=EventLoop) as runner:
        return runner.run(main())


def test_a_thread_that_gets_no_processor_is_waited_for_until_it_has_had_its_moment() -> None:
    less = 0.9 * HANDING_OVER_SECONDS
    states = States({7: 1.0}, {7: 1.0}, {7: 1.0 + less}, {7: 1.0 + 2 * less}, {7: math.inf})
    assert not can_go_on(states)
    assert states.answers == [{7: math.inf}]


def test_a_thread_that_waits_again_has_taken_what_it_was_handed() -> None:
    states = States({7: 1.0, 8: 1.0}, {7: 1.0}, {}, {})
    assert not can_go_on(states)
    assert states.answers == [{}]


def test_threads_that_come_later_are_not_waited_for() -> None:
    states = States({7: 1.0}, {8: 1.0, 9: 1.0}, {8: 1.0})
    assert not can_go_on(states)
    assert states.answers == [{8: 1.0}]
