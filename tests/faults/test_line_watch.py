"""Which lines count as those of a step's function."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from aws_durable_execution_sdk_python_testing._exploration.line_watch import LineWatch


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
    lines: list[int] = []

    def body() -> list[list[int]]:
        first: list[int] = []
        second: list[int] = []
        return [first, second]

    with LineWatch(lambda: lines.append(1)):
        made = [[], []]
        body()
    assert made == [[], []]
    assert busy_collector
    assert len(lines) == 3
