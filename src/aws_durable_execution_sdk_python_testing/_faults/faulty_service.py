"""A faulty service for handlers in the same process, and what delivers their events."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, Protocol

from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvokeFunction,
    Returned,
)
from aws_durable_execution_sdk_python_testing._faults.fault_plan import FaultPlan
from aws_durable_execution_sdk_python_testing._faults.faulty_calls import FaultyCalls, RevocableApi
from aws_durable_execution_sdk_python_testing._faults.shuffled_pages import shuffled_event
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
    Invoker,
)
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock


class RevocableService(HandlerService, RevocableApi, Protocol):
    """What a faulty service is made of."""


class FaultyService:
    """A `HandlerService` some of whose calls fail.

    Parameters:
        service: carries the calls out.
        plan: says which of them fail, and how.
    """

    def __init__(self, service: RevocableService, plan: FaultPlan) -> None:
        self._service = service
        self._plan = plan
        self._calls = FaultyCalls(service, plan)

    @property
    def clock(self) -> RealClock:
        return self._service.clock

    @property
    def invocation_timeout(self) -> float:
        return self._service.invocation_timeout

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        decision = self._plan.checkpoint(arn)
        self._delay(decision.delay)
        return self._calls.checkpoint(decision, arn, body)

    def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        decision = self._plan.get_state(arn)
        self._delay(decision.delay)
        return self._calls.get_state(decision, arn, checkpoint_token, marker, max_items)

    def _delay(self, seconds: float) -> None:
        clock = self._service.clock
        if clock.skips_waiting:
            clock.jump_to(clock.now() + seconds)
        else:
            time.sleep(seconds)


class FaultyInvoker:
    """An `Invoker` that delivers some events twice, or with their operations in disorder.

    Parameters:
        invoker: performs the invocations.
        plan: says which of them are hit.
    """

    def __init__(self, invoker: Invoker, plan: FaultPlan) -> None:
        self._invoker = invoker
        self._plan = plan

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        duplicate = self._plan.begin_invocation(invocation.arn)
        shuffle = self._plan.shuffle(invocation.arn)
        if shuffle is not None:
            event = shuffled_event(invocation.event, shuffle)
            invocation = dataclasses.replace(invocation, event=event)
        outcome = self._invoker.invoke(invocation, service)
        if duplicate:
            self._invoker.invoke(invocation, service)
        return outcome

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult:
        return self._invoker.call(call, service)
