"""Decides what is hit, and remembers what was."""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from aws_durable_execution_sdk_python_testing._faults.fault_settings import Fault, Faults

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.faults")

_READING = (
    Fault.KMS_ERROR,
    Fault.STALE_TOKEN,
    Fault.THROTTLE,
    Fault.SERVER_ERROR,
    Fault.TIMEOUT,
    Fault.LOST_RESPONSE,
)
_CHECKPOINTING = (*_READING, Fault.TOKEN_REVOKED)
_OF_INVOCATIONS = (Fault.DUPLICATE_INVOCATION, Fault.REORDER_PAGES)
_CALLS = "call"
_INVOCATIONS = "invocation"


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault that has happened.

    Attributes:
        fault: which.
        execution: number of the execution, in the order of their first calls, from 1 on.
        what: "call" or "invocation".
        number: of the call or the invocation within the execution, from 1 on.
    """

    fault: Fault
    execution: int
    what: str
    number: int

    def __str__(self) -> str:
        return f"{self.fault} at {self.what} {self.number} of execution {self.execution}"


@dataclass(frozen=True, slots=True)
class FaultDecision:
    """What happens to one call: a fault, if any, after a delay in seconds."""

    fault: Fault | None = None
    delay: float = 0.0


class FaultPlan:
    """The faults of one service. May be used from any thread.

    Attributes:
        faults: what is to be injected.
        injected: what was, in order.
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.injected: list[InjectedFault] = []
        self._lock = threading.Lock()
        self._executions: dict[str, int] = {}
        self._counts: Counter[tuple[str, int]] = Counter()
        self._without_key: set[int] = set()
        self._shuffles: dict[str, random.Random] = {}

    def checkpoint(self, arn: str) -> FaultDecision:
        """What happens to the execution's next call, a checkpoint."""
        return self._call(arn, _CHECKPOINTING)

    def get_state(self, arn: str) -> FaultDecision:
        """What happens to the execution's next call, for a page of its state."""
        return self._call(arn, _READING)

    def begin_invocation(self, arn: str) -> bool:
        """The execution's next invocation begins; whether its event is delivered twice."""
        with self._lock:
            execution, number = self._count(_INVOCATIONS, arn)
            hit = self._hits(_OF_INVOCATIONS, _INVOCATIONS, execution, number)
            self._shuffles.pop(arn, None)
            if Fault.REORDER_PAGES in hit:
                self._shuffles[arn] = self._random("order", execution, number)
            return Fault.DUPLICATE_INVOCATION in hit

    def shuffle(self, arn: str) -> random.Random | None:
        """What decides the order that the current invocation reads in; None leaves it."""
        return self._shuffles.get(arn)

    def _call(self, arn: str, possible: Iterable[Fault]) -> FaultDecision:
        with self._lock:
            execution, number = self._count(_CALLS, arn)
            slow = self._hits((Fault.SLOW,), _CALLS, execution, number)
            delay = self.faults.slow_seconds if slow else 0.0
            # A key that may not be used now may not be used a moment later.
            if execution in self._without_key:
                return FaultDecision(Fault.KMS_ERROR, delay)
            hit = self._hits(possible, _CALLS, execution, number, at_most=1)
            if Fault.KMS_ERROR in hit:
                self._without_key.add(execution)
            return FaultDecision(hit[0] if hit else None, delay)

    def _count(self, what: str, arn: str) -> tuple[int, int]:
        execution = self._executions.setdefault(arn, len(self._executions) + 1)
        self._counts[what, execution] += 1
        return execution, self._counts[what, execution]

    def _hits(
        self,
        faults: Iterable[Fault],
        what: str,
        execution: int,
        number: int,
        at_most: int | None = None,
    ) -> list[Fault]:
        hit = [fault for fault in faults if self._is_hit(fault, execution, number)][:at_most]
        for fault in hit:
            injected = InjectedFault(fault, execution, what, number)
            self.injected.append(injected)
            # Test tools show warnings of failed tests: with this one the run can be repeated.
            _log.warning("fault injected: %s, by %r", injected, self.faults)
        return hit

    def _is_hit(self, fault: Fault, execution: int, number: int) -> bool:
        chance = self.faults.chance(fault)
        if isinstance(chance, int | float):
            return chance > 0 and self._random(fault, execution, number).random() < chance
        return number in chance

    def _random(self, purpose: str, execution: int, number: int) -> random.Random:
        """Of its own for each decision, so that none depends on how others are interleaved."""
        return random.Random(f"{self.faults.seed}/{purpose}/{execution}/{number}")
