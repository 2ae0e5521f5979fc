"""What surrounds a program: the service, the clock, the crashes, and a memory of what happened.

A run keeps everything that must be judged afterwards outside the handler, as the real world
would: how often bodies ran, which completions were stored, what the code got to see.
"""

from __future__ import annotations

import asyncio
import enum
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
from aws_durable_execution_sdk_python_testing._faults import (
    Fault,
    FaultPlan,
    Faults,
    FaultyService,
    NoAnswerError,
)
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._time.clocks import VirtualClock


class FrozenClock(VirtualClock):
    """Time that passes only when somebody says so."""

    def __init__(self) -> None:
        super().__init__(1)
        self._lock = threading.Lock()
        self._now = 1_700_000_000.0
        self._limits: dict[float, asyncio.Event] = {}

    def now(self) -> float:
        return self._now

    def jump_to(self, deadline: float) -> None:
        with self._lock:
            self._now = max(self._now, deadline)

    def pass_by(self, seconds: float) -> None:
        with self._lock:
            self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Return when a time limit of so many seconds has run out."""
        run_out = self._limits[seconds] = asyncio.Event()
        await run_out.wait()

    def run_out(self, seconds: float) -> None:
        """The body that runs in this event loop under this limit hangs: its time is up."""
        self._limits[seconds].set()


class Point(enum.Enum):
    """Where an invocation can crash."""

    REQUEST = "before the request leaves"
    REPLY = "after the service stored it, before the reply"
    CODE = "between two operations"
    BODY_START = "when a body begins"
    BODY_END = "between the end of a body and its checkpoint"


class Mode(enum.Enum):
    """How: the process is gone, or (for requests) the connection is."""

    EXIT = "exit"
    DISCONNECT = "disconnect"


@dataclass(frozen=True)
class Crash:
    """Crash when `after` points of this kind have been passed since the crash before."""

    point: Point
    after: int = 0
    mode: Mode = Mode.EXIT


@dataclass(frozen=True)
class Plan:
    """Everything that is to go wrong in a run."""

    crashes: tuple[Crash, ...] = ()
    faults: Faults = Faults()  # noqa: RUF009 - frozen


class World:
    """One run of a program, seen from outside.

    Attributes:
        answers: of callbacks, by name; a run adds them as it creates the callbacks.
        runs: how often bodies ran, by path and attempt.
        completed: paths of the steps whose completion the service has stored.
        at_most_once: paths of the bodies that may run only once per attempt.
        seen: what the code observed, by path.
        raced: paths of operations of which timing decides what below them is performed.
        cancelled: those of them below which anything may be cancelled on the way.
        violations: promises that were broken.
        invocations: how many there were, by ARN.
        crashed: how often the world crashed a process.
        faults: what is wrong with the service.
    """

    def __init__(self, plan: Plan = Plan()) -> None:
        self.clock = FrozenClock()
        self.service: Any = None
        self.answers: dict[str, Any] = {}
        self.runs: Counter[tuple[str, int]] = Counter()
        self.completed: set[str] = set()
        self.at_most_once: set[str] = set()
        self.seen: dict[str, Any] = {}
        self.raced: set[str] = set()
        self.cancelled: set[str] = set()
        self.violations: list[str] = []
        self.invocations: Counter[str] = Counter()
        self.processes: dict[str, Process] = {}
        self.crashed = 0
        self.faults = FaultPlan(plan.faults)
        self._crashes = list(plan.crashes)
        self._passed = 0
        self._lock = threading.Lock()

    def crash_due(self, point: Point) -> Crash | None:
        """Whether the next planned crash is to happen here."""
        with self._lock:
            if not self._crashes or self._crashes[0].point is not point:
                return None
            self._passed += 1
            if self._passed <= self._crashes[0].after:
                return None
            self._passed = 0
            self.crashed += 1
            return self._crashes.pop(0)

    def body_runs(self, path: str, attempt: int, *, informed: bool = True) -> None:
        """A body begins: it may have to run at most once, and never after its completion.

        Parameters:
            path: the body's operation.
            attempt: which of its attempts.
            informed: whether the invocation was told of all that had been completed by then.
        """
        with self._lock:
            self.runs[path, attempt] += 1
            if informed and path in self.completed:
                self.violations.append(f"{path} ran again (attempt {attempt}) after its completion")
            if path in self.at_most_once and self.runs[path, attempt] > 1:
                self.violations.append(f"{path} ran twice for attempt {attempt}")

    def times_run(self, path: str) -> int:
        """How often a body has begun, in all attempts."""
        with self._lock:
            return sum(count for (each, _), count in self.runs.items() if each == path)

    def observe(self, path: str, value: Any) -> None:
        """Code sees a value: each replay must see the same."""
        with self._lock:
            first = self.seen.setdefault(path, value)
            if first != value:
                self.violations.append(f"{path} was {first!r}, then {value!r}")

    @property
    def interruptions(self) -> int:
        """How often something went wrong that an invocation may have been cut off by."""
        harmless = (Fault.SLOW, Fault.REORDER_PAGES)
        return self.crashed + sum(each.fault not in harmless for each in self.faults.injected)

    def check_stored(self, path: str) -> None:
        """Code goes on after a step: by then its completion must have been stored."""
        with self._lock:
            if path not in self.completed:
                self.violations.append(f"{path} was seen before it was stored")

    def stored(self, updates: Sequence[Mapping[str, Any]]) -> None:
        """The service has stored these."""
        with self._lock:
            for update in updates:
                if update["Type"] == "STEP" and update["Action"] in ("SUCCEED", "FAIL"):
                    self.completed.add(update["Name"])


class Process:
    """One invocation. Once it is dead nothing in it happens any more.

    Also the API its handler calls, which is where requests and replies get lost. A handler that
    only replays calls none.

    Attributes:
        informed: whether its event told all that had happened; what is delivered again does not.
        ended: whether it has answered.
    """

    def __init__(
        self, world: World, service: HandlerService | Any, *, informed: bool = True
    ) -> None:
        self._world = world
        self._service = service
        self._dead = False
        self._disconnected = False
        self.informed = informed
        self.ended = False

    @property
    def clock(self) -> Any:
        return self._service.clock

    @property
    def invocation_timeout(self) -> float:
        return self._service.invocation_timeout

    def reach(self, point: Point, what: str) -> None:
        """Pass a point of the code, unless the process is to crash there."""
        self._check_alive(what)
        if self._world.crash_due(point) is not None:
            self._die()

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._check_alive("a checkpoint")
        if self._disconnected:
            self._world.violations.append("a checkpoint was tried after one had failed")
        self._transmit(Point.REQUEST)
        try:
            answer = self._service.checkpoint(arn, body)
        except (ServiceError, NoAnswerError):
            self._disconnected = True
            raise
        self._disconnected = "CheckpointToken" not in answer
        self._transmit(Point.REPLY)
        return answer

    def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        self._check_alive("a state request")
        self._transmit(Point.REQUEST, GetExecutionStateError)
        return self._service.get_state(arn, checkpoint_token, marker, max_items)

    def _transmit(self, point: Point, lost: type[BotoClientError] = CheckpointError) -> None:
        crash = self._world.crash_due(point)
        if crash is None:
            return
        if crash.mode is Mode.EXIT:
            self._die()
        self._disconnected = True
        raise lost("the connection is gone", retryable=True)

    def _check_alive(self, what: str) -> None:
        if self._dead:
            raise SystemExit(1)
        if self.ended:
            self._world.violations.append(f"{what} happened after its invocation had ended")

    def _die(self) -> None:
        self._dead = True
        raise SystemExit(1)


class StoringService:
    """The service itself, behind all faults: it tells the world what it has stored."""

    def __init__(self, world: World, service: Any) -> None:
        self._world = world
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._service.checkpoint(arn, body)
        self._world.stored(body["Updates"])
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
        faulty = FaultyService(StoringService(world, service), world.faults)
        process = Process(world, faulty, informed=informed)
        world.processes[invocation.arn] = process
        if informed:
            world.invocations[invocation.arn] += 1
        try:
            return self._inner.invoke(invocation, process)
        finally:
            process.ended = True

    def call(self, call: FunctionCall, service: HandlerService) -> FunctionResult:
        return self._inner.call(call, service)
