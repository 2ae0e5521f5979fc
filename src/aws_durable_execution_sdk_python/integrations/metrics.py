"""What is counted of an invocation, wherever the numbers go.

`MetricsPlugin` counts and gives the numbers to `emit` when the invocation ends; the integrations
for OpenTelemetry and for CloudWatch write them down.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple

from aws_durable_execution_sdk_python._core.arns import FunctionArn, function_part
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPlugin,
    InvocationEndInfo,
    InvocationStartInfo,
    InvocationStatus,
    OperationEndInfo,
    OperationStartInfo,
    ServiceCallInfo,
    UserFunctionStartInfo,
)

_ENDED = (InvocationStatus.SUCCEEDED, InvocationStatus.FAILED)


class OperationKind(NamedTuple):
    """Which operations are counted together: by what they are and how they ended."""

    sub_type: str
    status: str


class Measurements(NamedTuple):
    """The numbers of one invocation.

    Attributes:
        function_name, qualifier: the function, and its version.
        status: how the invocation ended.
        execution_seconds: how long the execution took, if it has ended.
        operations: how many operations ended.
        retries: how many attempts of steps and checks were not the first.
        replay_milliseconds: until the invocation did something new; None if it never did.
        service_calls: how many calls of the service there were, by action.
        service_errors: how many of them failed.
        checkpoint_bytes: how large the updates were that they saved.
    """

    function_name: str
    qualifier: str
    status: InvocationStatus
    execution_seconds: float | None
    operations: dict[OperationKind, int]
    retries: int
    replay_milliseconds: float | None
    service_calls: dict[str, int]
    service_errors: int
    checkpoint_bytes: int


class MetricsPlugin(DurableInstrumentationPlugin):
    """Counts what one invocation does.

    Operations may run in several threads: each list is only appended to, and counted at the end.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._is_replay = False
        self._replayed: list[float] = []
        self._operations: list[OperationKind] = []
        self._retries: list[int] = []
        self._calls: list[ServiceCallInfo] = []

    def emit(self, measurements: Measurements) -> None:
        """Write the numbers down."""
        raise NotImplementedError

    def on_invocation_start(self, info: InvocationStartInfo) -> None:
        self._began = time.monotonic()
        self._is_replay = not info.is_first_invocation

    def on_operation_start(self, info: OperationStartInfo) -> None:
        if not info.is_replayed:
            self._is_new()

    def on_user_function_start(self, info: UserFunctionStartInfo) -> None:
        if info.attempt is not None:
            self._is_new()
            if info.attempt > 1:
                self._retries.append(info.attempt)

    def _is_new(self) -> None:
        if self._is_replay and not self._replayed:
            self._replayed.append((time.monotonic() - self._began) * 1000)

    def on_operation_end(self, info: OperationEndInfo) -> None:
        if not info.is_replayed:
            kind = OperationKind(info.sub_type or info.operation_type.value, info.status.value)
            self._operations.append(kind)

    def on_service_call(self, info: ServiceCallInfo) -> None:
        self._calls.append(info)

    def on_invocation_end(self, info: InvocationEndInfo) -> None:
        function = FunctionArn.parse(function_part(info.execution_arn or ""))
        seconds, began = None, info.execution_start_time
        if info.status in _ENDED and began is not None:
            seconds = max(0.0, (datetime.now(UTC) - began).total_seconds())
        self.emit(
            Measurements(
                function.name,
                function.qualifier or "$LATEST",
                info.status,
                seconds,
                dict(Counter(self._operations)),
                len(self._retries),
                self._replayed[0] if self._replayed else None,
                dict(Counter(call.action for call in self._calls)),
                sum(call.error is not None for call in self._calls),
                sum(call.update_bytes for call in self._calls),
            )
        )
