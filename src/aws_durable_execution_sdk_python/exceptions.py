"""Every error the SDK raises, and the control-flow exceptions user code may see pass by.

Two families end an invocation from inside: `ExecutionError` fails the execution, `InvocationError`
raises out of the handler so that the service invokes again. `DurableOperationError` and its
subclasses report that one operation failed; they are ordinary exceptions to catch and handle.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any


class TerminationReason(enum.Enum):
    """Why an unrecoverable error ended an invocation."""

    UNHANDLED_ERROR = "UNHANDLED_ERROR"
    INVOCATION_ERROR = "INVOCATION_ERROR"
    EXECUTION_ERROR = "EXECUTION_ERROR"
    CHECKPOINT_FAILED = "CHECKPOINT_FAILED"
    NON_DETERMINISTIC_EXECUTION = "NON_DETERMINISTIC_EXECUTION"
    STEP_INTERRUPTED = "STEP_INTERRUPTED"
    CALLBACK_ERROR = "CALLBACK_ERROR"
    SERIALIZATION_ERROR = "SERIALIZATION_ERROR"


class DurableExecutionsError(Exception):
    """Base of every ordinary exception of this SDK."""


class ValidationError(DurableExecutionsError):
    """An argument is outside what the operation accepts. Nothing was checkpointed."""


class NestedOperationError(ValidationError):
    """A durable context was used inside one of its own running operations.

    Also in what an operation calls besides: a retry or wait strategy, a serdes, an item namer, a
    summary generator, a completion predicate, a logger.
    """


class ConcurrentContextUseError(ValidationError):
    """Two tasks, threads or event loops called operations on one durable context."""


class ForeignContextError(ValidationError):
    """A durable context was used by other code than it was given to.

    By a later invocation, when it was kept in a module-level object, or by another function than
    the one that was given it.
    """


class InvalidStateError(DurableExecutionsError):
    """An object was used at a time its state does not allow."""


class OrderedLockError(DurableExecutionsError):
    """Kept so that code written for the official SDK can name it; never raised here."""


class PluginLoadError(DurableExecutionsError):
    """A plugin could not be loaded."""


class SerDesError(DurableExecutionsError):
    """A value cannot be serialised or deserialised; trying again would not help."""


# ----------------------------------------------------------------- errors that end an invocation


class UnrecoverableError(DurableExecutionsError):
    """Base of the errors that end the invocation when they leave the handler or an operation.

    An operation that raises one has left no outcome to go on with. Catching the error changes
    nothing: further operations on that context raise it again, and it is what the function ends
    with.
    """

    default_reason = TerminationReason.UNHANDLED_ERROR

    def __init__(
        self, message: str = "", termination_reason: TerminationReason | None = None
    ) -> None:
        super().__init__(message)
        self.termination_reason = termination_reason or self.default_reason


class ExecutionError(UnrecoverableError):
    """The execution cannot succeed: it is answered FAILED and not invoked again."""

    default_reason = TerminationReason.EXECUTION_ERROR


class NonDeterministicExecutionError(ExecutionError):
    """The code asked for another operation than the one recorded at this position."""

    default_reason = TerminationReason.NON_DETERMINISTIC_EXECUTION


class InvocationError(UnrecoverableError):
    """This invocation failed: the error is raised out of the handler and the service retries."""

    default_reason = TerminationReason.INVOCATION_ERROR

    def is_retryable(self) -> bool:
        """Whether another invocation can help. False answers FAILED instead of raising."""
        return True


class BotoClientError(InvocationError):
    """A call to the durable execution service failed."""

    default_reason = TerminationReason.CHECKPOINT_FAILED

    def __init__(
        self,
        message: str = "",
        *,
        retryable: bool = True,
        error_code: str | None = None,
        status_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.error_code = error_code
        self.status_code = status_code

    def is_retryable(self) -> bool:
        return self.retryable


class CheckpointError(BotoClientError):
    """CheckpointDurableExecution failed."""


class GetExecutionStateError(BotoClientError):
    """GetDurableExecutionState failed."""


class StepInterruptedError(InvocationError):
    """An at-most-once step had started in an earlier invocation and its outcome is unknown."""

    default_reason = TerminationReason.STEP_INTERRUPTED


class RetryableSerDesError(InvocationError):
    """Serialisation failed for a passing reason, a store that did not answer for instance."""

    default_reason = TerminationReason.SERIALIZATION_ERROR


# ------------------------------------------------------------------------- failed operations


class UserlandError(DurableExecutionsError):
    """Base, in the 1.x releases of the official SDK, of the errors that user code caused."""


class DurableOperationError(UserlandError):
    """A durable operation ended without success.

    Attributes:
        message: the text of the original error.
        error_type: the name of the original error's class (builtins bare, others qualified).
        data: additional data stored with the error, if any.
        stack_trace: the lines of the original stack trace, if they were stored.
    """

    def __init__(
        self,
        message: str | None = None,
        error_type: str | None = None,
        data: str | None = None,
        stack_trace: list[str] | None = None,
    ) -> None:
        # Not super(): in a class that is also the user's own, that would be the user's __init__.
        Exception.__init__(self, message)
        self.message = message
        self.error_type = error_type
        self.data = data
        self.stack_trace = stack_trace

    def __str__(self) -> str:
        return self.message or ""

    if not TYPE_CHECKING:  # to a type checker, an attribute that is not declared stays an error

        def __getattr__(self, name: str) -> Any:
            raise missing_attribute(self, name)


def missing_attribute(error: Exception, name: str) -> AttributeError:
    """The error to raise for an attribute that an error does not have, or has no longer."""
    plain = f"{type(error).__qualname__!r} object has no attribute {name!r}"
    lost = getattr(error.__dict__.get("_durable_restored"), "lost", {})
    text = plain
    if name in lost:
        text = (
            f"{name!r} of this {type(error).__qualname__} was not kept when the error was stored: "
            f"it is {lost[name]}. Set what is needed of it as an attribute that JSON can hold"
        )
    elif lost:
        names = ", ".join(sorted(lost))
        text = f"{plain}; what was not kept when the error was stored: {names}"
    elif type(error).__module__ == __name__:
        of = error.__dict__.get("error_type")
        if isinstance(of, str) and of.rpartition(".")[2] != type(error).__name__:
            text = f"{plain}; it stands for a {of}, whose class was not kept when it was stored"
    return AttributeError(text, name=name, obj=error)


CallableRuntimeError = DurableOperationError


@dataclass(frozen=True)
class CallableRuntimeErrorSerializableDetails:
    """An error's type and message, as the 1.x releases of the official SDK passed them on."""

    type: str
    message: str

    @classmethod
    def from_exception(cls, error: Exception) -> CallableRuntimeErrorSerializableDetails:
        return cls(type(error).__name__, str(error))


