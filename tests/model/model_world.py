"""What surrounds a program: the clock, the crashes, and a memory of what happened.

A run keeps everything that must be judged afterwards outside the handler, as the real world
would: how often bodies ran, which completions were stored, what the code got to see.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from model_latency import Delays, Latency
from model_programs import Text, Word

from aws_durable_execution_sdk_python_testing._faults import Fault, FaultPlan, Faults
from aws_durable_execution_sdk_python_testing._time.clocks import VirtualClock

if TYPE_CHECKING:
    from model_process import Process


class FrozenClock(VirtualClock):
    """Time that passes only when somebody says so."""

    def __init__(self) -> None:
        super().__init__(1)
        self._lock = threading.Lock()
        self._now = 1_700_000_000.0
        self._limits: dict[float, asyncio.Event] = {}

    def _exact_now(self) -> float:
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


class Point(Word):
    """Where an invocation can crash."""

    REQUEST = "before the request leaves"
    REPLY = "after the service stored it, before the reply"
    CODE = "between two operations"
    BODY_START = "when a body begins"
    BODY_END = "between the end of a body and its checkpoint"


class Mode(Word):
    """How: the process is gone, or (for requests) the connection is."""

    EXIT = "exit"
    DISCONNECT = "disconnect"


@dataclass(frozen=True, repr=False)
class Crash(Text):
    """Crash when `after` points of this kind have been passed since the crash before."""

    point: Point
    after: int = 0
    mode: Mode = Mode.EXIT


class Transport(Word):
    """How calls get to the service."""

    IN_PROCESS = "in process"
    AIOBOTO3 = "over HTTP, by the default client"
    BOTO3 = "over HTTP, by a client of boto3's"


@dataclass(frozen=True, repr=False)
class Plan(Text):
    """What surrounds a run, and everything that is to go wrong in it.

    `threads` bounds the threads for blocking code; None leaves the bound as it is.
    """

    crashes: tuple[Crash, ...] = ()
    faults: Faults = Faults()  # noqa: RUF009 - frozen
    latency: Latency = Latency()  # noqa: RUF009 - frozen
    transport: Transport = Transport.IN_PROCESS
    threads: int | None = None

    @property
    def calm(self) -> Plan:
        """The same without anything going wrong."""
        return replace(self, crashes=(), faults=Faults())


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
        loose: paths below which code may go on, for a while, though what is around it was
            cancelled: that of threads, and of tasks that user code does not wait for.
        unattended: paths of what runs while nobody waits for all of it.
        violations: promises that were broken.
        invocations: how many there were, by ARN.
        crashed: how often the world crashed a process.
        points: how many points have been passed where a process might crash.
        plan: what it was made of.
        faults: what is wrong with the service.
        delays: how late its answers come.
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
        self.loose: set[str] = set()
        self.unattended: set[str] = set()
        self.violations: list[str] = []
        self.invocations: Counter[str] = Counter()
        self.processes: dict[str, Process] = {}
        self.crashed = 0
        self.points = 0
        self.plan = plan
        self.faults = FaultPlan(plan.faults)
        self.delays = Delays(plan.latency)
        self._crashes = list(plan.crashes)
        self._passed = 0
        self._lock = threading.Lock()

    def crash_due(self, point: Point) -> Crash | None:
        """Whether the next planned crash is to happen here."""
        with self._lock:
            self.points += 1
            if not self._crashes or self._crashes[0].point is not point:
                return None
            self._passed += 1
            if self._passed <= self._crashes[0].after:
                return None
            self._passed = 0
            self.crashed += 1
            return self._crashes.pop(0)

    def violate(self, what: str) -> None:
        """A promise was broken."""
        with self._lock:
            self.violations.append(what)

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
