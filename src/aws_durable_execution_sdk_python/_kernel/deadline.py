"""The end of Lambda's time for an invocation: what must not begin any more, and how to go on.

When the time that Lambda leaves is down to the *margin*, no body of a step, check or context
begins. Those that run come to their end and are checkpointed; whatever else async code waits for
is not waited for any more, and the invocation ends PENDING. At the *last moment*, a fraction of
the margin, async bodies are not waited for either: they are cancelled, and their steps run again
as after any crash. Blocking code that runs cannot be stopped: Lambda ends it.

A timer of the engine's sees to that, so that no code has to call an operation for it. Each time
it fires the time that is left is asked for again.

PENDING alone would not do. The service rejects it if nothing is pending; and if something is, a
callback say, it would invoke again only when that has come, while the work that was held back
could go on at once. Raising, so that the service retries the invocation, would count as a failure,
of which only a few in a row are forgiven: a long row of steps would fail after as many
invocations. So the invocation leaves a wait of one second of its own, the *wake-up*, beside what
the code asked for. It has no place in the code's numbering, which makes it invisible to replay.

An invocation always lets its first body begin, so that each one gets further than the last: one
that comes to its margin without goes on until the last moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.ids import operation_id
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationSubType,
    OperationType,
    OperationUpdate,
    WaitOptions,
)
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.parked import Pending

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.ports import Runtime

WAKE_UP_NAME = "invocation-deadline"
_WAKE_UP_SECONDS = 1

# By default a twentieth of the time there is, within these bounds, in seconds.
_SHARE = 0.05
_LEAST_MARGIN = 1.0
_MOST_MARGIN = 10.0
# No margin takes more of an invocation than this.
_LARGEST_SHARE = 0.5
# How much of the margin is left at the last moment: for cancelled code to clean up.
_LAST_MOMENT_SHARE = 0.3
# In seconds: a context whose time does not pass as ours does is not asked more often.
_LEAST_RECHECK = 0.01


class Deadline:
    """Whether the invocation's time is nearly gone.

    Parameters:
        lambda_context: asked for the time that is left. One that does not tell, or tells
            nonsense, sets no deadline.
        margin: how many seconds before the end nothing begins any more; 0 for no deadline,
            None for the default.
        journal: what is recorded already.

    Attributes:
        is_last_moment: whether only blocking code is waited for.
    """

    def __init__(self, lambda_context: object, margin: float | None, journal: Journal) -> None:
        self._journal = journal
        self.is_last_moment = False
        self._body_began = False
        self._is_near = False
        self._held_back: Pending | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._remaining = None if margin == 0 else _reader(lambda_context)
        at_start = self.seconds_left()
        if at_start is None or at_start <= 0:
            self._remaining = None
            return
        if margin is None:
            margin = min(max(at_start * _SHARE, _LEAST_MARGIN), _MOST_MARGIN)
        self._margin = min(margin, at_start * _LARGEST_SHARE)
        self._last_moment = self._margin * _LAST_MOMENT_SHARE
        self._at_start = at_start

    def holds_body(self) -> bool:
        """Whether a body is to begin in the next invocation. If not, it is about to begin now."""
        if self._remaining is None:
            return False
        # Not by the timer, which a busy machine may call after the code that is late itself.
        self._read_time()
        if self.has_come():
            return True
        self._body_began = True
        return False

    def is_near(self) -> bool:
        """Whether nothing is to begin any more; stays so once it is."""
        if self._remaining is None or not self._body_began:
            return False
        if not self._is_near:
            self._read_time()
        return self._is_near

    def has_come(self) -> bool:
        """Whether user code that is in no body is not waited for any more."""
        return self.is_last_moment or (self._is_near and self._body_began)

    def _read_time(self) -> float | None:
        left = self.seconds_left()
        if left is not None:
            self._is_near = self._is_near or left <= self._margin
            self.is_last_moment = self.is_last_moment or left <= self._last_moment
        return left

    # -- the timer ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def watching(self, loop: EventLoop) -> Iterator[None]:
        """Notice by a timer when the time has come, until the end of the block."""
        if self._remaining is not None:
            self._look_after(loop, self._at_start - self._margin)
        try:
            yield
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _look(self, loop: EventLoop) -> None:
        left = self._read_time()
        if left is not None and not self.is_last_moment:
            self._look_after(loop, left - (self._last_moment if self._is_near else self._margin))

    def _look_after(self, loop: EventLoop, seconds: float) -> None:
        self._timer = loop.engine_call_later(max(seconds, _LEAST_RECHECK), self._look, loop)

    # -- going on in the next invocation --------------------------------------------------------

    async def hold(self, runtime: Runtime) -> NoReturn:
        """Keep the calling operation from going on in this invocation; the next one will.

        Raises:
            SuspendExecution: the code is unwound, or the invocation is ending.
        """
        held_back = self._hold_back()
        while True:
            runtime.check()
            await runtime.park(held_back)

    def _hold_back(self) -> Pending:
        if self._held_back is None:
            self._held_back = Pending(self._next_wake_up())
        return self._held_back

    def wake_up(self) -> OperationUpdate | None:
        """What makes the service invoke again soon; None if no work was held back."""
        if self._held_back is None and not self.has_come():
            return None
        identity = OperationIdentity(
            self._hold_back().operation_id,
            OperationType.WAIT,
            OperationSubType.INVOCATION_DEADLINE,
            WAKE_UP_NAME,
            parent_id=None,
            order=(math.inf,),
        )
        options = WaitOptions(wait_seconds=_WAKE_UP_SECONDS)
        return identity.update(OperationAction.START, wait_options=options)

    def _next_wake_up(self) -> str:
        """The id of a wake-up that no invocation before this one has left."""
        n = 1
        while (wake_up := operation_id(WAKE_UP_NAME, n)) in self._journal:
            n += 1
        return wake_up

    # -- the time -----------------------------------------------------------------------------

    def seconds_left(self) -> float | None:
        """Until Lambda ends the invocation; None if nobody tells."""
        if self._remaining is None:
            return None
        try:
            left = self._remaining()
        except Exception:
            return None
        if isinstance(left, bool) or not isinstance(left, int | float) or not math.isfinite(left):
            return None
        return left / 1000


def _reader(lambda_context: Any) -> Callable[[], object] | None:
    """The context's own word on how many milliseconds are left, if it has one."""
    try:
        remaining = lambda_context.get_remaining_time_in_millis
    except Exception:
        return None
    return remaining if callable(remaining) else None
