"""How invocations fail, as wire error objects."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any

from aws_durable_execution_sdk_python_testing._engine import InvokeFunction
from aws_durable_execution_sdk_python_testing._functions.contracts import FunctionResult
from aws_durable_execution_sdk_python_testing._functions.mocks import MockedError
from aws_durable_execution_sdk_python_testing._time.time_limits import TimeLimit


def describe_crash(error: BaseException, request_id: str) -> dict[str, Any]:
    """The wire error of an invocation that raised, as Lambda's runtime reports it."""
    if isinstance(error, MockedError):
        return error.reported.to_dict()
    if isinstance(error, Exception):
        return {
            "ErrorType": type(error).__name__,
            "ErrorMessage": str(error),
            "StackTrace": traceback.format_tb(_handlers_part(error.__traceback__)),
        }
    status = error.code if isinstance(error, SystemExit) else type(error).__name__
    return {
        "ErrorType": "Runtime.ExitError",
        "ErrorMessage": f"RequestId: {request_id} Error: Runtime exited: {status}",
    }


def _handlers_part(trace: TracebackType | None) -> TracebackType | None:
    """The trace from the first frame outside this room, as Lambda shows it."""
    while trace is not None and trace.tb_frame.f_globals.get("__package__") == __package__:
        trace = trace.tb_next
    return trace


def describe_broken_invoker(error: BaseException) -> dict[str, Any]:
    """The wire error of an invocation whose invoker raised, which it must not."""
    message = f"The invoker raised instead of answering: {type(error).__name__}: {error}"
    return {"ErrorType": "Runtime.InvokerFailed", "ErrorMessage": message}


def timed_out(request_id: str, seconds: float) -> dict[str, Any]:
    """The wire error of an invocation that took longer than it may."""
    message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    return {"ErrorType": "Sandbox.Timedout", "ErrorMessage": message}


def late_call(call: InvokeFunction, limit: TimeLimit) -> FunctionResult:
    """What a plain function comes to that was given up at its time limit."""
    return FunctionResult(
        error=timed_out(call.operation_id, limit.total),
        unanswered_after=limit.seconds if limit.margin else None,
    )


def no_function(function_name: str) -> dict[str, Any]:
    """The wire error of an invocation of what nobody knows by this name."""
    message = f"Function not found: {function_name}"
    return {"ErrorType": "ResourceNotFoundException", "ErrorMessage": message}
