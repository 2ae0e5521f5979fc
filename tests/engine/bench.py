"""An engine driven by hand: the tests' clock, and the calls a handler would make."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    Effect,
    Engine,
    HandlerInvocation,
    Limits,
    Returned,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing.stores import EventStore, InMemoryExecutionStore

START_TIME = 1_000.0
EXIT_ERROR = {"ErrorType": "Runtime.ExitError", "ErrorMessage": "exit status 1"}
FAILURE = {"ErrorType": "ValueError", "ErrorMessage": "no"}


class Bench:
    """An engine, its clock, and what it asked for."""

    def __init__(
        self, store: EventStore | None = None, limits: Limits | None = None, now: float = START_TIME
    ) -> None:
        numbers = itertools.count(1)
        self.store = InMemoryExecutionStore() if store is None else store
        self.engine = Engine(
            self.store, limits=limits or Limits(), new_id=lambda: f"id-{next(numbers)}"
        )
        self.now = now

    def start(self, **request: Any) -> Handler:
        """Start an execution of `f` and take up its first invocation."""
        handler = Handler(self, self.start_only(**request))
        self.engine.take_effects()
        handler.begin()
        return handler

    def start_only(self, **request: Any) -> str:
        given = {"function_name": "f", "input": "{}", **request}
        return self.engine.start_execution(StartExecution(**given), self.now).arn

    def advance(self, seconds: float) -> list[Effect]:
        """Let time pass, stopping at every deadline on the way; what became necessary."""
        end = self.now + seconds
        while (due := self.engine.next_deadline()) is not None and due <= end:
            self.now = due
            self.engine.fire_due(due)
        self.now = end
        return self.engine.take_effects()


class Handler:
    """One execution, seen from the handler's side."""

    def __init__(self, bench: Bench, arn: str) -> None:
        self.bench, self.arn = bench, arn
        self.invocation: HandlerInvocation
        self.token: str | None = None

    # ------------------------------------------------------------------ what a handler does

    def begin(self) -> dict[str, Any]:
        self.invocation = self.bench.engine.begin_invocation(self.arn, self.bench.now)
        event: dict[str, Any] = json.loads(json.dumps(self.invocation.event))
        self.token = event["CheckpointToken"]
        return event

    def checkpoint(self, *updates: Mapping[str, Any], **body: Any) -> list[dict[str, Any]]:
        """The operations the checkpoint answers with."""
        operations: list[dict[str, Any]] = self.answer(*updates, **body)["NewExecutionState"][
            "Operations"
        ]
        return operations

    def answer(self, *updates: Mapping[str, Any], **body: Any) -> dict[str, Any]:
        sent = {"CheckpointToken": self.token, "Updates": list(updates), **body}
        answer = self.bench.engine.checkpoint(self.arn, sent, self.bench.now)
        self.token = answer.get("CheckpointToken")
        decoded: dict[str, Any] = json.loads(json.dumps(answer))
        return decoded

    def returns(self, output: Any) -> None:
        self._end(Returned(output))

    def suspends(self) -> None:
        self.returns({"Status": "PENDING"})

    def succeeds(self, result: str | None = "1") -> None:
        self.returns({"Status": "SUCCEEDED", "Result": result})

    def fails(self) -> None:
        self.returns({"Status": "FAILED", "Error": FAILURE})

    def crashes(self, error: Mapping[str, Any] = EXIT_ERROR) -> None:
        self._end(Crashed(error))

    def _end(self, outcome: Returned | Crashed) -> None:
        engine, now = self.bench.engine, self.bench.now
        engine.end_invocation(self.arn, self.invocation.request_id, outcome, now)

    # --------------------------------------------------------------------- what became of it

    @property
    def status(self) -> str:
        return str(self.described["Status"])

    @property
    def described(self) -> dict[str, Any]:
        return self.bench.engine.get_execution(self.arn)

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.bench.engine.get_history(self.arn, max_items=1000)[
            "Events"
        ]
        return events

    @property
    def event_types(self) -> list[str]:
        return [event["EventType"] for event in self.events]

    def details(self, event_type: str, index: int = 0) -> dict[str, Any]:
        """Details of the `index`-th event of that type."""
        found = [event for event in self.events if event["EventType"] == event_type]
        details: dict[str, Any] = found[index][f"{event_type}Details"]
        return details

    def operation(self, operation_id: str) -> dict[str, Any]:
        return next(
            operation
            for operation in self.bench.engine.operations(self.arn)
            if operation["Id"] == operation_id
        )

    def callback_id(self, operation_id: str = "c") -> str:
        return str(self.operation(operation_id)["CallbackDetails"]["CallbackId"])


# -------------------------------------------------------------------------------- updates


def update(kind: str, action: str, key: str, **members: Any) -> dict[str, Any]:
    return {"Id": key, "Type": kind, "Action": action, **members}


def step(action: str, key: str = "s", **members: Any) -> dict[str, Any]:
    return update("STEP", action, key, **{"SubType": "Step", **members})


def retry(key: str = "s", delay: int = 5, **members: Any) -> dict[str, Any]:
    return step("RETRY", key, StepOptions={"NextAttemptDelaySeconds": delay}, **members)


def context(action: str, key: str = "x", **members: Any) -> dict[str, Any]:
    return update("CONTEXT", action, key, **{"SubType": "RunInChildContext", **members})


def wait(seconds: int = 10, key: str = "w", **members: Any) -> dict[str, Any]:
    options = {"WaitSeconds": seconds}
    return update("WAIT", "START", key, SubType="Wait", WaitOptions=options, **members)


def callback(
    key: str = "c", timeout: int = 0, heartbeat: int = 0, **members: Any
) -> dict[str, Any]:
    options = {"TimeoutSeconds": timeout, "HeartbeatTimeoutSeconds": heartbeat}
    return update("CALLBACK", "START", key, SubType="Callback", CallbackOptions=options, **members)


def invoke(function_name: str = "g", key: str = "i", **members: Any) -> dict[str, Any]:
    options = {"FunctionName": function_name, **members.pop("options", {})}
    return update(
        "CHAINED_INVOKE",
        "START",
        key,
        SubType="ChainedInvoke",
        ChainedInvokeOptions=options,
        **members,
    )


def end_execution(action: str = "SUCCEED", **members: Any) -> dict[str, Any]:
    return update("EXECUTION", action, "execution-result-1", **members)