class StepError(DurableOperationError):
    """A step failed and its retry strategy, if it has one, gave up."""


class StepTimeoutError(StepError, TimeoutError):
    """A step's attempt ran for longer than `StepConfig(timeout=...)` allows.

    What the retry strategy is given, and what the step raises once it gives up, on the first run
    and on replay. Also catchable as `StepError` and as the builtin `TimeoutError`.
    """


class OperationCancelledError(DurableOperationError):
    """What is recorded of a step, check or child context that the code around it cancelled.

    By a time-out, say, or because a sibling in its task group failed. An async replay does not
    raise it: the operation waits there to be cancelled again. Other readers of the record, blocking
    code among them, find an operation that failed with this error.
    """


class WaitForConditionError(DurableOperationError):
    """A wait_for_condition check failed, or its attempts are used up."""


class ChildContextError(DurableOperationError):
    """The function run in a child context raised."""


class InvokeError(DurableOperationError):
    """The invoked function failed, timed out or was stopped."""


class BatchCompletionError(DurableOperationError):
    """A `should_complete` predicate ended a map or parallel as failed."""


class CallbackError(DurableOperationError):
    """A callback ended without success. `callback_id` tells which one."""

    callback_id: str | None = None

    def __init__(
        self,
        message: str | None = None,
        error_type: str | None = None,
        data: str | None = None,
        stack_trace: list[str] | None = None,
        callback_id: str | None = None,
    ) -> None:
        DurableOperationError.__init__(self, message, error_type, data, stack_trace)
        self.callback_id = callback_id


class CallbackExternalError(CallbackError):
    """The external system reported a failure."""


class CallbackTimeoutError(CallbackError):
    """The callback's time-out or heartbeat time-out passed."""


class CallbackSubmitterError(CallbackError):
    """The submitter of a wait_for_callback failed."""


# ------------------------------------------------------------------------------ control flow


class SuspendExecution(BaseException):
    """Passes through user code while an invocation, or one branch of it, is being suspended.

    Derived from BaseException so that `except Exception` lets it pass. Code that catches it
    nevertheless changes nothing: durable calls refuse from then on, and what the function
    returns is not used.
    """


class TimedSuspendExecution(SuspendExecution):
    """A suspension with a known end."""


class OrphanedChildException(BaseException):
    """Work went on below a map, parallel or child context that has already completed."""


class BackgroundThreadError(BaseException):
    """The checkpoint of an operation could not be saved; the invocation is ending."""
