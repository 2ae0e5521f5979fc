"""What the HTTP surface refuses on top of what the engine refuses."""

from __future__ import annotations

from aws_durable_execution_sdk_python_testing._engine import ServiceError


class RequestTooLargeError(ServiceError):
    """The body is larger than the server reads."""

    code = "RequestTooLargeException"
    status_code = 413
    message_key = "message"


class InvalidRequestContentError(ServiceError):
    """The payload of an Invoke is no JSON."""

    code = "InvalidRequestContentException"
    status_code = 400
    message_key = "message"


class AccessDeniedError(ServiceError):
    """The request comes from a web page, or by a name that is not this machine's."""

    code = "AccessDeniedException"
    status_code = 403
