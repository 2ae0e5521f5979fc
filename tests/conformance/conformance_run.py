"""Runs a handler as a requirement says, on a local service of its own.

Time is virtual, also for the external system that answers callbacks: it is a durable function
itself, on the same service, and waits out its delays with `context.wait`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conformance_requirements import CallbackAction, Requirement

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing.clock import RealClock, VirtualClock
from aws_durable_execution_sdk_python_testing.engine import (
    Crashed,
    Invocation,
    InvokeFunction,
    Returned,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing.invoker import (
    FunctionResult,
    Handler,
    InProcessInvoker,
    Service,
)
from aws_durable_execution_sdk_python_testing.local import LocalService
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore

_FUNCTION = "conformance"
_EXTERNAL_SYSTEM = "external-system"
# Real seconds after which something that does not come is an error instead of a hanging test.
_PATIENCE = 60.0


class Outside:
    """What a function finds unchanged after its process has crashed."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._visited = False

    def first_visit(self) -> bool:
        """Whether nobody has asked before."""
        first, self._visited = not self._visited, True
        return first

    def await_step_start(self) -> None:
        """Block until the service has recorded that a step has started."""
        assert self._started.wait(_PATIENCE), "no step was recorded as started"

    def note(self, updates: list[Mapping[str, Any]]) -> None:
        """Take notice of updates that the service has recorded."""
        if any((update["Type"], update["Action"]) == ("STEP", "START") for update in updates):
            self._started.set()


class _ObservedService:
    """The service as handlers see it; tells `Outside` what has been recorded."""

    def __init__(self, service: Service, outside: Outside) -> None:
        self.clock = service.clock
        self.invocation_timeout = service.invocation_timeout
        self.get_state = service.get_state
        self._service = service
        self._outside = outside

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        answer = self._service.checkpoint(arn, body)
        self._outside.note(body["Updates"])
        return answer


class _ExternalSystem:
    """Acts on callbacks by name, each action in an execution of its own."""

    def __init__(self, service: LocalService, actions: list[CallbackAction]) -> None:
        self._service = service
        self._left = actions
        self._started: list[str] = []

    def look_for_callbacks(self, arn: str) -> None:
        """Start the actions on the callbacks that have been created by now."""
        operations = self._service.operations(arn)
        created = {one.get("Name") for one in operations if one["Type"] == "CALLBACK"}
        due = [action for action in self._left if action.callback_name in created]
        self._left = [action for action in self._left if action not in due]
        for action in due:
            order = json.dumps({"arn": arn, **asdict(action)})
            request = StartExecution(function_name=_EXTERNAL_SYSTEM, input=order)
            self._started.append(self._service.start(request))

    def handler(self) -> Handler:
        """The durable function that performs one action."""
        service = self._service
        perform: dict[str, Callable[[str, Any], None]] = {
            "success": lambda key, it: service.callback_succeed(key, json.dumps(it).encode()),
            "failure": service.callback_fail,
            "heartbeat": lambda key, _: service.callback_heartbeat(key),
        }

        @durable_execution
        def act(event: dict[str, Any], context: DurableContext) -> None:
            arn, name = event["arn"], event["callback_name"]
            key = context.step(lambda _: service.wait_for_callback(arn, name, _PATIENCE))
            if event["delay"]:
                context.wait(seconds=event["delay"])
            context.step(lambda _: perform[event["operation"]](key, event["payload"]))

        return act

    def check_done(self) -> None:
        """Every action must have been taken, and accepted by the service."""
        assert not self._left, f"callbacks that were never created: {self._left}"
        for arn in self._started:
            self._service.wait_until_ended(arn, _PATIENCE)
            execution = self._service.execution(arn)
            assert execution["Status"] == "SUCCEEDED", execution


class _Functions:
    """Invokes the handler; after each invocation the external system sees the new callbacks."""

    def __init__(self, outside: Outside) -> None:
        self._invoker = InProcessInvoker()
        self._outside = outside
        self._external: _ExternalSystem | None = None

    def register(self, handler: Handler, external: _ExternalSystem) -> None:
        self._external = external
        self._invoker.register(_FUNCTION, handler)
        self._invoker.register(_EXTERNAL_SYSTEM, external.handler())

    def invoke(self, invocation: Invocation, service: Service) -> Returned | Crashed:
        if invocation.function_name.startswith(_EXTERNAL_SYSTEM):
            return self._invoker.invoke(invocation, service)
        outcome = self._invoker.invoke(invocation, _ObservedService(service, self._outside))
        assert self._external is not None
        self._external.look_for_callbacks(invocation.arn)
        return outcome

    def call(self, call: InvokeFunction, service: Service) -> FunctionResult:
        return self._invoker.call(call, service)


@dataclass(frozen=True)
class Recording:
    """What the service says of an execution."""

    arn: str
    execution: Mapping[str, Any]
    events: list[dict[str, Any]]

    @property
    def result(self) -> Any:
        """The decoded result."""
        return json.loads(self.execution["Result"])


def run(requirement: Requirement, make_handler: Callable[[Outside], Handler]) -> Recording:
    """Run a handler to its end.

    A requirement that expects no result describes an execution that is still waiting: it runs
    in real time, only until the last event listed is there.
    """
    running = requirement.result is None
    outside = Outside()
    functions = _Functions(outside)
    clock = RealClock(scale=1) if running else VirtualClock(scale=1)
    service = LocalService(functions, InMemoryExecutionStore(), clock=clock)
    external = _ExternalSystem(service, list(requirement.actions))
    functions.register(make_handler(outside), external)
    try:
        request = StartExecution(function_name=_FUNCTION, input=json.dumps(requirement.input))
        arn = service.start(request)
        if running:
            last = requirement.events[-1]["EventId"]
            next(event for event in service.follow(arn) if event["EventId"] == last)
        else:
            service.wait_until_ended(arn, _PATIENCE)
            external.check_done()
        return Recording(arn, service.execution(arn), service.history(arn))
    finally:
        service.close()
