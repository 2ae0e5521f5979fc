"""The service's engine: a pure state machine with an explicit clock."""

from aws_durable_execution_sdk_python_testing.engine.commands import (
    CallbackInfo,
    Crashed,
    Invocation,
    Returned,
    Started,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing.engine.completions import invoke_timed_out
from aws_durable_execution_sdk_python_testing.engine.effects import (
    Effect,
    ExecutionEnded,
    InvokeFunction,
    InvokeHandler,
)
from aws_durable_execution_sdk_python_testing.engine.engine import Engine
from aws_durable_execution_sdk_python_testing.engine.errors import (
    CallbackTimeoutError,
    DurableExecutionAlreadyStartedError,
    InvalidParameterValueError,
    ResourceConflictError,
    ResourceNotFoundError,
    ServiceError,
    TooManyRequestsError,
)
from aws_durable_execution_sdk_python_testing.engine.limits import Limits
from aws_durable_execution_sdk_python_testing.engine.targets import (
    DurableTarget,
    PlainTarget,
    Target,
)
from aws_durable_execution_sdk_python_testing.engine.timers import TimerKind

__all__ = [
    "CallbackInfo",
    "CallbackTimeoutError",
    "Crashed",
    "DurableExecutionAlreadyStartedError",
    "DurableTarget",
    "Effect",
    "Engine",
    "ExecutionEnded",
    "InvalidParameterValueError",
    "Invocation",
    "InvokeFunction",
    "InvokeHandler",
    "Limits",
    "PlainTarget",
    "ResourceConflictError",
    "ResourceNotFoundError",
    "Returned",
    "ServiceError",
    "StartExecution",
    "Started",
    "Target",
    "TimerKind",
    "TooManyRequestsError",
    "invoke_timed_out",
]
