"""Whatever asyncio program is replayed takes the path of its first run, as far as that went.

Promised for all programs without timers of their own; of those with timers, most. Suspended where
they come to rest, cut off at random, each answer with latency.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from asyncio_programs import EVERY, ORDERED, Node, Run, durations, programs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numbered_hashes import number_tasks, numbered_scopes
from timed_service import TimedService

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution

__all__ = ["numbered_scopes"]

pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


@pytest.fixture(autouse=True)
def quiet_ends() -> Iterator[None]:
    """Whatever asyncio says of what is unwound at the end of an invocation."""
    logger = logging.getLogger("asyncio")
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(logging.NOTSET)


Trace = list[tuple[Any, ...]]
# A program that gets nowhere in so many invocations never will.
_MOST_INVOCATIONS = 60


def traces(program: Node, latency: float, cuts: list[int]) -> list[Trace]:
    """What each invocation shows of itself, to the end, and then of one more on the whole record.

    Parameters:
        cuts: after so many events the first invocations are cut off.
    """
    service = TimedService(latency, durations(program))
    seen: list[Trace] = []
    cuts = list(cuts)

    @durable_execution
    async def handler(event: Any, c: AsyncDurableContext) -> None:
        number_tasks()
        runtime, trace = c._runtime, list[tuple[Any, ...]]()
        cut = cuts.pop(0) if cuts else None
        seen.append(trace)

        def emit(*what: Any) -> None:
            if runtime.is_ending or service.cut_off:
                return  # the code is unwound
            trace.append(what)
            service.cut_off = len(trace) == cut

        await Run(emit).node(c, program)
        emit("done")

    for _ in range(_MOST_INVOCATIONS):
        _invoke(service, handler)
        if seen[-1][-1:] == [("done",)]:
            _invoke(service, handler)
            return seen
    raise AssertionError(f"{program} does not end: {seen[-1]}")


def _invoke(service: TimedService, handler: Any) -> None:
    try:
        answer = service.invoke(handler)
    except Exception:
        if not service.cut_off:
            raise
    else:
        assert answer["Status"] != "FAILED", answer


def differs(seen: list[Trace]) -> str | None:
    """Where an invocation takes another path than the one before, as far as both went."""
    for before, after in pairwise(seen):
        for at, (one, other) in enumerate(zip(before, after, strict=False)):
            if one != other:
                around = slice(max(0, at - 4), at + 4)
                return f"at {at}: {before[around]} then {after[around]}"
    return None


LATENCIES = st.sampled_from([0.001, 0.002, 0.004])
CUTS = st.lists(st.integers(1, 25), max_size=2)


# Without a profile of Hypothesis, and with one: see tests/conftest.py.
_DEFAULT_PROGRAMS = 100
_PROGRAMS = {"thorough": 1_000, "nightly": 20_000}


def _programs(share: float = 1.0) -> settings:
    names = (name for name in _PROGRAMS if settings.default is settings.get_profile(name))
    profile = next(names, None)
    return settings(
        max_examples=round(share * _PROGRAMS.get(profile or "", _DEFAULT_PROGRAMS)),
        derandomize=profile != "nightly",
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@_programs()
@given(programs(ORDERED), LATENCIES, CUTS)
def test_a_program_without_timers_replays_exactly(
    program: Node, latency: float, cuts: list[int]
) -> None:
    assert differs(traces(program, latency, cuts)) is None


def test_most_programs_with_timers_replay_exactly(record_property: Any) -> None:
    """Reported, not promised: what a timer and an operation race for is lost within milliseconds.

    Here everything lasts 0 to 80 ms and every second construct has a timer: most races are near.
    """
    exact: list[bool] = []

    @_programs(0.04)
    @given(programs(EVERY), LATENCIES, CUTS)
    def replay(program: Node, latency: float, cuts: list[int]) -> None:
        try:
            exact.append(differs(traces(_slower(program), latency, cuts)) is None)
        except AssertionError:  # it asked for another operation than is on record
            exact.append(False)

    replay()
    record_property("programs", len(exact))
    record_property("exact", sum(exact))
    # A few programs say nothing where most races are near, and a busy machine makes them nearer.
    assert len(exact) < 40 or sum(exact) > len(exact) / 2


def _slower(node: Node) -> Node:
    below = tuple(_slower(child) for child in node.children)
    return dataclasses.replace(node, seconds=20 * node.seconds, children=below)
