"""Runs a handler as a requirement says, on a durable service of its own.

Where time is virtual, it is so for the external system that answers callbacks too: it is a
durable function itself, on the same service, and waits out its delays with `context.wait`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from conformance_requirements import CallbackAction, Requirement
from conformance_services import PATIENCE, Open, Service

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler

_FUNCTION = "conformance"
_EXTERNAL_SYSTEM = "external-system"


class Outside:
    """What a function finds unchanged after its process has crashed."""

    def __init__(self) -> None:
        self._service: Service | None = None
        self._arn = ""
        self._visited = False

    @property
    def service(self) -> Service:
        assert self._service is not None, "the service is not open yet"
        return self._service

    def connect(self, service: Service) -> None:
        """Say which service the function runs on."""
        self._service = service

    def note(self, arn: str) -> None:
        """Take notice of the execution the function works for."""
        self._arn = arn

    def first_visit(self) -> bool:
        """Whether nobody has asked before."""
        first, self._visited = not self._visited, True
        return first

    def await_step_start(self) -> None:
        """Block until the service has recorded that a step has started."""
        events = self.service.local.follow(self._arn)
        next(event for event in events if event["EventType"] == "StepStarted")


class _ExternalSystem:
    """Acts on callbacks by name, each action in an execution of its own."""

    def __init__(self, outside: Outside, actions: list[CallbackAction]) -> None:
        self._outside = outside
        self._left = actions
        self._started: list[str] = []

    def beside(self, handler: Handler) -> Handler:
        """The handler; after each invocation the external system sees the new callbacks."""

        @functools.wraps(handler)
        def invoke(event: Any, context: Any) -> Any:
            arn = event.durable_execution_arn
            self._outside.note(arn)
            try:
                return handler(event, context)
            finally:
                self._look_for_callbacks(arn)

        return invoke

    def _look_for_callbacks(self, arn: str) -> None:
        """Start the actions on the callbacks that have been created by now."""
        if not self._left:
            return
        service = self._outside.service
        events = service.history(arn)
        created = {one.get("Name") for one in events if one["EventType"] == "CallbackStarted"}
        due = [action for action in self._left if action.callback_name in created]
        self._left = [action for action in self._left if action not in due]
        for action in due:
            order = json.dumps({"arn": arn, **asdict(action)})
            self._started.append(service.start(_EXTERNAL_SYSTEM, order))

    def handler(self) -> Handler:
        """The durable function that performs one action."""

        def find(arn: str, name: str) -> str:
            return self._outside.service.local.wait_for_callback(arn, name, PATIENCE)

        @durable_execution
        def act(event: dict[str, Any], context: DurableContext) -> None:
            key = context.step(lambda _: find(event["arn"], event["callback_name"]))
            if event["delay"]:
                context.wait(seconds=event["delay"])
            context.step(lambda _: self._perform(event["operation"], key, event["payload"]))

        return act

    def _perform(self, operation: str, callback_id: str, payload: Any) -> None:
        service = self._outside.service
        match operation:
            case "success":
                service.callback_succeed(callback_id, json.dumps(payload).encode())
            case "failure":
                service.callback_fail(callback_id, payload)
            case "heartbeat":
                service.callback_heartbeat(callback_id)
            case _:
                raise ValueError(operation)

    def check_done(self) -> None:
        """Every action must have been taken, and accepted by the service."""
        assert not self._left, f"callbacks that were never created: {self._left}"
        service = self._outside.service
        for arn in self._started:
            service.local.wait_until_ended(arn, PATIENCE)
            execution = service.execution(arn)
            assert execution["Status"] == "SUCCEEDED", execution


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


def run(
    requirement: Requirement, make_handler: Callable[[Outside], Handler], open_service: Open
) -> Recording:
    """Run a handler to its end.

    A requirement that expects no result describes an execution that is still waiting: it runs
    in real time, only until the last event listed is there.
    """
    running = requirement.result is None
    outside = Outside()
    external = _ExternalSystem(outside, list(requirement.actions))
    functions = {
        _FUNCTION: external.beside(make_handler(outside)),
        _EXTERNAL_SYSTEM: external.handler(),
    }
    with open_service(functions, skip_time=not running) as service:
        outside.connect(service)
        payload = json.dumps(requirement.input)
        if running:
            arn = service.start(_FUNCTION, payload)
            last = requirement.events[-1]["EventId"]
            next(event for event in service.local.follow(arn) if event["EventId"] == last)
        else:
            arn = service.invoke(_FUNCTION, payload)
            external.check_done()
        return Recording(arn, service.execution(arn), service.history(arn))
