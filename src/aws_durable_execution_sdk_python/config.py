"""Configuration of the operations.

Every class is immutable and checks its values when it is made, so a mistake shows before anything
is checkpointed. Durations may be given as `Duration`, `datetime.timedelta` or whole seconds.
"""

# ruff: noqa: RUF009 - DurationField is a descriptor, made once per class on purpose

from __future__ import annotations

import enum
import warnings
from collections.abc import Callable
from dataclasses import KW_ONLY, InitVar, dataclass
from types import UnionType
from typing import Any, Generic, Literal, Never

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._batch_config import (
    BatchedInput,
    ItemBatcher,
    MapConfig,
    NestingType,
    ParallelBranch,
    ParallelConfig,
)
from aws_durable_execution_sdk_python._config_legacy import (
    ItemsPerBatchUnit,
    StepFuture,
    TerminationMode,
)
from aws_durable_execution_sdk_python._core import validation
from aws_durable_execution_sdk_python._core.completion import (
    BatchItemStatus,
    CompletionConfig,
    CompletionDecision,
    CompletionItemStatus,
    CompletionOutcome,
    CompletionStatus,
    complete_batch,
    continue_batch,
)
from aws_durable_execution_sdk_python._core.delays import (
    Duration,
    DurationField,
    DurationLike,
    JitterStrategy,
    TimeLimit,
    to_duration,
    to_seconds,
)
from aws_durable_execution_sdk_python._core.limits import MAX_CALLBACK_TIMEOUT_SECONDS
from aws_durable_execution_sdk_python._core.values.typed_serdes import checked_type
from aws_durable_execution_sdk_python._retry_strategies import RetryStrategy
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.serdes import AnySerDes, check_serdes

__all__ = [
    "BatchItemStatus",
    "BatchedInput",
    "CallbackConfig",
    "ChildConfig",
    "CompletionConfig",
    "CompletionDecision",
    "CompletionItemStatus",
    "CompletionOutcome",
    "CompletionStatus",
    "Duration",
    "DurationLike",
    "InvokeConfig",
    "ItemBatcher",
    "ItemsPerBatchUnit",
    "JitterStrategy",
    "MapConfig",
    "NestingType",
    "ParallelBranch",
    "ParallelConfig",
    "StepConfig",
    "StepFuture",
    "StepSemantics",
    "TerminationMode",
    "TimeLimit",
    "WaitForCallbackConfig",
    "WithRetryConfig",
    "complete_batch",
    "continue_batch",
    "to_duration",
]

P = TypeVar("P", default=Any)
R = TypeVar("R", default=Any)
# The result decides what these are of; without `serdes` a configuration fits any result.
T_co = TypeVar("T_co", default=Never, covariant=True)
# The configuration decides what the result is; without `serdes` it is unknown.
R_co = TypeVar("R_co", default=Any, covariant=True)


class StepSemantics(enum.StrEnum):
    """How often a step may run for one attempt when the function is interrupted.

    AT_LEAST_ONCE_PER_RETRY runs it again; AT_MOST_ONCE_PER_RETRY does not, and hands the
    interruption to the retry strategy.
    """

    AT_LEAST_ONCE_PER_RETRY = "AT_LEAST_ONCE_PER_RETRY"
    AT_MOST_ONCE_PER_RETRY = "AT_MOST_ONCE_PER_RETRY"


# ------------------------------------------------------------------------------- single operations


