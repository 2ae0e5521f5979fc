"""What the operations of a program come to as the SDK's configurations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model_programs import Answer, Batch, Completion

from aws_durable_execution_sdk_python.config import CompletionConfig, NestingType
from aws_durable_execution_sdk_python.exceptions import StepInterruptedError
from aws_durable_execution_sdk_python.retries import RetryDecision

_CALLBACK_TIMEOUT_SECONDS = 5

_COMPLETION = {
    Completion.ALL: CompletionConfig.all_completed(),
    Completion.FAIL_FAST: CompletionConfig(),
    Completion.FIRST: CompletionConfig.first_successful(),
    Completion.TOLERATE_ONE: CompletionConfig(tolerated_failure_count=1),
}


def retrying(attempts: int) -> Callable[[Exception, int], RetryDecision]:
    """A strategy: retry up to so many attempts; an interruption is none of the code's failures."""

    def strategy(error: Exception, attempt: int) -> RetryDecision:
        if attempt < attempts or isinstance(error, StepInterruptedError):
            return RetryDecision.retry(1)
        return RetryDecision.no_retry()

    return strategy


def callback_times(answer: Answer) -> dict[str, int]:
    """The time limit, if any, that a callback runs into."""
    limited = {Answer.TIMEOUT: "timeout", Answer.SILENCE: "heartbeat_timeout"}
    return {limited[answer]: _CALLBACK_TIMEOUT_SECONDS} if answer in limited else {}


def batch_options(op: Batch) -> dict[str, Any]:
    """What map and parallel have in common."""
    return {
        "max_concurrency": op.max_concurrency,
        "completion_config": _COMPLETION[op.completion],
        "nesting_type": NestingType.FLAT if op.is_flat else NestingType.NESTED,
    }
