"""What the faults look like to those who call the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aws_durable_execution_sdk_python_testing._engine.checkpoints import INVALID_TOKEN
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
    ServiceError,
    TooManyRequestsError,
)
from aws_durable_execution_sdk_python_testing._faults.fault_settings import Fault
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError


class NoAnswerError(DurableFunctionsLocalRunnerError):
    """The call got no answer: whether it was carried out, the caller cannot know."""


class KMSAccessDeniedError(ServiceError):
    """The key that the execution's data is encrypted with may not be used."""

    code = "KMSAccessDeniedException"
    status_code = 502


# Faults that the service answers with an error, without carrying the call out.
REFUSALS: Mapping[Fault, Callable[[], ServiceError]] = {
    Fault.KMS_ERROR: lambda: KMSAccessDeniedError("Lambda was denied access to the KMS key."),
    Fault.STALE_TOKEN: lambda: InvalidParameterValueError(INVALID_TOKEN),
    Fault.THROTTLE: lambda: TooManyRequestsError("Rate exceeded."),
    Fault.SERVER_ERROR: lambda: ServiceError("An internal error occurred."),
}
