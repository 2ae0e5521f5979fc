"""What a driver does with an engine: pass on the time, and take what there is to do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from aws_durable_execution_sdk_python_testing._engine import expiry, recovery
from aws_durable_execution_sdk_python_testing._engine.effects import Effect
from aws_durable_execution_sdk_python_testing._engine.inspection import Inspection
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState
from aws_durable_execution_sdk_python_testing._engine.timers import Timer, TimerKind


class DrivenEngine(Inspection):
    """The part of an `Engine` that a driver uses; and how each command is carried out."""

    @property
    def now(self) -> float:
        """The latest time a command was given, or that of the newest event in the store."""
        return self._service.now

    # ------------------------------------------------------------------------------- time

    def next_deadline(self, kinds: Collection[TimerKind] | None = None) -> float | None:
        """When the next timer is due, epoch seconds; None without one. `kinds` narrows it."""
        return self._service.timers.next_deadline(kinds)

    def deadline_to_skip_to(self, real: Collection[TimerKind]) -> float | None:
        """When the next timer is due that time may be skipped to, epoch seconds.

        Parameters:
            real: kinds of timers that pass in real time. None of them is skipped to; and what
                an execution has after one of its operations' such timers comes after it, so
                that it sees both in the order it asked for.
        """
        timers = self._service.timers
        for timer, deadline in timers.in_order(frozenset(TimerKind) - frozenset(real)):
            execution = self._service.executions[timer.arn]
            before = (
                timers.deadline(Timer(kind, timer.arn, key))
                for key in execution.pending
                for kind in real
            )
            if not any(one is not None and one < deadline for one in before):
                return deadline
        return None

    def fire_due(self, now: float) -> None:
        """Fire every timer due at or before `now`, by deadline, then in the order armed.

        Like every command it first forgets executions that were kept long enough.

        What fires is stamped with `now`: a driver that skips time goes from deadline to
        deadline.
        """
        with self._command(now):
            self._fire_due()

    def skip_time(self, seconds: float, kinds: Collection[TimerKind]) -> None:
        """Say that the clock jumped by `seconds` which do not count for timers of `kinds`.

        For drivers that skip time but keep execution time-outs (or callback time-outs) on the
        real clock: armed timers of those kinds are put off by as much. It never counts for
        how long closed executions are kept.
        """
        self._service.skipped += seconds
        self._service.timers.postpone(seconds, kinds)
        self._service.retention.postpone(seconds)

    def catch_up(self, now: float) -> float:
        """Say what time it is, before anything else: the store may be ahead of it.

        So it is if an earlier engine has skipped time. That does not count for how long what
        has ended by then is kept, nor for what `recover` is told.

        Returns:
            The time to go on from.
        """
        recovery.note_skipped(self._service, self._service.now - now)
        return max(now, self._service.now)

    # ---------------------------------------------------------------------------- effects

    def take_effects(self) -> list[Effect]:
        """What the driver has to do now, oldest first. Each effect is handed out once."""
        effects, self._service.effects = self._service.effects, []
        return effects

    def recover(self, now: float, real: Collection[TimerKind] = ()) -> None:
        """Resume what the store held: call once, after registering targets.

        Parameters:
            now: the time.
            real: kinds of timers for which it does not count what was skipped since they were
                armed.

        An invocation that was in flight is closed as crashed and asked for again, timers are
        armed again, calls of plain functions that were under way are asked for again.
        """
        with self._command(now) as service:
            service.real = real
            recovery.resume(service)

    # --------------------------------------------------------------------------- commands

    @contextmanager
    def _command(self, now: float) -> Iterator[ServiceState]:
        """Set the time, and store what changed, also by timers that fired before a refusal.

        What has outlived its retention by then is gone before anything else is done.
        """
        service = self._service
        service.now = max(service.now, round(now, 3))
        service.purge_expired()
        try:
            yield service
        finally:
            service.commit()

    def _fire_due(self) -> None:
        service = self._service
        while (timer := service.timers.pop_due(service.now)) is not None:
            expiry.fire(service, timer)
