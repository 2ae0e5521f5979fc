"""What the service answers when it refuses a command."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class ServiceError(Exception):
    """A refused command, as the HTTP API would answer it.

    Attributes:
        code: the error code clients dispatch on, e.g. `ResourceNotFoundException`.
        status_code: the HTTP status.
        message: the human-readable reason.
    """

    code: ClassVar[str] = "ServiceException"
    status_code: ClassVar[int] = 500
    # Some shapes of the service model spell the member `message`, others `Message`.
    message_key: ClassVar[str] = "Message"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def http_status_code(self) -> int:
        """The HTTP status, by the official testing SDK's name for it."""
        return self.status_code

    def to_dict(self) -> dict[str, str]:
        """The body of the HTTP answer."""
        return {"Type": self.code, self.message_key: self.message}


class InvalidParameterValueError(ServiceError):
    """The request breaks a rule of the API, or its checkpoint token is not the current one."""

    code = "InvalidParameterValueException"
    status_code = 400
    message_key = "message"


class ShapeError(ServiceError):
    """The request is not what the API's model says. Not in that model itself.

    Parameters:
        violations: all that is wrong, each in the service's words.

    Example:
        >>> print(ShapeError(["Value at 'updates.1.member.payload' failed to satisfy ..."]))
        1 validation error detected: Value at 'updates.1.member.payload' failed to satisfy ...
    """

    code = "ValidationException"
    status_code = 400
    message_key = "message"

    def __init__(self, violations: Sequence[str]) -> None:
        errors = "error" if len(violations) == 1 else "errors"
        super().__init__(f"{len(violations)} validation {errors} detected: {'; '.join(violations)}")


class CallbackTimeoutError(ServiceError):
    """The callback is already closed: answered, timed out, or its execution has ended."""

    code = "CallbackTimeoutException"
    status_code = 400


class ResourceNotFoundError(ServiceError):
    """No such execution, callback or function."""

    code = "ResourceNotFoundException"
    status_code = 404


class DurableExecutionAlreadyStartedError(ServiceError):
    """The execution name is taken by an execution with another payload."""

    code = "DurableExecutionAlreadyStartedException"
    status_code = 409


class ResourceConflictError(ServiceError):
    """The execution is not in a state that allows the command."""

    code = "ResourceConflictException"
    status_code = 409
    message_key = "message"


class TooManyRequestsError(ServiceError):
    """The caller is throttled and may try again."""

    code = "TooManyRequestsException"
    status_code = 429
    message_key = "message"

    def __init__(self, message: str, reason: str = "CallerRateLimitExceeded") -> None:
        super().__init__(message)
        self.reason = reason

    def to_dict(self) -> dict[str, str]:
        return {**super().to_dict(), "Reason": self.reason}
