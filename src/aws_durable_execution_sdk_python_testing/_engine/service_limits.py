"""The service's limits. Each can be overridden; all are on by default."""

from __future__ import annotations

from dataclasses import dataclass

from aws_durable_execution_sdk_python._core.batching import MAX_BYTES, MAX_UPDATES
from aws_durable_execution_sdk_python._core.limits import (
    MAX_EMPTY_PENDINGS,
    MAX_ERROR_BYTES,
    MAX_OPERATIONS,
    MAX_PAYLOAD_BYTES,
    MAX_RESULT_BYTES,
    MAX_STEP_BYTES,
    MIB,
)

# Days an execution is kept after its end.
MAX_RETENTION_DAYS = 90
DEFAULT_RETENTION_DAYS = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one engine. Sizes are UTF-8 bytes, times are seconds.

    Attributes:
        operations: operations of one execution, retries counted; the checkpoint that exceeds
            it is refused and fails the execution.
        step_bytes: payload of one update of a step, the state of a condition included.
        payload_bytes: payload of one update of another operation, of a callback's result and of a
            chained invoke's input and output; also input and result of an asynchronously started
            execution. That of a context was never measured on the service.
        execution_payload_bytes: input and result of a synchronously started execution.
        error_bytes: an error object in its JSON form.
        batch_updates, batch_bytes: what SDKs put into one checkpoint at most; larger ones are
            accepted, with a warning in the log.
        page_bytes: operations in one invocation event or page of state, in JSON form.
        client_token_window: how long a checkpoint's client token replays its answer.
        invocation_attempts: consecutive crashed invocations after which an execution fails.
        empty_pending_attempts: consecutive PENDING answers with nothing pending after which
            an execution fails.
        invocation_retry_initial, invocation_retry_maximum: the delay before the first
            re-invocation, doubled for each further one up to the maximum.

    Example:
        >>> Limits(operations=10_000).operations
        10000
    """

    operations: int = MAX_OPERATIONS
    step_bytes: int = MAX_STEP_BYTES
    payload_bytes: int = MAX_PAYLOAD_BYTES
    execution_payload_bytes: int = MAX_RESULT_BYTES
    error_bytes: int = MAX_ERROR_BYTES
    batch_updates: int = MAX_UPDATES
    batch_bytes: int = MAX_BYTES
    page_bytes: int = 5 * MIB
    client_token_window: float = 15 * 60.0
    invocation_attempts: int = 5
    empty_pending_attempts: int = MAX_EMPTY_PENDINGS
    invocation_retry_initial: float = 1.0
    invocation_retry_maximum: float = 60.0

    def invocation_delay(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th consecutive failed invocation."""
        return min(
            self.invocation_retry_initial * 2.0 ** (failures - 1), self.invocation_retry_maximum
        )
