"""Functions that another process runs, behind an endpoint with Lambda's Invoke API.

SAM's `start-lambda`, the Runtime Interface Emulator and test doubles speak it.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunctions,
)
from aws_durable_execution_sdk_python_testing._engine import (
    Crashed,
    HandlerInvocation,
    InvalidParameterValueError,
    InvokeFunction,
    Returned,
)
from aws_durable_execution_sdk_python_testing._engine.function_targets import DEFAULT_QUALIFIER
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._functions.wire_errors import no_function
from aws_durable_execution_sdk_python_testing._sandbox.runtime_errors import (
    LARGEST_RESPONSE,
    too_large,
)
from aws_durable_execution_sdk_python_testing._time.time_limits import TimeLimit

# Real seconds an endpoint may take beyond the function's own time: for starting a container.
ENDPOINT_MARGIN_SECONDS = 60.0
_SCHEMES = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
_NOT_FOUND = 404

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.server.endpoint")


class CurrentEndpoint:
    """The endpoint of functions that have none of their own; None while there is none.

    Executions keep what was current when they started for the functions they invoke.
    """

    def __init__(self, url: str | None) -> None:
        self._url = None if url is None else check_endpoint(url)

    @property
    def url(self) -> str | None:
        return self._url

    def change(self, url: str) -> None:
        """Make another endpoint current; raises as `check_endpoint`."""
        self._url = check_endpoint(url)


class EndpointInvoker:
    """Performs invocations at endpoints.

    Parameters:
        functions: the declared functions; one may have an endpoint and a time-out of its own.
        current: where the others run.
        margin: real seconds an endpoint may take to answer beyond the function's own time.

    Raises:
        InvalidParameterValueError: the endpoint of a declared function is no URL.
    """

    def __init__(
        self,
        functions: DeclaredFunctions,
        current: CurrentEndpoint,
        margin: float = ENDPOINT_MARGIN_SECONDS,
    ) -> None:
        self._functions = functions
        self._current = current
        self._margin = margin
        for function in functions:
            if function.endpoint is not None:
                check_endpoint(function.endpoint)

    def time_limit(self, function_name: str, invocation_timeout: float) -> TimeLimit:
        """How long a function may take, none longer than `invocation_timeout` seconds."""
        function = self._functions.find(function_name)
        own = function.timeout if function else None
        seconds = invocation_timeout if own is None else min(own, invocation_timeout)
        return TimeLimit(seconds, self._margin)

    def invoke(self, invocation: HandlerInvocation, service: HandlerService) -> Returned | Crashed:
        """Send a durable handler its invocation event."""
        headers = _headers(invocation.tenant_id, invocation.trace_header, invocation.client_context)
        answer = self._send(
            invocation.function_name,
            invocation.lambda_endpoint,
            json.dumps(invocation.event),
            {**headers, "X-Dex-Handler-Invoke": "true"},
            service,
        )
        if answer.error is not None:
            return Crashed(answer.error)
        output = _decoded(answer.payload)
        return Crashed(_function_error(answer.payload)) if _is_report(output) else Returned(output)

    def call(self, call: InvokeFunction, service: HandlerService) -> FunctionResult:
        """Send a plain function its payload."""
        headers = _headers(call.tenant_id, call.trace_header, call.client_context)
        endpoint = self._own_endpoint(call.function_name) or call.lambda_endpoint
        answer = self._send(call.function_name, endpoint, call.payload, headers, service)
        limit = self.time_limit(call.function_name, service.invocation_timeout)
        return FunctionResult(
            result=answer.payload or "null",
            error=answer.error,
            unanswered_after=limit.seconds if answer.unanswered else None,
        )

    def _own_endpoint(self, function_name: str) -> str | None:
        function = self._functions.find(function_name)
        return function.endpoint if function else None

    def _send(
        self,
        function_name: str,
        endpoint: str | None,
        body: str,
        headers: Mapping[str, str],
        service: HandlerService,
    ) -> _Answer:
        name, _, qualifier = function_name.partition(":")
        function = self._functions.find(function_name)
        return _send(
            _Request(
                endpoint or self._own_endpoint(function_name) or self._current.url,
                function.name if function else name,
                qualifier,
                body,
                headers,
                self.time_limit(function_name, service.invocation_timeout).total,
            )
        )


def check_endpoint(url: str) -> str:
    """The URL of an endpoint without a slash at its end.

    Raises:
        InvalidParameterValueError: it is no URL of HTTP.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidParameterValueError(f"Invalid endpoint: {url!r}")
    return url.rstrip("/")


