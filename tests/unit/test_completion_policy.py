"""When a map or parallel is complete, and why."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._core.completion import (
    BatchItemStatus,
    CompletionConfig,
    CompletionDecision,
    CompletionItemStatus,
    CompletionOutcome,
    CompletionReason,
    CompletionStatus,
    CompletionTracker,
    complete_batch,
    continue_batch,
)
from aws_durable_execution_sdk_python.exceptions import InvalidStateError, ValidationError

S, F, RUN = BatchItemStatus.SUCCEEDED, BatchItemStatus.FAILED, BatchItemStatus.STARTED
ALL = CompletionReason.ALL_COMPLETED
MIN = CompletionReason.MIN_SUCCESSFUL_REACHED
EXCEEDED = CompletionReason.FAILURE_TOLERANCE_EXCEEDED
CUSTOM_OK = CompletionReason.CUSTOM_COMPLETION_SUCCEEDED
CUSTOM_FAILED = CompletionReason.CUSTOM_COMPLETION_FAILED


def after(config: CompletionConfig, outcomes: str, total: int) -> CompletionReason | None:
    """The decision when the first items ended so: "SF" is one success, then one failure."""
    tracker = CompletionTracker(config, total)
    for index, outcome in enumerate(outcomes):
        tracker.started(index)
        (tracker.succeeded if outcome == "S" else tracker.failed)(index)
        tracker.decision()
    return tracker.decision()


@pytest.mark.parametrize(
    ("config", "outcomes", "total", "reason"),
    [
        # Nothing set, or all_successful: the first failure stops.
        (CompletionConfig(), "SS", 3, None),
        (CompletionConfig(), "SF", 3, EXCEEDED),
        (CompletionConfig(), "SSS", 3, ALL),
        (CompletionConfig.all_successful(), "F", 3, EXCEEDED),
        (CompletionConfig.all_successful(), "SSS", 3, ALL),
        # all_completed: nothing stops it early.
        (CompletionConfig.all_completed(), "FF", 3, None),
        (CompletionConfig.all_completed(), "FFF", 3, ALL),
        # Only min_successful: failures never stop.
        (CompletionConfig.first_successful(), "F", 3, None),
        (CompletionConfig.first_successful(), "FS", 3, MIN),
        (CompletionConfig.first_successful(), "FFF", 3, ALL),
        (CompletionConfig(min_successful=2), "SFS", 4, MIN),
        (CompletionConfig(min_successful=3), "SSS", 3, ALL),
        # Tolerances: as many as tolerated may fail, one more stops.
        (CompletionConfig(tolerated_failure_count=1), "F", 3, None),
        (CompletionConfig(tolerated_failure_count=1), "FF", 3, EXCEEDED),
        (CompletionConfig(tolerated_failure_percentage=50), "FF", 4, None),
        (CompletionConfig(tolerated_failure_percentage=50), "FFF", 4, EXCEEDED),
        (CompletionConfig(tolerated_failure_count=2, tolerated_failure_percentage=25), "FF", 4,
         EXCEEDED),
        (CompletionConfig(min_successful=1, tolerated_failure_count=0), "F", 3, EXCEEDED),
        # A breached tolerance wins over "all done".
        (CompletionConfig(), "SSF", 3, EXCEEDED),
        (CompletionConfig(), "", 0, ALL),
    ],
)  # fmt: skip
def test_threshold_rules(
    config: CompletionConfig, outcomes: str, total: int, reason: CompletionReason | None
) -> None:
    assert after(config, outcomes, total) is reason


def test_a_percentage_means_what_its_decimal_digits_say() -> None:
    """7 of 100 is 7 %, although 7/100*100 is a little more in floating point."""
    assert CompletionConfig(tolerated_failure_percentage=7).max_failures(100) == 7
    assert CompletionConfig(tolerated_failure_percentage=33.3).max_failures(1000) == 333


def test_nothing_more_may_start_once_decided() -> None:
    tracker = CompletionTracker(CompletionConfig.first_successful(), 3)
    tracker.started(0)
    assert tracker.may_start_more()
    tracker.succeeded(0)
    assert not tracker.may_start_more()


def test_nothing_more_may_start_once_every_item_has() -> None:
    tracker = CompletionTracker(CompletionConfig(), 1)
    tracker.started(0)
    assert (tracker.may_start_more(), tracker.decision()) == (False, None)


def test_the_first_decision_stands_while_late_items_keep_their_true_status() -> None:
    tracker = CompletionTracker(CompletionConfig(), 2)
    tracker.started(0)
    tracker.started(1)
    tracker.failed(0)
    assert tracker.decision() is EXCEEDED
    tracker.succeeded(1)
    assert (tracker.decision(), list(tracker.statuses)) == (EXCEEDED, [F, S])


def test_a_batch_that_ends_undecided_counts_as_all_completed() -> None:
    tracker = CompletionTracker(CompletionConfig(), 2)
    tracker.succeeded(0)
    assert (tracker.decision(), tracker.reason) == (None, ALL)


def test_a_resumed_item_may_start_again() -> None:
    tracker = CompletionTracker(CompletionConfig(), 2)
    tracker.started(0)
    tracker.started(0)
    assert list(tracker.statuses) == [RUN, None]


def test_an_ended_item_cannot_change_any_more() -> None:
    tracker = CompletionTracker(CompletionConfig(), 1)
    tracker.failed(0)
    with pytest.raises(InvalidStateError, match="item 0 is FAILED and cannot become SUCCEEDED"):
        tracker.succeeded(0)


# ------------------------------------------------------------------------- custom completion


def test_should_complete_is_asked_before_the_first_item_starts() -> None:
    seen: list[CompletionStatus] = []

    def predicate(status: CompletionStatus) -> CompletionDecision:
        seen.append(status)
        return complete_batch()

    tracker = CompletionTracker(CompletionConfig(should_complete=predicate), 2)
    assert (tracker.may_start_more(), tracker.reason) == (False, CUSTOM_OK)
    assert list(seen[0].items) == [CompletionItemStatus(0, None), CompletionItemStatus(1, None)]


def test_should_complete_is_asked_once_per_change() -> None:
    calls = 0

    def predicate(status: CompletionStatus) -> CompletionDecision:
        nonlocal calls
        calls += 1
        return continue_batch()

    tracker = CompletionTracker(CompletionConfig(should_complete=predicate), 2)
    tracker.decision()
    tracker.decision()
    tracker.started(0)
    tracker.decision()
    tracker.started(0)
    tracker.decision()
    assert calls == 2


def test_should_complete_sees_counts_and_statuses() -> None:
    states: list[tuple[int, int, int, int, int]] = []

    def predicate(status: CompletionStatus) -> CompletionDecision:
        states.append(
            (
                status.total_count,
                status.started_count,
                status.success_count,
                status.failure_count,
                status.completed_count,
            )
        )
        return continue_batch()

    tracker = CompletionTracker(CompletionConfig(should_complete=predicate), 4)
    tracker.started(0)
    tracker.succeeded(1)
    tracker.failed(2)
    tracker.decision()
    assert states == [(4, 1, 1, 1, 2)]


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [(CompletionOutcome.SUCCEEDED, CUSTOM_OK), (CompletionOutcome.FAILED, CUSTOM_FAILED)],
)
def test_should_complete_wins_over_all_done(
    outcome: CompletionOutcome, reason: CompletionReason
) -> None:
    config = CompletionConfig(
        should_complete=lambda status: (
            complete_batch(outcome) if status.completed_count == 2 else continue_batch()
        )
    )
    assert after(config, "SS", 2) is reason


def test_a_batch_whose_predicate_never_completes_ends_when_all_have_ended() -> None:
    assert after(CompletionConfig(should_complete=lambda _: continue_batch()), "FF", 2) is ALL


def test_items_of_a_status_can_be_sliced_and_counted_from_the_end() -> None:
    config = CompletionConfig(
        should_complete=lambda status: (
            complete_batch()
            if status.items[-1].status is S and [i.index for i in status.items[1:]] == [1, 2]
            else continue_batch()
        )
    )
    assert after(config, "SS", 3) is None
    assert after(config, "SSS", 3) is CUSTOM_OK


def test_an_answer_of_another_type_is_refused() -> None:
    config = CompletionConfig(should_complete=lambda _: True)  # type: ignore[arg-type,return-value]
    with pytest.raises(ValidationError, match="must return complete_batch"):
        CompletionTracker(config, 1).decision()


# --------------------------------------------------------------------------------- validation


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"min_successful": 0}, "min_successful must be at least 1; got 0"),
        ({"min_successful": 1.5}, "min_successful must be a whole number"),
        ({"tolerated_failure_count": -1}, "tolerated_failure_count must be at least 0; got -1"),
        ({"tolerated_failure_percentage": 100.1}, "from 0 to 100; got 100.1"),
        ({"tolerated_failure_percentage": -1}, "from 0 to 100; got -1"),
        ({"tolerated_failure_percentage": float("nan")}, "from 0 to 100; got nan"),
        ({"tolerated_failure_percentage": True}, "from 0 to 100; got True"),
        ({"should_complete": 3}, "should_complete must be callable"),
    ],
)
def test_bad_thresholds_are_refused(values: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        CompletionConfig(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        CompletionConfig(min_successful=1),
        CompletionConfig(tolerated_failure_count=0),
        CompletionConfig(tolerated_failure_percentage=0),
    ],
)
def test_should_complete_does_not_mix_with_thresholds(config: CompletionConfig) -> None:
    with pytest.raises(ValidationError, match="cannot be combined"):
        dataclasses.replace(config, should_complete=lambda _: continue_batch())


def test_more_successes_than_items_is_refused() -> None:
    with pytest.raises(ValidationError, match="min_successful is 4 but the batch has only 3"):
        CompletionTracker(CompletionConfig(min_successful=4), 3)


# ------------------------------------------------------------------------- against a model


def model_decision(
    config: CompletionConfig, statuses: list[BatchItemStatus | None]
) -> CompletionReason | None:
    """The rules, written from scratch over the whole list."""
    total, failed, succeeded = len(statuses), statuses.count(F), statuses.count(S)
    count, percentage = config.tolerated_failure_count, config.tolerated_failure_percentage
    breached = []
    if count is not None:
        breached.append(failed > count)
    if percentage is not None:
        breached.append(failed > 0 and Fraction(failed, total) * 100 > Fraction(percentage))
    if not breached and config.min_successful is None and config.should_complete is None:
        breached.append(failed > 0)
    if any(breached):
        return EXCEEDED
    if config.should_complete is not None:
        items = [CompletionItemStatus(i, status) for i, status in enumerate(statuses)]
        answer = config.should_complete(
            CompletionStatus(items, total, succeeded, failed, statuses.count(RUN))
        )
        if answer.is_complete:
            return CUSTOM_FAILED if answer.outcome == "FAILED" else CUSTOM_OK
    if failed + succeeded == total:
        return ALL
    if config.min_successful is not None and succeeded >= config.min_successful:
        return MIN
    return None


def predicate_at(items: int, outcome: CompletionOutcome) -> CompletionConfig:
    """Completes when that many items have ended."""

    def predicate(status: CompletionStatus) -> CompletionDecision:
        ended = sum(item.status in (S, F) for item in status.items)
        return complete_batch(outcome) if ended >= items else continue_batch()

    return CompletionConfig(should_complete=predicate)


@st.composite
def batches(draw: st.DrawFn) -> tuple[CompletionConfig, int, list[tuple[int, BatchItemStatus]]]:
    total = draw(st.integers(0, 8))
    thresholds = st.builds(
        CompletionConfig,
        min_successful=st.none() | st.integers(1, total) if total else st.none(),
        tolerated_failure_count=st.none() | st.integers(0, 9),
        tolerated_failure_percentage=st.none() | st.integers(0, 100),
    )
    custom = st.builds(predicate_at, st.integers(0, 9), st.sampled_from(CompletionOutcome))
    config = draw(thresholds | custom)
    ends = draw(st.lists(st.sampled_from([RUN, S, F]), min_size=total, max_size=total))
    changes = [(i, RUN) for i in range(total)] + [(i, s) for i, s in enumerate(ends) if s != RUN]
    return config, total, draw(st.permutations(changes))


@given(batches())
@settings(deadline=None)
def test_the_tracker_agrees_with_the_model_after_every_change(
    batch: tuple[CompletionConfig, int, list[tuple[int, BatchItemStatus]]],
) -> None:
    config, total, changes = batch
    tracker = CompletionTracker(config, total)
    move = {RUN: tracker.started, S: tracker.succeeded, F: tracker.failed}
    statuses: list[BatchItemStatus | None] = [None] * total
    expected = model_decision(config, statuses)
    assert tracker.decision() is expected
    for index, status in changes:
        if status is RUN and statuses[index] is not None:
            continue  # this order has the item end before it starts
        move[status](index)
        statuses[index] = status
        expected = expected or model_decision(config, statuses)
        assert tracker.decision() is expected
        assert tracker.may_start_more() == (expected is None and None in statuses)
        assert list(tracker.statuses) == statuses
