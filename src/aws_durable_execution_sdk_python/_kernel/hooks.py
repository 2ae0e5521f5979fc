"""What a test runner puts in the place of the engine's own parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aws_durable_execution_sdk_python._core.journal import Recall
from aws_durable_execution_sdk_python._core.user_functions import AnyFunction
from aws_durable_execution_sdk_python._kernel.clock import Clock
from aws_durable_execution_sdk_python._kernel.tuning import DEFAULT_TUNING, Tuning


@dataclass(frozen=True, slots=True)
class StepAttempt:
    """One attempt of a step, about to run.

    Attributes:
        execution_arn: the execution.
        operation_id: the operation, its `name` if it has one.
        number: of the attempt, from 1 on. One that was cut off may run again under its number.
        at_most_once: whether it may not.
    """

    execution_arn: str
    operation_id: str
    name: str | None
    number: int
    at_most_once: bool = False


# Gives what is to run in an attempt: the function that it is given, or something in its place.
StandIn = Callable[[StepAttempt, AnyFunction], AnyFunction]


@dataclass(frozen=True, slots=True)
class Hooks:
    """Everything that is not the same in production and in a test.

    Attributes:
        clock: what durable timers run by; None for the system's.
        stand_in: asked before the function of a step runs.
        recall: asked what is recorded of an operation.
        had_ended: asked whether a context, None for the execution, is open again although it had
            ended on record.
        tuning: the engine's constants.
        compat_aws: whether handlers that do not say so themselves are compatible with the official
            SDK; None where the environment decides.
    """

    clock: Clock | None = None
    stand_in: StandIn | None = None
    recall: Recall | None = None
    had_ended: Callable[[str | None], bool] | None = None
    tuning: Tuning = DEFAULT_TUNING
    compat_aws: bool | None = None
