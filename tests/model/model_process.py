"""One invocation as the world sees it: where it may crash, and what it must keep to.

What is asked of every invocation, beside its result:

- *Nothing happens after its end*: no call, no body; no task and no flow of user code is left.
- *It is not suspended while somebody waits for work of the user's own*: `awaited` counts it. What
  nobody waits for (tasks in the background) may be cut off, and so may what the program cancels.
- *It does not sit awake with nothing to do*: from the last thing that happens in it, a call's
  answer or a body's end, to its own end it is a moment.
- *Once a batch is decided its losers are over*: async ones have ended when the operation returns;
  blocking ones, and tasks that user code left behind, are refused at their next durable call.
  Nothing of them is recorded any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from model_http import calling
from model_values import is_below
from model_world import Mode, Point, World

from aws_durable_execution_sdk_python.exceptions import (
    BotoClientError,
    CheckpointError,
    GetExecutionStateError,
)
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    Returned,
    ServiceError,
)
from aws_durable_execution_sdk_python_testing._engine import InvokeFunction as FunctionCall
from aws_durable_execution_sdk_python_testing._faults import FaultyService, NoAnswerError
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker

# What earlier invocations have left in their event loops; each is reported once.
_left: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
# Real seconds: nothing of the SDK's waits for as long before it looks again, nor does a machine
# that others keep busy hold a process up so long (5.4 s were seen).
_MOMENT = 30.0


class Process:
    """One invocation. Once it is dead nothing in it happens any more.

    Also the API its handler calls, which is where requests and replies get lost. A handler that
    only replays calls none.

    Attributes:
        world: what surrounds it.
        informed: whether its event told all that had happened; what is delivered again does not.
        ended: whether it has answered.
    """

    def __init__(
        self,
        world: World,
        service: HandlerService | Any,
        *,
        token: str | None = None,
        informed: bool = True,
    ) -> None:
        self.world = world
        self._service = service
        self._dead = False
        self._disconnected = False
        self._tokens = {token}
        self._sent: Mapping[str, Any] = {}
        self._lock = threading.Lock()
        # No task is kept: what holds one, a service's thread, say, could go on with it.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flows: Counter[str] = Counter()
        self._cut_off: list[str] = []
        self._decided: set[str] = set()
        self._late: set[str] = set()
        self._last_event = time.monotonic()
        self.informed = informed
        self.ended = False

    @property
    def clock(self) -> Any:
        return self._service.clock

    @property
    def invocation_timeout(self) -> float:
        return self._service.invocation_timeout

    # -- what code does ---------------------------------------------------------------------

    def reach(self, point: Point, what: str) -> None:
        """Pass a point of the code, unless the process is to crash there."""
        self._check_alive(what)
        with contextlib.suppress(RuntimeError):  # there is none in this thread
            self._loop = asyncio.get_running_loop()
        if point is not Point.CODE and what in self._late:
            self.world.violate(f"{what} ran though its batch had been decided")
        if self.world.crash_due(point) is not None:
            self._die()

    @contextlib.contextmanager
    def flow(self, path: str) -> Iterator[None]:
        """User code that runs, below this path: a context's function or a body."""
        with self._lock:
            self._flows[path] += 1
        try:
            yield
        finally:
            self._last_event = time.monotonic()
            with self._lock:
                self._flows[path] -= 1

    @contextlib.contextmanager
    def awaited(self, path: str) -> Iterator[None]:
        """The code waits for work of the user's own: a suspension may not come now."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._cut_off.append(path)
            raise

    def open_flows(self) -> list[str]:
        """The paths of user code that runs."""
        with self._lock:
            return sorted(+self._flows)

    def whereabouts(self) -> str:
        """What it is doing, for the report of one that hangs."""
        if self.ended:
            return "has ended"
        tasks = asyncio.all_tasks(self._loop) if self._loop is not None else ()
        return "\n  ".join(("runs " + ", ".join(self.open_flows()), *map(repr, tasks)))

    # -- batches that are decided -------------------------------------------------------------

    def decide(self, path: str) -> None:
        """A batch has returned, some of whose branches may have lost."""
        for one in self.open_flows():
            if is_below(one, (path,)) and self._is_structured(one, path, itself=True):
                self.world.violate(f"{one} still runs though {path} has returned")
        self._decided.add(path)

    def call(self, path: str) -> None:
        """A durable operation is called: it must be refused if its batch has been decided."""
        # A batch that is called again is one of code that runs again in place.
        self._decided = {one for one in self._decided if one != path and not is_below(one, (path,))}
        decided = [one for one in self._decided if is_below(path, (one,))]
        if decided:
            self._late.add(path)
        if any(self._is_structured(path, one, itself=False) for one in decided):
            self.world.violate(f"{path} is called though the batch around it has returned")

    def returns(self, path: str) -> None:
        """A durable operation that was called has returned."""
        if path in self._late:
            self.world.violate(f"{path} was performed though its batch had been decided")

    def _is_structured(self, path: str, batch: str, *, itself: bool) -> bool:
        """Whether all that is between the two ends when the outer one is cancelled."""
        return not any(
            is_below(loose, (batch,)) and (is_below(path, (loose,)) or (itself and loose == path))
            for loose in self.world.loose | self.world.cancelled
        )

    def stored(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """The service has stored these."""
        self.world.stored(updates)
        for update in updates:
            if is_below(update.get("Name") or "", self._decided):
                self.world.violate(f"{update} was sent after the batch around it had returned")

    # -- calls of the service -----------------------------------------------------------------

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if body["CheckpointToken"] not in self._tokens:
            return self._service.checkpoint(arn, body)  # of one that crashed, under way till now
        self._check_alive("a checkpoint")
        if self._disconnected and body != self._sent:
            self.world.violate("another checkpoint was tried after one had failed")
        self._sent = body
        self._transmit(Point.REQUEST)
        try:
            answer = self._service.checkpoint(arn, body)
        except (ServiceError, NoAnswerError):
            self._disconnected = True
            raise
        self._disconnected = "CheckpointToken" not in answer
        self._tokens.add(answer.get("CheckpointToken"))
        self._transmit(Point.REPLY)
        return answer

    def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        self._check_alive("a state request")
        self._transmit(Point.REQUEST, GetExecutionStateError)
        page = self._service.get_state(arn, checkpoint_token, marker, max_items)
        self._disconnected = False  # it was tried again
        return page

    def answered(self) -> None:
        """An answer of the service's has arrived."""
        self._last_event = time.monotonic()

    def _transmit(self, point: Point, lost: type[BotoClientError] = CheckpointError) -> None:
        crash = self.world.crash_due(point)
        if crash is None:
            return
        if crash.mode is Mode.EXIT:
            self._die()
        self._disconnected = True
        raise lost("the connection is gone", retryable=True)

    def check_running(self) -> None:
        """Nothing happens in a process that crashed, though asyncio gives its end as a value."""
        if self._dead:
            raise SystemExit(1)

    def _check_alive(self, what: str) -> None:
        self.check_running()
        if self.ended:
            self.world.violate(f"{what} happened after its invocation had ended")

    def _die(self) -> None:
        self._dead = True
        raise SystemExit(1)

    # -- its end ------------------------------------------------------------------------------

    def end(self, outcome: Returned | Crashed) -> None:
        """It has answered."""
        self.ended = True
        if self._dead:
            return
        idle = time.monotonic() - self._last_event
        if idle > _MOMENT:
            self.world.violate(f"an invocation sat awake for {idle:.1f} s with nothing to do")
        for path in self.open_flows():
            self.world.violate(f"{path} runs on after its invocation")
        for task in self._left_tasks():
            self.world.violate(f"{task} is left of an invocation")
        if outcome == Returned({"Status": "PENDING"}) and not self._disconnected:
            self._end_suspended()

    def _left_tasks(self) -> set[asyncio.Task[Any]]:
        """The tasks in its event loop, unless another invocation has taken that already."""
        if self._loop is None or self._loop.is_running():
            return set()
        left = asyncio.all_tasks(self._loop) - set(_left)
        if left:
            time.sleep(0.1)  # one that has just taken it has a task before it runs
        if self._loop.is_running():
            return set()
        left &= asyncio.all_tasks(self._loop)
        _left.update(left)
        return left

    def _end_suspended(self) -> None:
        excused = self.world.raced | self.world.cancelled | self.world.unattended
        for path in self._cut_off:
            if not is_below(path, excused):
                self.world.violate(f"suspended while {path} was awaited")


class StoringService:
    """The service itself, behind all faults: it tells what it has stored."""

    def __init__(self, service: Any) -> None:
        self._service = service
        self.process: Process | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._service.checkpoint(arn, body)
        if self.process is not None:
            self.process.stored(body["Updates"])
        return answer


class CrashingInvoker:
    """Calls handlers in this process, each invocation a `Process` that may crash."""

    def __init__(self, world: World, inner: InProcessInvoker) -> None:
        self._world = world
        self._inner = inner
        self._delivered: set[str] = set()

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        world = self._world
        informed = invocation.request_id not in self._delivered
        self._delivered.add(invocation.request_id)
        storing = StoringService(service)
        process = Process(
            world,
            FaultyService(storing, world.faults),
            token=invocation.event["CheckpointToken"],
            informed=informed,
        )
        storing.process = process
        world.processes[invocation.arn] = process
        if informed:
            world.invocations[invocation.arn] += 1
        with calling(invocation.arn, process):
            outcome = self._inner.invoke(invocation, process)
        process.end(outcome)
        return outcome

    def call(self, call: FunctionCall, service: HandlerService) -> FunctionResult:
        return self._inner.call(call, service)