@dataclass(frozen=True, slots=True)
class _Request:
    endpoint: str | None
    function_name: str
    qualifier: str
    body: str
    headers: Mapping[str, str]
    timeout: float


@dataclass(frozen=True, slots=True)
class _Answer:
    payload: str = ""
    error: dict[str, Any] | None = None
    unanswered: bool = False


def _send(request: _Request) -> _Answer:
    """Make one attempt; what goes wrong is an error of the invocation."""
    if request.endpoint is None:
        return _Answer(error=no_function(request.function_name))
    try:
        return _exchange(request, request.endpoint)
    except TimeoutError:
        message = f"No answer from {_address(request.endpoint)} within {request.timeout:g} seconds"
        return _unanswered("Sandbox.Timedout", message)
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        return _unanswered("EndpointConnectionError", f"{_address(request.endpoint)}: {reason}")
    except ValueError as error:  # what was to be sent does not fit into HTTP
        return _failed("EndpointConnectionError", f"{_address(request.endpoint)}: {error}")


def _exchange(request: _Request, endpoint: str) -> _Answer:
    parts = urlsplit(endpoint)
    connect = _SCHEMES[parts.scheme]
    connection = connect(parts.hostname or "", parts.port, timeout=request.timeout)
    try:
        connection.request(
            "POST",
            parts.path + _path(request),
            # A lone surrogate leaves as the JSON escape it came as.
            body=request.body.encode("utf-8", "backslashreplace"),
            headers={
                "Content-Type": "application/json",
                "X-Amz-Invocation-Type": "RequestResponse",
                "Connection": "close",
                **request.headers,
            },
        )
        response = connection.getresponse()
        data = response.read(LARGEST_RESPONSE + 1)
        text = data.decode("utf-8", "replace")
    finally:
        connection.close()
    if len(data) > LARGEST_RESPONSE:
        return _Answer(error=too_large().error)
    return _read_answer(request, response, text)


def _path(request: _Request) -> str:
    path = f"/2015-03-31/functions/{quote(request.function_name, safe='')}/invocations"
    if request.qualifier in ("", DEFAULT_QUALIFIER):
        return path
    return f"{path}?Qualifier={quote(request.qualifier, safe='')}"


def _read_answer(request: _Request, response: http.client.HTTPResponse, text: str) -> _Answer:
    if response.headers.get("X-Amz-Function-Error"):
        return _Answer(error=_function_error(text))
    if 200 <= response.status < 300:
        return _Answer(payload=text)
    if response.status == _NOT_FOUND:
        return _Answer(error=no_function(request.function_name))
    body = _decoded(text)
    fields: Mapping[str, Any] = body if isinstance(body, dict) else {}
    kind = response.headers.get("x-amzn-errortype") or fields.get("Type") or "ServiceException"
    message = fields.get("Message") or fields.get("message") or text
    return _failed(str(kind).partition(":")[0], f"HTTP {response.status}: {message}")


def _function_error(text: str) -> dict[str, Any]:
    """The wire error of what a runtime reports as `{errorType, errorMessage, stackTrace}`."""
    body = _decoded(text)
    if not isinstance(body, dict):
        return {"ErrorType": "Unhandled", "ErrorMessage": text}
    error: dict[str, Any] = {
        "ErrorType": str(body.get("errorType") or "Unhandled"),
        "ErrorMessage": str(body.get("errorMessage") or ""),
    }
    trace = body.get("stackTrace")
    if isinstance(trace, list) and trace:
        error["StackTrace"] = [
            line if isinstance(line, str) else json.dumps(line) for line in trace
        ]
    return error


def _is_report(output: Any) -> bool:
    """Whether it is a runtime's error: the Runtime Interface Emulator answers without header."""
    return isinstance(output, dict) and "errorType" in output and "Status" not in output


def _failed(error_type: str, message: str) -> _Answer:
    return _Answer(error={"ErrorType": error_type, "ErrorMessage": message})


def _address(endpoint: str) -> str:
    """The endpoint for a message, which is logged: without a user's name and password."""
    parts = urlsplit(endpoint)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _unanswered(error_type: str, message: str) -> _Answer:
    # The error of a chained invoke does not say why.
    _log.warning("%s", message)
    return replace(_failed(error_type, message), unanswered=True)


def _headers(
    tenant_id: str | None, trace_header: str | None, client_context: str | None = None
) -> dict[str, str]:
    encoded = client_context and base64.b64encode(client_context.encode()).decode()
    headers = {
        "X-Amz-Tenant-Id": tenant_id,
        "X-Amzn-Trace-Id": trace_header,
        "X-Amz-Client-Context": encoded,
    }
    return {name: value for name, value in headers.items() if value is not None}


def _decoded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
