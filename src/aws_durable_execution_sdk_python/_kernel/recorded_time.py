"""The time that user code lives in on replay: which timers came before an end that is on record.

Rules, for a timer that is still to fire when an operation's end is to be made known:

- What the record shows of cancellations goes before what clocks show. What a timer would cancel
  has ended, as the record has it: then it did not fire before that end, however long that was in
  coming; an invocation that crashed may lie between. Something that was cancelled before that end
  waits to be cancelled again: then the timers come first, in their order, but for those that cannot
  have been due when it was cancelled. The user's time never outruns the record's, so that is told
  from where both began, however often the one stood still since.
- A timer that is waited for, and not only around durable work, has kept its invocation awake: it
  has fired if it was due, by the record's time. So has any other while an invocation surely ran: a
  step of a single attempt spans the time, or one that was cancelled. The rest is what a suspension
  has forgotten.
- Time is the record's, from each end that is made known to the next one, where an invocation ran in
  between; where none is known to have, it stands still.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._kernel import forgotten_timers
from aws_durable_execution_sdk_python._kernel.liveness import Asleep
from aws_durable_execution_sdk_python._kernel.user_time import UserTime

_MICROS = 1_000_000
# How late a beginning, or a cancellation, may be recorded.
_SLACK_SECONDS = 1.0
_SLACK = round(_SLACK_SECONDS * _MICROS)
# By how much a timer that did not fire is taken to have been due later.
_JUST_SECONDS = 1e-6


class Sleep(Protocol):
    """What is known of the tasks that wait for durable work."""

    @property
    def asleep(self) -> Asleep:
        """Those that wait for what is not on record."""
        ...

    def keeps_awake(self, timers: Sequence[asyncio.TimerHandle], asleep: Asleep) -> bool:
        """Whether one of these timers keeps the invocation awake, with so many tasks asleep."""
        ...


class RecordedEnd(NamedTuple):
    """An operation whose end is on record, and who waits to learn of it."""

    moment: int
    operation_id: str
    task: asyncio.Task[Any]
    future: asyncio.Future[None]


class Doomed(NamedTuple):
    """An operation that was cancelled: from when to when it ran, and who waits for that again."""

    began: int
    cancelled: int
    task: asyncio.Task[Any]
    future: asyncio.Future[None]


# What gives all ends that are waited for.
Waiting = Callable[[], Sequence[RecordedEnd]]
_Span = tuple[int, int, asyncio.Future[None]]


class RecordedTime:
    """Moves the time of one invocation's code along the record."""

    def __init__(self, time: UserTime, journal: Journal, sleep: Callable[[], Sleep]) -> None:
        self._time = time
        self._journal = journal
        self._sleep = sleep
        # A moment of the record, and the user's time then; and the first such pair.
        self._anchor: tuple[int, float] | None = None
        self._origin: tuple[int, float] | None = None
        # When steps began whose ends are waited for, the first one first; None if not known.
        self._spans: list[_Span] | None = None
        self._numbers = itertools.count()
        # Whether timers keep the invocation awake, and how many had been set when that was asked.
        self._is_kept_awake = False
        self._asked_at = 0

    def freeze(self, operation_id: str) -> None:
        """From here on time is the record's."""
        if self._anchor is None:
            began = self._journal.began(operation_id)
            if began is None:
                return
            self._anchor = self._origin = began, self._time.now()
        self._time.freeze()

    def let_go(self) -> None:
        """The record goes on without us, and the user's time is real."""
        if self._anchor is not None:
            self._anchor = None
            self._time.thaw()

    def skips_to_timer(self, doomed: Iterable[Doomed]) -> bool:
        """With nothing but these left: fire the next timer, if it may be the one that cancels."""
        due = self._time.next()
        if self._anchor is None or due is None:
            return False
        if due > self._as_user_time(max(each.cancelled for each in doomed)) + _SLACK_SECONDS:
            return False
        self._time.freeze()
        self._time.fire_next()
        return True

    def fires_before(self, first: RecordedEnd, waiting: Waiting, doomed: Sequence[Doomed]) -> bool:
        """Fire a timer that came before an end, or go on to that.

        Parameters:
            first: the end that is to be made known next.
            waiting: all ends that are waited for.
        """
        assert self._anchor is not None  # set before time is frozen
        moment, then = first.moment, self._as_user_time(first.moment)
        late_until = self._late_until(moment, doomed)
        latest, due = then, self._time.next()
        if due is not None and (due <= late_until or due < then):
            for timer in self._time.in_order():
                is_late = timer.when() <= late_until
                if timer.when() >= then and not is_late:
                    break
                has_fired = self._has_fired(timer, waiting, doomed, is_late=is_late)
                if has_fired:
                    self._time.fire(timer)
                    return True
                if has_fired is None:
                    latest = min(latest, timer.when() - _JUST_SECONDS)
        if latest > self._time.now() and self._was_awake(moment, waiting, doomed):
            self._time.go_to(latest)
        self.stand_still(moment)
        return False

    def _late_until(self, moment: int, doomed: Sequence[Doomed]) -> float:
        """Until when timers may have cancelled what was cancelled before a moment of the record."""
        late = [each.cancelled for each in doomed if each.cancelled < moment]
        if not late:
            return -math.inf
        assert self._origin is not None  # set with the anchor
        return _user_time(self._origin, max(late)) + _SLACK_SECONDS

    def stand_still(self, moment: int) -> None:
        """Have the user's time now be that of the record's at a moment, if that is a later one."""
        assert self._anchor is not None  # set before time is frozen
        if moment > self._anchor[0]:
            self._anchor = moment, self._time.now()

    def _has_fired(
        self,
        timer: asyncio.TimerHandle,
        waiting: Waiting,
        doomed: Sequence[Doomed],
        *,
        is_late: bool,
    ) -> bool | None:
        """Whether the record shows that a timer has fired; None if it shows that it has not."""
        asleep = self._asleep(waiting(), doomed)
        if self._sleep().keeps_awake([timer], asleep):
            return True
        if self._would_cancel_ended(timer, waiting(), doomed, asleep):
            return None
        return is_late or self._is_spanned(self._as_moment(timer.when()), waiting, doomed)

    def _was_awake(self, moment: int, waiting: Waiting, doomed: Sequence[Doomed]) -> bool:
        """Whether an invocation surely ran at a moment of the record."""
        if self._is_spanned(moment, waiting, doomed):
            return True
        # It is asked anew where there is another timer; only what time it is depends on it.
        if self._asked_at != self._time.numbered:
            self._asked_at = self._time.numbered
            timers, asleep = self._time.in_order(), self._asleep(waiting(), doomed)
            self._is_kept_awake = self._sleep().keeps_awake(timers, asleep)
        return self._is_kept_awake

    def _would_cancel_ended(
        self,
        timer: asyncio.TimerHandle,
        waiting: Sequence[RecordedEnd],
        doomed: Sequence[Doomed],
        asleep: Asleep,
    ) -> bool:
        """Whether a timer would cancel what has ended, and nothing that was cancelled before."""
        task = forgotten_timers.reached(timer, forgotten_timers.resting(asleep), asleep)
        if not isinstance(task, asyncio.Task):
            return False  # it lets one go on
        moment = waiting[0].moment
        late: Asleep = {each.task: each.future for each in doomed if each.cancelled < moment}
        if late and forgotten_timers.rests(task, late):
            return False
        told: Asleep = {
            each.task: each.future
            for each in waiting
            if self._journal.holds_cancellation(each.operation_id)
        }
        return forgotten_timers.rests(task, told)

    def _asleep(self, waiting: Iterable[RecordedEnd], doomed: Iterable[Doomed]) -> Asleep:
        """The tasks that wait for durable work, whether it is on record or not."""
        ended: Asleep = {each.task: each.future for each in waiting}
        return {**self._sleep().asleep, **ended, **{each.task: each.future for each in doomed}}

    # -- when steps ran ---------------------------------------------------------------------

    def is_waited_for(self, ended: RecordedEnd) -> None:
        """Note that one more end is. Without timers nobody asks for it."""
        if self._time.next() is None:
            self._spans = None
        elif self._spans is not None:
            self._note(self._spans, ended)

    def _note(self, spans: list[_Span], ended: RecordedEnd) -> None:
        span = self._journal.span(ended.operation_id)
        if span is not None:
            heapq.heappush(spans, (span[0], next(self._numbers), ended.future))

    def _is_spanned(self, moment: int, waiting: Waiting, doomed: Sequence[Doomed]) -> bool:
        """Whether a step ran at a moment of the record, not later than any end waited for."""
        spans = self._spans
        if spans is None:
            spans = self._spans = []
            for each in waiting():
                self._note(spans, each)
        while spans and spans[0][-1].done():
            heapq.heappop(spans)
        if spans and spans[0][0] - _SLACK <= moment:
            return True
        return any(each.began - _SLACK <= moment <= each.cancelled for each in doomed)

    # -- the record's time and the user's ----------------------------------------------------

    def _as_user_time(self, moment: int) -> float:
        assert self._anchor is not None  # set before time is frozen
        return _user_time(self._anchor, moment)

    def _as_moment(self, when: float) -> int:
        assert self._anchor is not None  # set before time is frozen
        recorded, seen = self._anchor
        return recorded + round((when - seen) * _MICROS)


def _user_time(pair: tuple[int, float], moment: int) -> float:
    """The user's time at a moment of the record, told from another moment and the time then."""
    recorded, seen = pair
    return seen + (moment - recorded) / _MICROS
