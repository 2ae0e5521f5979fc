"""The errors of the testing SDK.

What the service refuses is a `ServiceError`, with the code and HTTP status of the API. Its classes
have a second name here each, the one boto3 knows the error by.
"""

from __future__ import annotations

from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    CallbackTimeoutError,
    DurableExecutionAlreadyStartedError,
    InvalidParameterValueError,
    ResourceConflictError,
    ResourceNotFoundError,
    ServiceError,
    TooManyRequestsError,
)

__all__ = [
    "AwsApiException",
    "CallbackTimeoutError",
    "CallbackTimeoutException",
    "DurableExecutionAlreadyStartedError",
    "DurableExecutionAlreadyStartedException",
    "DurableFunctionsLocalRunnerError",
    "DurableFunctionsTestError",
    "ExecutionAlreadyStartedException",
    "IllegalStateException",
    "InvalidParameterValueError",
    "InvalidParameterValueException",
    "ResourceConflictError",
    "ResourceConflictException",
    "ResourceNotFoundError",
    "ResourceNotFoundException",
    "ServiceError",
    "ServiceException",
    "TooManyRequestsError",
    "TooManyRequestsException",
    "UnknownRouteError",
]

AwsApiException = ServiceException = ServiceError
CallbackTimeoutException = CallbackTimeoutError
DurableExecutionAlreadyStartedException = DurableExecutionAlreadyStartedError
# As the official testing SDK calls it.
ExecutionAlreadyStartedException = DurableExecutionAlreadyStartedError
# What cannot be done with an execution in the state it is in.
IllegalStateException = ResourceConflictError
InvalidParameterValueException = InvalidParameterValueError
ResourceConflictException = ResourceConflictError
ResourceNotFoundException = ResourceNotFoundError
TooManyRequestsException = TooManyRequestsError


class DurableFunctionsTestError(Exception):
    """A test asked for something that is not there, or used a runner in a wrong way."""


class UnknownRouteError(ResourceNotFoundError):
    """The service has nothing at this method and path.

    Attributes:
        method, path: what was asked for.
    """

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"No such route: {method} {path}")
        self.method = method
        self.path = path


class DurableFunctionsLocalRunnerError(Exception):
    """The local service cannot do its work."""
