"""Which lines count as those of a step's function."""

from __future__ import annotations

import functools
import gc
import signal
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aws_durable_execution_sdk_python import StepContext, durable_step
from aws_durable_execution_sdk_python_testing._exploration.line_watch import LineWatch


def body(*_: Any) -> int:
    first = 1
    second = 2
    return first + second


class Callables:
    def __call__(self, *_: Any) -> int:
        first = 1
        second = 2
        return first + second

    def method(self, *_: Any) -> int:
        first = 1
        second = 2
        return first + second


@durable_step
def decorated(_: StepContext, first: int) -> int:
    second = 2
    third = 3
    return first + second + third


class Dropped:
    def __init__(self, told: list[str]) -> None:
        self.told = told

    def __del__(self) -> None:
        self.told.append("deleted")


class Cycle(Dropped):
    def __init__(self, told: list[str]) -> None:
        super().__init__(told)
        self.itself = self


def lines_of(function: Callable[..., Any], before: Callable[[], object] = int) -> int:
    """How many lines are seen of a call; `before` runs where it is watched already."""
    lines: list[int] = []
    with LineWatch(function, lambda: lines.append(1)):
        before()
        function(None)
    return len(lines)


@pytest.mark.parametrize(
    "function",
    [
        body,
        functools.partial(body, 1),
        Callables(),
        Callables().method,
        functools.lru_cache(body),
        decorated(1),
    ],
)
def test_a_function_is_known_however_it_is_called(function: Callable[..., Any]) -> None:
    assert lines_of(function) == 3


def test_of_what_is_not_written_in_python_no_line_is_seen() -> None:
    assert lines_of(repr) == 0


@pytest.fixture
def busy_collector() -> Iterator[list[str]]:
    """Collects at every opportunity, and tells a callback."""
    phases: list[str] = []

    def called(phase: str, info: dict[str, int]) -> None:
        phases.append(phase)

    before = gc.get_threshold()
    gc.callbacks.append(called)
    gc.set_threshold(1)
    yield phases
    gc.set_threshold(*before)
    gc.callbacks.remove(called)


def test_callbacks_of_the_collector_are_not_the_function(busy_collector: list[str]) -> None:
    assert lines_of(body, lambda: [[], []]) == 3
    assert busy_collector


@pytest.mark.parametrize("kind", [Dropped, Cycle])
def test_what_is_deleted_is_not_the_function(kind: type[Dropped]) -> None:
    told: list[str] = []
    dropped = [kind(told)]

    def drop() -> None:
        dropped.clear()
        gc.collect()

    assert lines_of(body, drop) == 3
    assert told == ["deleted"]


def test_the_callback_of_a_weak_reference_is_not_the_function() -> None:
    told: list[str] = []
    dropped = [Dropped([])]

    def called(_: object) -> None:
        told.append("gone")

    reference = weakref.ref(dropped[0], called)
    assert lines_of(body, dropped.clear) == 3
    assert told == ["gone"]
    assert reference() is None


def test_the_handler_of_a_signal_is_not_the_function() -> None:
    told: list[int] = []

    def handle(number: int, _: object) -> None:
        told.append(number)

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        assert lines_of(body, functools.partial(signal.raise_signal, signal.SIGUSR1)) == 3
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert told == [signal.SIGUSR1]