@dataclass(frozen=True)
class StepConfig(Generic[T_co]):
    """Configuration of `step`.

    Parameters:
        retry_strategy: decides after each failure; without one the first error is final.
        step_semantics: how often the step may run for one attempt.
        serdes: stores the result (default: JSON, see `serdes`).
        sub_type: shown in the execution's history instead of "Step", 1 to 32 characters.
        timeout: how long one attempt may run: a `Duration`, a timedelta or seconds, which may be
            a fraction (unlike delays, it is measured in this process, in real time also where a
            test skips waiting). An attempt that takes longer fails with `StepTimeoutError`, and
            the retry strategy decides as after any error. An async body is cancelled and has a
            second to clean up. A blocking one cannot be stopped: with a timeout it runs in a
            thread of its own, with the caller's context variables, which is abandoned - what it
            returns or raises later is ignored, but what it does still happens, perhaps beside the
            next attempt, or after the invocation if it lasts a second longer than that. Give
            the calls it blocks in timeouts of their own as well.

    Raises:
        ValidationError: a value is of the wrong kind, or `timeout` is not above 0.

    Example:
        >>> from aws_durable_execution_sdk_python.retries import RetryPresets
        >>> StepConfig(RetryPresets.transient(), timeout=2.5).step_semantics.value
        'AT_LEAST_ONCE_PER_RETRY'
    """

    retry_strategy: RetryStrategy | None = None
    step_semantics: StepSemantics = StepSemantics.AT_LEAST_ONCE_PER_RETRY
    serdes: AnySerDes[T_co] | None = None
    _: KW_ONLY
    sub_type: str | None = None
    timeout: TimeLimit | None = None

    def __post_init__(self) -> None:
        _check_retry_strategy(self.retry_strategy)
        check_serdes(self.serdes)
        validation.sub_type(self.sub_type)
        if self.timeout is not None and to_seconds(self.timeout) == 0:
            raise ValidationError(f"timeout must be above 0; got {self.timeout!r}")

    @property
    def timeout_seconds(self) -> float | None:
        """The limit of one attempt, in seconds; None without one."""
        return None if self.timeout is None else to_seconds(self.timeout)


@dataclass(frozen=True)
class ChildConfig(Generic[T_co]):
    """Configuration of `run_in_child_context`.

    Parameters:
        serdes: stores the result (default: JSON, see `serdes`).
        sub_type: shown in the execution's history instead of "RunInChildContext".
        summary_generator: makes the text that is stored in place of a result over 256 KiB; the
            function then runs again on replay to rebuild the result.
        is_virtual: group operations without an operation of its own: nothing is checkpointed
            for the context itself, and the function runs again on replay.

    Raises:
        ValidationError: `sub_type` is not 1 to 32 letters, digits, '-' or '_', or `serdes` is none.
    """

    serdes: AnySerDes[T_co] | None = None
    sub_type: str | None = None
    summary_generator: Callable[[T_co], str] | None = None
    is_virtual: bool = False

    def __post_init__(self) -> None:
        check_serdes(self.serdes)
        validation.sub_type(self.sub_type)


@dataclass(frozen=True)
class InvokeConfig(Generic[P, R]):
    """Configuration of `invoke`.

    Parameters:
        serdes_payload: writes the payload (default: JSON).
        serdes_result: reads the result (default: JSON).
        tenant_id: tenant the function is invoked for, if it isolates tenants.
        timeout: of the 1.4 releases, where it did not limit the call either. Deprecated.

    Raises:
        ValidationError: `tenant_id` is not what Lambda accepts, or a serdes is none.
    """

    serdes_payload: AnySerDes[P] | None = None
    serdes_result: AnySerDes[R] | None = None
    tenant_id: str | None = None
    _: KW_ONLY
    timeout: InitVar[DurationLike | None] = None

    def __post_init__(self, timeout: DurationLike | None) -> None:
        check_serdes(self.serdes_payload, "serdes_payload")
        check_serdes(self.serdes_result, "serdes_result")
        validation.tenant_id(self.tenant_id)
        if timeout is not None:
            _warn_without_effect(
                "InvokeConfig(timeout=...)", "limit the invoked function's execution time instead"
            )


