"""What a thread was handed a moment ago is looked for when the thread has had its moment."""

from __future__ import annotations

import asyncio
import hashlib
import math
import os
import threading
from collections.abc import Collection

import pytest
from parked_threads import parked

from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.liveness import HANDING_OVER_SECONDS, Liveness
from aws_durable_execution_sdk_python._kernel.runnable_threads import runnable_threads

needs_states = pytest.mark.skipif(
    not os.path.isdir("/proc/self/task"), reason="the system does not tell the state of threads"
)


def compute(stop: threading.Event) -> None:
    """Without the interpreter."""
    while not stop.is_set():
        hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000)


@needs_states
def test_a_thread_that_computes_is_runnable_and_its_time_passes() -> None:
    with parked(compute) as (thread,):
        number = thread.native_id or 0
        while (before := runnable_threads().get(number)) is None:
            pass
        while runnable_threads().get(number, before) <= before:
            pass
        assert number not in runnable_threads(but=[number])


@needs_states
def test_a_thread_that_waits_is_not_runnable() -> None:
    with parked(threading.Event.wait) as (thread,):
        while thread.native_id in runnable_threads():  # before it comes to its lock
            pass
        assert thread.native_id not in runnable_threads()
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

    with parked(threading.Event.wait), asyncio.Runner(loop_factory=EventLoop) as runner:
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
