"""Reads the parts of requests that start executions. What is malformed is refused."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.limits import MAX_PAYLOAD_BYTES, MAX_RESULT_BYTES
from aws_durable_execution_sdk_python_testing._engine import InvalidParameterValueError
from aws_durable_execution_sdk_python_testing._engine.function_targets import FunctionReference
from aws_durable_execution_sdk_python_testing._http.http_errors import (
    InvalidRequestContentError,
    RequestTooLargeError,
)
from aws_durable_execution_sdk_python_testing._server.request_reading import parse_json

REQUEST_RESPONSE, EVENT, DRY_RUN = "RequestResponse", "Event", "DryRun"
TRACE_HEADER = re.compile(r"[\x20-\x7E]{1,8192}")
_NO_PAYLOAD = "{}"
_LONGEST_CLIENT_CONTEXT = 3_583  # bytes of base64


def reference_of(name: str, qualifier: str | None) -> FunctionReference:
    """The function of a name or ARN, and of a qualifier given beside it."""
    try:
        reference = FunctionReference.parse(name)
    except ValueError:
        raise InvalidParameterValueError(f"Invalid function name: {name!r}") from None
    if not qualifier or reference.qualifier == qualifier:
        return reference
    if reference.qualifier is not None:
        raise InvalidParameterValueError(f"{name} has another qualifier than {qualifier!r}.")
    try:
        return FunctionReference.parse(f"{name}:{qualifier}")
    except ValueError:
        raise InvalidParameterValueError(f"Invalid Qualifier: {qualifier!r}") from None


def payload_of(body: bytes, kind: str) -> str:
    """The event as JSON text, as it was sent. An empty body is an empty object."""
    if not body:
        return _NO_PAYLOAD
    limit = MAX_PAYLOAD_BYTES if kind == EVENT else MAX_RESULT_BYTES
    if len(body) > limit:
        raise RequestTooLargeError(
            f"{len(body)} byte payload is too large for the {kind} invocation type "
            f"(limit {limit} bytes)"
        )
    try:
        parse_json(body)
    except InvalidParameterValueError as error:
        raise InvalidRequestContentError(
            f"Could not parse request body into json: {error.message}"
        ) from None
    return body.decode()


def check_member(value: str | None, key: str, pattern: re.Pattern[str]) -> None:
    if value is not None and not pattern.fullmatch(value):
        raise InvalidParameterValueError(f"Invalid {key}: {value!r} must match {pattern.pattern}.")


def client_context_of(header: str | None) -> str | None:
    """The JSON object of the header, in ASCII: so it fits into any header again."""
    if header is None:
        return None
    if len(header) > _LONGEST_CLIENT_CONTEXT:
        raise InvalidParameterValueError(
            f"Invalid X-Amz-Client-Context: {len(header)} bytes of base64, of at most "
            f"{_LONGEST_CLIENT_CONTEXT}."
        )
    try:
        context = parse_json(base64.b64decode(header, validate=True))
    except (ValueError, InvalidParameterValueError):
        context = None
    if not isinstance(context, dict):
        raise InvalidParameterValueError(
            "Invalid X-Amz-Client-Context: must be a JSON object in base64."
        )
    return json.dumps(context)


def trace_header_of(fields: Mapping[str, Any] | None) -> str | None:
    header = (fields or {}).get("XAmznTraceId")
    if not isinstance(header, str | None):
        raise InvalidParameterValueError("Invalid XAmznTraceId: must be a string.")
    check_member(header, "XAmznTraceId", TRACE_HEADER)
    return header
