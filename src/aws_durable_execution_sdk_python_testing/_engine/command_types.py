"""What the engine's commands take and return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine.function_targets import DEFAULT_QUALIFIER


@dataclass(frozen=True, slots=True, kw_only=True)
class StartExecution:
    """A request to start an execution of a durable function.

    Attributes:
        function_name: the function's name, `name:qualifier`, or its partial or full ARN.
        qualifier: version or alias, where the name has none; `$LATEST` by default.
        execution_name: unique per function; None takes a fresh one. The same name with the
            same payload answers with the existing execution.
        input: the event as JSON text; None is an empty payload.
        execution_timeout: seconds, 1 to 31622400; None takes the registered target's, else
            the maximum.
        retention_period_days: 1 to 90; None takes the registered target's, else 14.
        account_id: owner of the function; None takes the engine's.
        tenant_id: whom the function works for; handed to every invocation.
        trace_header: the X-Ray header; handed to every invocation and to chained invokes.
        client_context: what a caller that waits says of itself, a JSON object as text; handed to
            every invocation, so that a replay finds what the first run found.
        asynchronous: started without a caller that waits; lowers the payload limits.
        lambda_endpoint: where the handler is to be invoked; kept for the driver, not read.
        chained_endpoint: where functions this execution invokes are to be called, as it is
            when the execution starts; kept for the driver, not read.
    """

    function_name: str
    qualifier: str = DEFAULT_QUALIFIER
    execution_name: str | None = None
    input: str | None = None
    execution_timeout: int | None = None
    retention_period_days: int | None = None
    account_id: str | None = None
    tenant_id: str | None = None
    trace_header: str | None = None
    client_context: str | None = None
    asynchronous: bool = False
    lambda_endpoint: str | None = None
    chained_endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """`created` is False when the name belonged to an execution with the same payload."""

    arn: str
    created: bool


@dataclass(frozen=True, slots=True)
class HandlerInvocation:
    """One invocation to perform: call the handler of `function_name` with `event`.

    `event` is the Lambda event (timestamps in epoch milliseconds). It shares structure with
    the engine: encode it or copy it, do not change it. `invoked_by` is the ARN and the operation
    of the chained invoke that the execution answers, if any.
    """

    arn: str
    function_name: str
    request_id: str
    event: dict[str, Any]
    lambda_endpoint: str | None = None
    tenant_id: str | None = None
    trace_header: str | None = None
    client_context: str | None = None
    invoked_by: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """The handler returned `output`, decoded from JSON; anything unreadable goes in as it is."""

    output: Any


@dataclass(frozen=True, slots=True)
class Crashed:
    """The invocation gave no output: function error, dead process or time-out.

    `error` is a wire error object, e.g. `{"ErrorType": "Sandbox.Timedout", ...}`. The type
    `ResourceNotFoundException` (no such function) is final; any other is retried.
    """

    error: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallbackInfo:
    """A callback as somebody who wants to answer it sees it.

    Attributes:
        name: the callback's own name.
        context_name: name of the context around it: what `wait_for_callback` was called.
        announced: whether the invocation that created it has ended, so that the handler's
            own code has had its chance to hand the id out.
        label: the name that its author gave: of `wait_for_callback`, or its own.
    """

    callback_id: str
    operation_id: str
    name: str | None
    context_name: str | None
    status: Status
    announced: bool
    label: str | None = None
