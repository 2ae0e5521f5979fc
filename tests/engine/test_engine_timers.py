"""Timers: their order, disarming, and deadlines put off."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python_testing._engine.timers import Timer, TimerKind, Timers


def fired(timers: Timers, now: float) -> list[str]:
    names = []
    while (timer := timers.pop_due(now)) is not None:
        names.append(timer.operation_id)
    return names


def wait(name: str, kind: TimerKind = TimerKind.WAIT) -> Timer:
    return Timer(kind, "arn", name)


def test_timers_fire_by_deadline_and_then_in_the_order_armed() -> None:
    timers = Timers()
    timers.arm(wait("late"), 7)
    timers.arm(wait("first", TimerKind.STEP_RETRY), 5)
    timers.arm(wait("second"), 5)
    timers.arm(wait("third", TimerKind.CALLBACK_TIMEOUT), 5)
    assert timers.next_deadline() == 5
    assert fired(timers, 6.999) == ["first", "second", "third"]
    assert timers.next_deadline() == 7
    assert fired(timers, 7) == ["late"]
    assert timers.next_deadline() is None


def test_a_disarmed_timer_does_not_fire() -> None:
    timers = Timers()
    timers.arm(wait("a"), 1)
    timers.disarm(wait("a"))
    timers.disarm(wait("never armed"))
    assert timers.next_deadline() is None
    assert fired(timers, 2) == []


def test_arming_again_replaces_the_deadline() -> None:
    timers = Timers()
    timers.arm(wait("a"), 1)
    timers.arm(wait("a"), 3)
    assert fired(timers, 2) == []
    assert fired(timers, 3) == ["a"]


def test_a_timer_knows_its_deadline() -> None:
    """What it was put off by included."""
    timers, timer = Timers(), Timer(TimerKind.WAIT, "arn", "w")
    assert timers.deadline(timer) is None
    timers.arm(timer, 5)
    timers.postpone(3, [TimerKind.WAIT])
    assert timers.deadline(timer) == 8
    timers.disarm(timer)
    assert timers.deadline(timer) is None


def test_a_timer_armed_again_and_again_leaves_nothing_behind() -> None:
    """A heartbeat each second, for a deadline that never surfaces."""
    timers, timer = Timers(), Timer(TimerKind.CALLBACK_HEARTBEAT, "arn", "c")
    other = Timer(TimerKind.CALLBACK_HEARTBEAT, "arn", "d")
    timers.arm(other, 5_000)
    for second in range(10_000):
        timers.arm(timer, second + 1_000_000)
    assert timers.pop_due(5_000) == other
    assert timers.next_deadline() == 1_009_999
    assert len(timers) < 100


def test_deadlines_of_some_kinds() -> None:
    timers = Timers()
    timers.arm(wait("a", TimerKind.CALLBACK_TIMEOUT), 1)
    timers.arm(wait("b"), 2)
    assert timers.next_deadline([TimerKind.WAIT]) == 2
    assert timers.next_deadline([TimerKind.STEP_RETRY]) is None


def test_postponing_concerns_armed_timers_of_the_kinds_given() -> None:
    timers = Timers()
    timers.arm(wait("before", TimerKind.CALLBACK_TIMEOUT), 10)
    timers.arm(wait("other"), 10)
    timers.postpone(5, [TimerKind.CALLBACK_TIMEOUT])
    timers.arm(wait("after", TimerKind.CALLBACK_TIMEOUT), 12)
    assert fired(timers, 12) == ["other", "after"]
    assert timers.next_deadline() == 15


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_firing_at_the_next_deadline_always_fires(plan: list[tuple[float, float]]) -> None:
    """Whatever was put off meanwhile: deadlines are whole milliseconds."""
    timers = Timers()
    for number, (deadline, postponed) in enumerate(plan):
        timers.arm(wait(str(number), TimerKind.EXECUTION_TIMEOUT), deadline)
        timers.postpone(postponed, [TimerKind.EXECUTION_TIMEOUT])
    count = 0
    while (deadline := timers.next_deadline()) is not None:
        assert timers.pop_due(round(deadline, 3)) is not None
        count += 1
    assert count == len(plan)
