"""The matcher finds every way in which a history can differ from the expected one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from conformance_matcher import Matcher, default_retry_differences, history_differences
from conformance_requirements import fill_in

Event = dict[str, Any]


def differences(*pairs: tuple[Any, Any]) -> list[str]:
    matcher = Matcher()
    return [line for one, other in pairs for line in matcher.differences(one, other, "value")]


@pytest.mark.parametrize(
    ("expected", "recorded"),
    [
        ("*", 0),
        ("*", {}),
        ({}, {}),
        ({}, {"more": 1}),
        ({"a": {"b": "*"}}, {"a": {"b": 1, "c": 2}}),
        ("${/^[0-5]$/}", 3),
        ("${/.*TransientError$/}", "shop.TransientError"),
        ("text", "text"),
        (None, None),
        ({"CurrentAttempt": 1, "NextAttemptDelaySeconds": 1},) * 2,
        ({"NextAttemptDelaySeconds": 2}, {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 2}),
    ],
)
def test_these_match(expected: Any, recorded: Any) -> None:
    assert differences((expected, recorded)) == []


@pytest.mark.parametrize(
    ("expected", "recorded"),
    [
        ("*", None),
        ({}, None),
        ({}, "text"),
        ({"a": "*"}, {}),
        ({"a": "*"}, {"a": None}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}),
        ("${/^[0-5]$/}", 6),
        ("${/.*TransientError$/}", "TransientErrors"),
        ("text", "Text"),
        (1, "1"),
        (None, 0),
        ("${ID1}", None),
        ({"CurrentAttempt": 2}, {"CurrentAttempt": 2, "NextAttemptDelaySeconds": 1}),
    ],
)
def test_these_differ(expected: Any, recorded: Any) -> None:
    assert len(differences((expected, recorded))) == 1


def test_a_name_stands_for_one_value() -> None:
    assert differences(("${ID1}", "a"), ("${ID1}", "a"), ("${ID2}", "b")) == []
    assert differences(("${ID1}", "a"), ("${ID1}", "b")) == [
        "value: expected ${ID1} = 'a', recorded 'b'"
    ]


def test_two_names_do_not_stand_for_the_same_value() -> None:
    assert len(differences(("${ID1}", "a"), ("${ID2}", "a"))) == 1


def test_only_declared_variables_are_filled_in() -> None:
    value = {"a": ["${X}", '"${X}"'], "b": "${ID1}", "c": "${/x/}", "d": 1}
    assert fill_in(value, {"X": "y"}) == {"a": ["y", '"y"'], "b": "${ID1}", "c": "${/x/}", "d": 1}


# ------------------------------------------------------------------------------ histories


def _events(*types: str) -> list[Event]:
    return [{"EventType": kind, "EventId": n} for n, kind in enumerate(types, start=1)]


def _recorded() -> list[Event]:
    return _events(
        "ExecutionStarted",
        "WaitStarted",
        "InvocationCompleted",
        "WaitSucceeded",
        "InvocationCompleted",
        "ExecutionSucceeded",
    )


@pytest.mark.parametrize("listed", [(2, 3, 4, 5), (2, 4, 5), (2, 4), (2, 4, 6), (2, 3, 4, 5, 6)])
def test_start_invocations_and_end_need_not_be_listed(listed: tuple[int, ...]) -> None:
    recorded = _recorded()
    assert history_differences([recorded[n - 1] for n in listed], recorded) == []


def test_a_running_execution_has_nothing_after_the_last_event_listed() -> None:
    recorded = _recorded()
    assert history_differences(recorded[1:3], recorded[:3], running=True) == []
    assert history_differences(recorded[1:3], recorded, running=True) != []


def _drop(index: int) -> Callable[[list[Event]], None]:
    return lambda events: events.__delitem__(index)


def _change(index: int, **keys: Any) -> Callable[[list[Event]], None]:
    return lambda events: events[index].update(keys)


@pytest.mark.parametrize(
    "damage",
    [
        _drop(0),
        _drop(2),
        _drop(4),
        _drop(5),
        _change(1, EventType="StepStarted"),
        _change(1, EventId=9),
        _change(1, ParentId="context"),
        _change(0, EventType="InvocationCompleted"),
        _change(2, EventType="StepStarted"),
        _change(4, EventType="StepStarted"),
        _change(5, EventType="InvocationCompleted"),
        lambda events: events.append({"EventType": "ExecutionSucceeded", "EventId": 7}),
    ],
)
@pytest.mark.parametrize("listed", [(1, 3), (1, 3, 4), (1, 3, 5)])
def test_a_damaged_history_differs(
    listed: tuple[int, ...], damage: Callable[[list[Event]], None]
) -> None:
    expected = [_recorded()[index] for index in listed]
    damaged = _recorded()
    damage(damaged)
    assert history_differences(expected, damaged) != []


# ------------------------------------------------------------------------- default retries

_PARAMETERS = {
    "MaxAttempts": 6,
    "InitialDelay": "5s",
    "MaxDelay": "60s",
    "BackoffRate": 2,
    "Jitter": "FULL",
}


def _retry(attempt: int, delay: int | None) -> list[Event]:
    details = {"CurrentAttempt": attempt, "NextAttemptDelaySeconds": delay}
    return [{"EventType": "StepFailed", "StepFailedDetails": {"RetryDetails": details}}]


@pytest.mark.parametrize(("attempt", "delay"), [(1, 0), (1, 5), (2, 10), (5, 60), (6, None)])
def test_a_delay_within_full_jitter_is_accepted(attempt: int, delay: int | None) -> None:
    assert default_retry_differences(_PARAMETERS, _retry(attempt, delay)) == []


@pytest.mark.parametrize(("attempt", "delay"), [(1, 6), (2, 11), (5, 61), (6, 1), (1, -1)])
def test_another_delay_is_not(attempt: int, delay: int) -> None:
    assert len(default_retry_differences(_PARAMETERS, _retry(attempt, delay))) == 1
