"""Ask the user's strategies, and check that they answer with a decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core.model import Operation
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python._retry_strategies import RetryDecision
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.waits import WaitForConditionDecision

T = TypeVar("T")
D = TypeVar("D", RetryDecision, WaitForConditionDecision)


def running_attempt(operation: Operation | None) -> int:
    """The number of the attempt or check that runs: the record counts those that ended."""
    if operation is None or operation.step_details is None:
        return 1
    return operation.step_details.attempt + 1


def retry_decision(
    name: str | None,
    strategy: Callable[[Any, int], object],
    error: BaseException,
    attempt: int,
) -> RetryDecision:
    """What the retry strategy of an operation of that name says about a failed attempt."""
    answer = Leaf(name, "retry strategy").call(strategy, error, attempt)
    return _checked(answer, RetryDecision, "retry strategy")


def wait_decision(
    name: str | None, strategy: Callable[[T, int], object], state: T, attempt: int
) -> WaitForConditionDecision:
    """What the wait strategy of an operation of that name says about a state."""
    answer = Leaf(name, "wait strategy").call(strategy, state, attempt)
    return _checked(answer, WaitForConditionDecision, "wait strategy")


def _checked(answer: object, kind: type[D], what: str) -> D:
    if not isinstance(answer, kind):
        raise ValidationError(f"a {what} must return a {kind.__name__}, got {kind_of(answer)}")
    return answer
