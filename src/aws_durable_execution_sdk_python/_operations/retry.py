"""with_retry: try a whole piece of durable code again, waiting durably in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.decisions import retry_decision
from aws_durable_execution_sdk_python._operations.wait import run_wait, take_wait
from aws_durable_execution_sdk_python.exceptions import UnrecoverableError
from aws_durable_execution_sdk_python.retries import RetryStrategy


async def run_attempts(
    runtime: Runtime,
    position: Position,
    kind: Kind,
    function: Callable[..., Any],
    strategy: RetryStrategy,
    name: str | None,
) -> Any:
    """Call `function(context, attempt)` until it returns or the strategy gives up.

    Attempts share one context: each one's operations continue the numbering of the one before.
    """
    attempt = 1
    while True:
        try:
            return await runtime.enter(kind, position, function, attempt)
        except UnrecoverableError:
            raise
        except Exception as error:
            decision = retry_decision(name, strategy, error, attempt)
            if not decision.should_retry:
                raise
        backoff = f"{name}-backoff-{attempt}" if name else f"backoff-{attempt}"
        await run_wait(runtime, take_wait(position, backoff), max(1, decision.delay.seconds))
        attempt += 1
