"""Say that a function of the user's has failed in an operation."""

from __future__ import annotations

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._kernel.failure_log import UserFailure
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position


def report_failure(
    runtime: Runtime,
    position: Position,
    identity: OperationIdentity,
    error: BaseException,
    *,
    what: str,
    attempt: int | None = None,
    retry_seconds: int | None = None,
) -> None:
    """Log a failure, with the keys of its operation.

    Parameters:
        position: of the context whose logger writes it.
        what: a step, a check and so on.
        attempt: which one has failed; None where there is only one.
        retry_seconds: when the next one is due; None if there is none.
    """
    keys, what = position.log_info(identity, attempt).extra(), f"{what} {identity.shown}"
    runtime.report(position, UserFailure(what, error, keys, attempt, retry_seconds))
