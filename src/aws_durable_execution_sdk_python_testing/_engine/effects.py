"""What the engine asks of its driver. It never does anything itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class InvokeHandler:
    """The execution needs an invocation now: `begin_invocation`, call it, `end_invocation`."""

    arn: str
    function_name: str


@dataclass(frozen=True, slots=True)
class InvokeFunction:
    """Call a plain function once with `payload` (JSON text), then `complete_invoke`.

    `lambda_endpoint` is the `chained_endpoint` the invoking execution started with.
    `client_context` is what a caller of Invoke sent along, a JSON object as text.
    """

    arn: str
    operation_id: str
    function_name: str
    payload: str
    tenant_id: str | None = None
    trace_header: str | None = None
    lambda_endpoint: str | None = None
    client_context: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionEnded:
    """The execution has its final status, and its history its last event."""

    arn: str


Effect = InvokeHandler | InvokeFunction | ExecutionEnded
