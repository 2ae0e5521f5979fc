"""Answers of the HTTP API, and how errors become answers."""

from __future__ import annotations

import json
import logging
import traceback
import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler

from aws_durable_execution_sdk_python_testing._engine import (
    InvalidParameterValueError,
    ServiceError,
    TooManyRequestsError,
)
from aws_durable_execution_sdk_python_testing._http.http_errors import RequestTooLargeError
from aws_durable_execution_sdk_python_testing.exceptions import (
    DurableFunctionsLocalRunnerError,
    UnknownRouteError,
)
from aws_durable_execution_sdk_python_testing.stores.base import StoreError

logger = logging.getLogger("aws_durable_execution_sdk_python_testing.server.answers")


def json_answer(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer with a JSON body."""
    return text_answer(json.dumps(body, allow_nan=False), status, headers)


def text_answer(
    text: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer whose body is JSON text already."""
    # JSON's escapes may bring in a lone surrogate. It leaves as the escape it came as.
    body = text.encode("utf-8", "backslashreplace")
    return web.Response(body=body, status=status, headers=headers, content_type="application/json")


def error_answer(error: ServiceError) -> web.Response:
    """An error as botocore reads it: it takes the exception's class from `x-amzn-errortype`."""
    headers = {"x-amzn-errortype": error.code}
    if isinstance(error, TooManyRequestsError):
        headers["Retry-After"] = "1"
    return json_answer(error.to_dict(), error.status_code, headers)


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every answer a request id, and every error the shape of the API."""
    response: web.StreamResponse
    try:
        response = await handler(request)
    except ServiceError as error:
        response = error_answer(error)
    except web.HTTPRequestEntityTooLarge:
        response = error_answer(RequestTooLargeError("The request body is too large."))
    except web.HTTPException as error:
        response = error_answer(InvalidParameterValueError(error.reason))
    except (web.RequestPayloadError, ConnectionResetError):
        # Nobody gets the answer if it was the connection that ended within the body.
        response = error_answer(InvalidParameterValueError("The request body is malformed."))
    except (DurableFunctionsLocalRunnerError, StoreError) as error:
        response = error_answer(ServiceError(str(error)))
    except Exception as error:
        _log_failure(request, error)
        response = error_answer(ServiceError("The local service failed; its log says why."))
    return identified(response)


Answer = TypeVar("Answer", bound=web.StreamResponse)


def identified(answer: Answer) -> Answer:
    """The answer with a request id, as every one has."""
    answer.headers["x-amzn-requestid"] = str(uuid.uuid4())
    return answer


def _log_failure(request: web.Request, error: Exception) -> None:
    """Say what failed, and where; what was sent may be in a path or an error's text."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "?"
    last = traceback.extract_tb(error.__traceback__)[-1]
    problem = type(error).__qualname__
    logger.error(
        "failed: %s %s: %s in %s, line %s", request.method, route, problem, last.name, last.lineno
    )
    logger.debug("the error in full", exc_info=error)


async def check_expectation(request: web.Request) -> None:
    """Answer `Expect: 100-continue`; other expectations are refused as malformed."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPBadRequest(
            text=json.dumps(InvalidParameterValueError("Unknown Expect header.").to_dict()),
            headers={"x-amzn-errortype": InvalidParameterValueError.code},
            content_type="application/json",
        )
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # What counts as sent starts with the answer itself.
    request.writer.output_size = 0


async def refuse_route(request: web.Request) -> web.Response:
    """Answer for every path and method there is nothing at."""
    raise UnknownRouteError(request.method, request.path)
