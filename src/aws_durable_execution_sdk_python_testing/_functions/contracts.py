"""What the service and those that call its functions need of each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvokeFunction,
    Returned,
)
from aws_durable_execution_sdk_python_testing._time.clocks import RealClock


class HandlerApi(Protocol):
    """The calls of the service that a running handler makes."""

    def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]: ...

    def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]: ...


Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True, slots=True)
class FunctionResult:
    """What a plain function answered.

    Attributes:
        result: a JSON text.
        error: a wire error object.
        unanswered_after: the seconds the function had, if what runs it gave no answer at all;
            `error` then says why.
    """

    result: str | None = None
    error: dict[str, Any] | None = None
    unanswered_after: float | None = None


class HandlerService(HandlerApi, Protocol):
    """What an invoker needs of the service."""

    @property
    def clock(self) -> RealClock: ...

    @property
    def invocation_timeout(self) -> float: ...


class Invoker(Protocol):
    """Performs invocations. Calls block until the function has answered, and never raise."""

    def invoke(
        self, invocation: HandlerInvocation, service: HandlerService
    ) -> Returned | Crashed: ...

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult: ...
