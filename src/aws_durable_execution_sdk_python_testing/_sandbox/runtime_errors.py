"""How invocations fail that give no answer, in Lambda's words, as wire error objects."""

from __future__ import annotations

import json
import signal
from typing import Any

from aws_durable_execution_sdk_python._core.limits import MAX_RESULT_BYTES
from aws_durable_execution_sdk_python_testing._functions.contracts import FunctionResult

# Lambda's limit for an answer: 6 MiB, and some room for its own envelope. Bytes.
LARGEST_RESPONSE = MAX_RESULT_BYTES + 100


def timed_out(request_id: str, seconds: float) -> FunctionResult:
    """It took longer than it may."""
    return _failed(request_id, "Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds")


def exited(request_id: str, code: int) -> FunctionResult:
    """The process ended instead of answering: its exit code, or the negative signal."""
    if code < 0:
        reason = f" with error: signal: {_signal_name(-code)}"
    elif code > 0:
        reason = f" with error: exit status {code}"
    else:
        reason = " without providing a reason"
    return _failed(request_id, "Runtime.ExitError", f"Runtime exited{reason}")


def not_started(request_id: str, error: OSError) -> FunctionResult:
    """There is no process: its directory or the interpreter cannot be used."""
    return _failed(request_id, "Runtime.InvalidEntrypoint", f"Cannot start the function: {error}")


def closed(request_id: str) -> FunctionResult:
    """The invoker was closed before the function had answered."""
    return _failed(request_id, "Runtime.ExitError", "The local service is closed")


def too_large() -> FunctionResult:
    """The answer exceeds Lambda's limit."""
    return FunctionResult(
        error={
            "ErrorType": "Function.ResponseSizeTooLarge",
            "ErrorMessage": "Response payload size exceeded maximum allowed payload size "
            f"({LARGEST_RESPONSE} bytes).",
        }
    )


def reported(body: bytes, error_type: str | None) -> FunctionResult:
    """What the runtime says of an error, e.g. that the handler raised.

    Parameters:
        body: the runtime's JSON object.
        error_type: from its header, for a body that does not say.
    """
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        told = {"errorMessage": body.decode(errors="replace")}
    error: dict[str, Any] = {
        "ErrorType": str(told.get("errorType") or error_type or "Runtime.Unknown"),
        "ErrorMessage": str(told.get("errorMessage") or ""),
    }
    trace = told.get("stackTrace")
    if isinstance(trace, list) and trace:
        error["StackTrace"] = [str(line) for line in trace]
    return FunctionResult(error=error)


def message(failure: FunctionResult) -> str:
    """What a failure says, for the function's log."""
    error = failure.error or {}
    return str(error.get("ErrorMessage", ""))


def _failed(request_id: str, error_type: str, message: str) -> FunctionResult:
    return FunctionResult(
        error={"ErrorType": error_type, "ErrorMessage": f"RequestId: {request_id} Error: {message}"}
    )


def _signal_name(number: int) -> str:
    """As Go names it, which Lambda's supervisor is written in: "killed", "segmentation fault"."""
    return (signal.strsignal(number) or str(number)).lower()
