"""Time that is skipped: which deadlines are jumped to, and for which timers that does not count.

Only time nobody waits in is skipped. Somebody outside who answers callbacks waits in real time.
"""

from __future__ import annotations

from aws_durable_execution_sdk_python_testing._engine import Engine, TimerKind
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock

_CALLBACK_TIMERS = frozenset({TimerKind.CALLBACK_TIMEOUT, TimerKind.CALLBACK_HEARTBEAT})
_EXECUTION_TIMERS = frozenset({TimerKind.EXECUTION_TIMEOUT})
_ALL_TIMERS = frozenset(TimerKind)
# What makes an execution go on; its own time-out only ends it.
WAITED_FOR = _ALL_TIMERS - _EXECUTION_TIMERS


class SkippedTime:
    """Moves a clock from deadline to deadline. The caller holds the driver's lock.

    Parameters:
        engine: whose deadlines they are.
        clock: what is moved.
        counts: whether skipped time counts for the time-outs of executions.
        all_attended: whether somebody outside answers the callbacks of all executions.

    Attributes:
        attended: executions whose callbacks somebody outside is about to answer.
    """

    def __init__(self, engine: Engine, clock: RealClock, counts: bool, all_attended: bool) -> None:
        self.attended: set[str] = set()
        self._engine = engine
        self._clock = clock
        self._counts = counts
        self._all_attended = all_attended

    def to_next_deadline(self) -> bool:
        """Jump to the next deadline that may be skipped to, if there is one."""
        if not self._clock.skips_waiting:
            return False
        real = self._in_real_time()
        deadline = self._engine.deadline_to_skip_to(real)
        if deadline is None:
            return False
        self._jump_to(deadline, real)
        return True

    def jump_by_at_most(self, seconds: float, now: float) -> float:
        """Jump to the next deadline if it is that near, else by `seconds`; returns how far."""
        real = self._executions_in_real_time()
        deadline = self._engine.next_deadline(_ALL_TIMERS - real)
        if deadline is None or deadline > now + seconds:
            self._jump_to(now + seconds, real)
            return seconds
        self._jump_to(deadline, real)
        return max(0.0, deadline - now)

    def move_on(self, now: float) -> None:
        """After an answer: whatever it did not tell of has another time, in whole milliseconds.

        No two answers of the service come within one. Where time is real, they take longer.
        """
        if self._clock.skips_waiting:
            self._jump_to(round(now, 3) + 0.001, self._in_real_time())

    def _jump_to(self, moment: float, real: frozenset[TimerKind]) -> None:
        """Make it `moment`, and fire what is due; the jump does not count for `real` timers."""
        skipped = moment - self._clock.now()
        if skipped > 0:
            self._clock.jump_to(moment)
            self._engine.skip_time(skipped, real)
        self._engine.fire_due(moment)

    def _in_real_time(self) -> frozenset[TimerKind]:
        attended = self._all_attended or bool(self.attended)
        return in_real_time(counts=self._counts, attended=attended)

    def _executions_in_real_time(self) -> frozenset[TimerKind]:
        return in_real_time(counts=self._counts, attended=False)


def in_real_time(*, counts: bool, attended: bool) -> frozenset[TimerKind]:
    """The kinds of timers for which skipped time does not count; see `SkippedTime`."""
    executions: frozenset[TimerKind] = frozenset() if counts else _EXECUTION_TIMERS
    return executions | _CALLBACK_TIMERS if attended else executions
