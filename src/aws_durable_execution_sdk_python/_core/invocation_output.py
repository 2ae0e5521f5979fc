"""What an invocation of a durable function came to, as Lambda is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._core.model import ErrorObject, Status


@dataclass(frozen=True)
class DurableExecutionInvocationOutput:
    """A durable function's response to Lambda.

    Attributes:
        status: SUCCEEDED, FAILED or PENDING; RETRY for an invocation that gave no response.
        result: what the execution succeeded with, as JSON text.
        error: what it failed with, or the invocation.

    Example:
        >>> DurableExecutionInvocationOutput.create_succeeded('"done"').to_dict()
        {'Status': 'SUCCEEDED', 'Result': '"done"'}
    """

    status: Status
    result: str | None = None
    error: ErrorObject | None = None

    @classmethod
    def create_succeeded(cls, result: str) -> DurableExecutionInvocationOutput:
        """The execution has succeeded, with this JSON text."""
        return cls(Status.SUCCEEDED, result)

    @classmethod
    def create_pending(cls) -> DurableExecutionInvocationOutput:
        """Other invocations follow."""
        return cls(Status.PENDING)

    @classmethod
    def create_retry(cls, error: ErrorObject) -> DurableExecutionInvocationOutput:
        """The invocation has raised, and is repeated."""
        return cls(Status.RETRY, error=error)

    @classmethod
    def from_dict(cls, data: Wire) -> DurableExecutionInvocationOutput:
        error = data.get("Error")
        return cls(
            Status(data["Status"]),
            data.get("Result"),
            None if error is None else ErrorObject.from_dict(error),
        )

    def to_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"Status": self.status.value}
        if self.result is not None:
            out["Result"] = self.result
        if self.error is not None:
            out["Error"] = self.error.to_dict()
        return out
