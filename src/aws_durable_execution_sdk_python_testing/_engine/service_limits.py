"""The service's limits. Each can be overridden; all are on by default."""

from __future__ import annotations

from dataclasses import dataclass, replace

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
# Consecutive failed invocations after which an execution fails where time is skipped.
SKIPPED_TIME_ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one engine. Sizes are UTF-8 bytes, times are seconds.

    Attributes:
        operations: operations of one execution: its start, retries and failed invocations count
            too; the checkpoint that exceeds
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
        marker_lifetime: how long a page's marker is good for.
        written_bytes: data that one execution may store, all in all; as for `operations`.
        invoke_depth: how often a function may be among those that invoke it, one another by
            chained invokes; the next such invoke fails. One that invokes itself would go on for
            ever, also once the first execution has been stopped.
        invocation_attempts: consecutive crashed invocations after which an execution fails; None
            goes on until its time-out, as the service does (with skipped time, 5 times).
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
    marker_lifetime: float = 24 * 60 * 60.0
    written_bytes: int = 100 * MIB
    invoke_depth: int = 16
    invocation_attempts: int | None = None
    empty_pending_attempts: int = MAX_EMPTY_PENDINGS
    invocation_retry_initial: float = 1.0
    invocation_retry_maximum: float = 60.0

    def with_skipped_time(self) -> Limits:
        """These limits, where time is skipped: failing invocations would follow without a pause."""
        attempts = self.invocation_attempts or SKIPPED_TIME_ATTEMPTS
        return replace(self, invocation_attempts=attempts)

    def invocation_delay(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th consecutive failed invocation."""
        # 2.0 ** 1024 is no float any more, and the maximum is reached long before.
        doubled = self.invocation_retry_initial * 2.0 ** min(failures - 1, 64)
        return min(doubled, self.invocation_retry_maximum)