@dataclass(frozen=True)
class CallbackConfig(Generic[R_co]):
    """Configuration of `create_callback`.

    Parameters:
        timeout: how long to wait for the callback; 0 (the default) waits without limit.
        heartbeat_timeout: longest time between heartbeats; 0 (the default) expects none.
        serdes: reads the result (default: JSON if it is valid JSON, else the raw string).
        result_type: what the result is read as, instead of a serdes: a class, `list[...]` and so
            on, from JSON or else from the raw text; see docs/values.md.
        sub_type: shown in the execution's history instead of "Callback".
        on_timeout: what a time-out means: "none" gives the result None, "raise" raises
            `CallbackTimeoutError`; by default as the handler's compatibility mode says, which
            is "none" unless that is "aws".

    Raises:
        ValidationError: a value is out of range or of the wrong kind, or both `serdes` and
            `result_type` are given.

    Example:
        >>> CallbackConfig(timeout=Duration.from_minutes(3)).timeout_seconds
        180
    """

    timeout: DurationField = DurationField(0, maximum=MAX_CALLBACK_TIMEOUT_SECONDS)
    heartbeat_timeout: DurationField = DurationField(0, maximum=MAX_CALLBACK_TIMEOUT_SECONDS)
    serdes: AnySerDes[R_co] | None = None
    _: KW_ONLY
    sub_type: str | None = None
    on_timeout: Literal["none", "raise"] | None = None
    result_type: type[R_co] | UnionType | None = None

    def __post_init__(self) -> None:
        check_serdes(self.serdes)
        validation.sub_type(self.sub_type)
        if self.result_type is not None:
            checked_type(self.result_type)
            if self.serdes is not None:
                raise ValidationError("a callback takes a serdes or a result_type, not both")
        if self.on_timeout not in ("none", "raise", None):
            raise ValidationError(f"on_timeout must be 'none' or 'raise', got {self.on_timeout!r}")

    @property
    def timeout_seconds(self) -> int:
        return self.timeout.seconds

    @property
    def heartbeat_timeout_seconds(self) -> int:
        return self.heartbeat_timeout.seconds


@dataclass(frozen=True)
class WaitForCallbackConfig(CallbackConfig[R_co]):
    """Configuration of `wait_for_callback`: that of the callback, and of its submitter.

    Parameters:
        retry_strategy: decides after each failure of the submitter. The others are those of
            `CallbackConfig`.
    """

    retry_strategy: RetryStrategy | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_retry_strategy(self.retry_strategy)


@dataclass(frozen=True, init=False)
class WithRetryConfig:
    """Configuration of `with_retry`.

    Parameters:
        retry_strategy: decides after each failed attempt (default: `create_retry_strategy()`).
        wrap_with_run_in_child_context: run the attempts in a child context of their own, the
            default. Otherwise they run directly in the given context, and the last error is
            raised as it is.
        child_context_config: of that child context.
        wrap_in_child_context: `wrap_with_run_in_child_context` by a shorter name.

    Raises:
        ValidationError: `retry_strategy` is not callable, a `child_context_config` is no
            `ChildConfig` or comes without a child context, or the two names contradict.
    """

    retry_strategy: RetryStrategy | None
    wrap_with_run_in_child_context: bool
    child_context_config: ChildConfig[Any] | None

    def __init__(
        self,
        retry_strategy: RetryStrategy | None = None,
        wrap_with_run_in_child_context: bool | None = None,
        child_context_config: ChildConfig[Any] | None = None,
        *,
        wrap_in_child_context: bool | None = None,
    ) -> None:
        _check_retry_strategy(retry_strategy)
        wraps = {wrap_with_run_in_child_context, wrap_in_child_context} - {None}
        if len(wraps) > 1:
            raise ValidationError(
                "wrap_with_run_in_child_context and wrap_in_child_context are two names of the "
                "same setting: give one of them"
            )
        _check_child_config(child_context_config, wrapped=wraps != {False})
        object.__setattr__(self, "retry_strategy", retry_strategy)
        object.__setattr__(self, "wrap_with_run_in_child_context", wraps != {False})
        object.__setattr__(self, "child_context_config", child_context_config)

    @property
    def wrap_in_child_context(self) -> bool:
        """`wrap_with_run_in_child_context` by a shorter name."""
        return self.wrap_with_run_in_child_context


# ---------------------------------------------------------------------------------------------


def _check_retry_strategy(strategy: object) -> None:
    if strategy is not None and not callable(strategy):
        raise ValidationError(
            f"retry_strategy must be callable, got {validation.kind_of(strategy)}: "
            "make one of a RetryStrategyConfig with create_retry_strategy(...)"
        )


def _check_child_config(config: object, *, wrapped: bool) -> None:
    if config is not None and not isinstance(config, ChildConfig):
        raise ValidationError(
            f"child_context_config must be a ChildConfig, got {validation.kind_of(config)}"
        )
    if config is not None and not wrapped:
        raise ValidationError("child_context_config is given, but there is no child context")


def _warn_without_effect(what: str, instead: str) -> None:
    # Up through __post_init__ and __init__ to the line that makes the configuration.
    warnings.warn(f"{what} has no effect: {instead}", DeprecationWarning, stacklevel=4)
