"""with_retry: try a whole piece of durable code again, waiting durably in between."""

from __future__ import annotations

from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import (
    Kind,
    UserFunction,
    context_kind,
    name_of,
)
from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python._kernel.completeness import asking_for_all
from aws_durable_execution_sdk_python._kernel.failure_log import UserFailure
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations.child import plan_child_body
from aws_durable_execution_sdk_python._operations.decisions import retry_decision
from aws_durable_execution_sdk_python._operations.planning import Plan, check_callable, chosen
from aws_durable_execution_sdk_python._operations.wait import run_wait, take_wait
from aws_durable_execution_sdk_python._retry_strategies import RetryStrategy, create_retry_strategy
from aws_durable_execution_sdk_python.config import ChildConfig, WithRetryConfig
from aws_durable_execution_sdk_python.exceptions import UnrecoverableError, ValidationError

T = TypeVar("T")

_DEFAULT = WithRetryConfig()
_CHILD: ChildConfig[Any] = ChildConfig()


def plan_retry(
    position: Position,
    parent: Kind,
    func: UserFunction[T],
    name: str | None,
    config: WithRetryConfig | None,
) -> Plan[T]:
    check_callable("with_retry", func)
    settings = chosen("with_retry", config, _DEFAULT)
    strategy = settings.retry_strategy or create_retry_strategy()
    name = validation.operation_name(name or name_of(func))
    if name:
        validation.operation_name(f"{name}-backoff-999")
    kind = context_kind(func, parent)
    if kind is not parent and not settings.wrap_with_run_in_child_context:
        raise ValidationError(
            f"with_retry without a child context runs {kind_of(func)} in the given context, which "
            f"is {parent.value}, but the function is {kind.value}: make both the same, or wrap"
        )

    def attempts(runtime: Runtime, inside: Position) -> Op[T]:
        return run_attempts(runtime, inside, kind, func, strategy, name)

    async def body(runtime: Runtime, inside: Position) -> T:
        return await asking_for_all(runtime, inside, attempts(runtime, inside))

    if not settings.wrap_with_run_in_child_context:
        return Plan(lambda runtime: attempts(runtime, position), kind)
    settings_inside = settings.child_context_config or _CHILD
    return plan_child_body(position, kind, name, settings_inside, func, body)


async def run_attempts(
    runtime: Runtime,
    position: Position,
    kind: Kind,
    function: UserFunction[T],
    strategy: RetryStrategy,
    name: str | None,
) -> T:
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
            wait, seconds = take_wait(position, backoff), max(1, decision.delay.seconds)
            if runtime.recorded(wait.operation_id) is None:  # else this is a repetition
                what = "with_retry" if name is None else f"with_retry {name!r}"
                keys = position.log_info(wait, attempt).extra()
                runtime.report(position, UserFailure(what, error, keys, attempt, seconds))
        await run_wait(runtime, wait, seconds)
        attempt += 1
