"""What Lambda is answered: a handler's result or failure, or that other invocations follow."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from typing import TypeAlias

from aws_durable_execution_sdk_python._core.error_size import fitting
from aws_durable_execution_sdk_python._core.error_texts import kind_name
from aws_durable_execution_sdk_python._core.errors import describe, text_of
from aws_durable_execution_sdk_python._core.limits import MAX_RESPONSE_BYTES, MAX_RESULT_BYTES
from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationSubType,
    OperationType,
    OperationUpdate,
    Status,
)
from aws_durable_execution_sdk_python._core.validation import payload_size
from aws_durable_execution_sdk_python._kernel.checkpointer import Checkpointer
from aws_durable_execution_sdk_python.exceptions import InvocationError, ValidationError

Response: TypeAlias = dict[str, object]
_Report: TypeAlias = Callable[[BaseException], None]

_RETURN_LESS = "keep large data in a store such as Amazon S3 and return a reference to it"

PENDING: Response = {"Status": Status.PENDING.value}


async def response_to(
    checkpointer: Checkpointer,
    error: BaseException | None,
    value: object,
    *,
    to_text: Callable[[object], str],
    report: _Report,
) -> Response:
    """The response to what the handler came to; a result too large for it is saved instead.

    Parameters:
        error, value: what the handler raised, or returned.
        to_text: gives the JSON of what it returned.
        report: told what the execution fails with.

    Raises:
        The error, if it makes the service invoke again: a retryable one, a crash.
    """
    if isinstance(error, InvocationError) and error.is_retryable():
        raise error
    if not isinstance(error, Exception | asyncio.CancelledError | None):
        raise error
    await _save_markers(checkpointer)
    if error is not None:
        return _failed(error, report)
    try:
        result = to_text(value)
    except Exception as unserialisable:  # also by what the user's classes do
        return _failed(_unserialisable(value, unserialisable), report)
    return await _succeeded(checkpointer, result, report)


async def _succeeded(checkpointer: Checkpointer, result: str, report: _Report) -> Response:
    response: Response = {"Status": Status.SUCCEEDED.value, "Result": result}
    if _size(response) <= MAX_RESPONSE_BYTES:
        return response
    try:
        payload_size("the result of the handler", result, MAX_RESULT_BYTES, way_out=_RETURN_LESS)
    except ValidationError as error:
        return _failed(error, report)
    await _save_result(checkpointer, result)
    return {"Status": Status.SUCCEEDED.value, "Result": ""}


def _failed(error: BaseException, report: _Report) -> Response:
    report(error)
    # Bounded as any error is, and so never too large for the response.
    return {"Status": Status.FAILED.value, "Error": fitting(describe(error)).to_dict()}


async def _save_markers(checkpointer: Checkpointer) -> None:
    """Save which way patches went, also where nothing followed that could take it along.

    Whoever replays the finished execution, to test a change, is to go the same way.
    """
    markers = [one for one in checkpointer.unsaved if one.sub_type == OperationSubType.PATCH]
    if markers:
        await _save(checkpointer, markers[-1])


async def _save_result(checkpointer: Checkpointer, result: str) -> None:
    """Save a result too large for the response as the execution's own last update."""
    update = OperationUpdate(
        operation_id=f"execution-result-{time.time_ns() // 1_000_000}",
        operation_type=OperationType.EXECUTION,
        action=OperationAction.SUCCEED,
        payload=result,
        order=(math.inf,),
    )
    await _save(checkpointer, update)


async def _save(checkpointer: Checkpointer, update: OperationUpdate) -> None:
    try:
        await checkpointer.save(update)
    except BaseException:
        if checkpointer.ended is None:
            raise


def _unserialisable(value: object, error: Exception) -> Exception:
    """The error to report, of the same type if that is json's own, with what to do about it."""
    kinds = (TypeError, RecursionError, ValueError)
    kind = next((k for k in kinds if isinstance(error, k)), ValueError)
    return kind(
        f"the handler's result ({kind_name(type(value))}) is not plain JSON: {text_of(error)}. "
        "Return dicts, lists, strings, numbers, booleans, None, dates, Decimal, UUID and bytes, or "
        "annotate the handler with the type it returns"
    )


def failed_unless_retryable(error: BaseException, report: _Report) -> Response:
    """FAILED for what another invocation cannot mend; anything else is raised."""
    if isinstance(error, InvocationError) and not error.is_retryable():
        return _failed(error, report)
    raise error


def _size(response: Response) -> int:
    return len(json.dumps(response))
