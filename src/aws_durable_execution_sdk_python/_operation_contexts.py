"""The contexts that user functions are given besides the durable context itself.

Under the names that `types` documents; here for the operations, which know nothing above them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aws_durable_execution_sdk_python._core.user_functions import STEP_ROLE
from aws_durable_execution_sdk_python.logger import Logger


@dataclass(frozen=True, slots=True)
class StepContext:
    """Given to a step function.

    Attributes:
        logger: writes with the step's name, id and attempt.
        attempt: which attempt this is, from 1.

    Example:
        >>> @durable_step
        ... def charge(step_context: StepContext, amount: float) -> str:
        ...     step_context.logger.info("attempt %s", step_context.attempt)
        ...     return "txn_123"
    """

    durable_role: ClassVar[str] = STEP_ROLE
    logger: Logger
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class WaitForCallbackContext:
    """Given to the submitter of a `wait_for_callback`, after the callback's id."""

    logger: Logger


@dataclass(frozen=True, slots=True)
class WaitForConditionCheckContext:
    """Given to the check of a `wait_for_condition`, after the state.

    Attributes:
        logger: writes with the operation's name, id and attempt.
        attempt: which check this is, from 1.
    """

    logger: Logger
    attempt: int = 1
