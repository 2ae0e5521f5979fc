"""The service's engine: a pure state machine with an explicit clock."""

from aws_durable_execution_sdk_python_testing._engine.command_types import (
    CallbackInfo,
    Crashed,
    HandlerInvocation,
    Returned,
    Started,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._engine.completions import invoke_timed_out
from aws_durable_execution_sdk_python_testing._engine.effects import (
    Effect,
    ExecutionEnded,
    InvokeFunction,
    InvokeHandler,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import (
    DurableTarget,
    PlainTarget,
    Target,
)
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    CallbackTimeoutError,
    DurableExecutionAlreadyStartedError,
    InvalidParameterValueError,
    ResourceConflictError,
    ResourceNotFoundError,
    ServiceError,
    ShapeError,
    TooManyRequestsError,
)
from aws_durable_execution_sdk_python_testing._engine.service_limits import Limits
from aws_durable_execution_sdk_python_testing._engine.state_machine import Engine
from aws_durable_execution_sdk_python_testing._engine.timers import TimerKind

__all__ = [
    "CallbackInfo",
    "CallbackTimeoutError",
    "Crashed",
    "DurableExecutionAlreadyStartedError",
    "DurableTarget",
    "Effect",
    "Engine",
    "ExecutionEnded",
    "HandlerInvocation",
    "InvalidParameterValueError",
    "InvokeFunction",
    "InvokeHandler",
    "Limits",
    "PlainTarget",
    "ResourceConflictError",
    "ResourceNotFoundError",
    "Returned",
    "ServiceError",
    "ShapeError",
    "StartExecution",
    "Started",
    "Target",
    "TimerKind",
    "TooManyRequestsError",
    "invoke_timed_out",
]
