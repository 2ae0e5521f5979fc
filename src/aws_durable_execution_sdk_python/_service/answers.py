"""What the two calls answer, and how an answer is told from what is none.

Anything may answer 200: a proxy's page, a captive portal, a server of something else. An answer of
the service is known by what it always has:

- CheckpointDurableExecution: a token, or the state that has changed. Without a token it says that
  the token is withdrawn or the execution has ended; it has the state then, if with no operations.
- GetDurableExecutionState: operations, if none of them.

Anything else is a call that failed, and another invocation may help. Taken for an answer, what was
not saved would count as saved, and completed steps would run again.
"""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._core.model import CheckpointOutput, StateOutput
from aws_durable_execution_sdk_python.exceptions import CheckpointError, GetExecutionStateError

_OF_AN_OPERATION = frozenset({"Id", "Type", "Status"})


def checkpoint_output(response: Wire) -> CheckpointOutput:
    """The answer to CheckpointDurableExecution.

    Raises:
        CheckpointError: it is not the service's. Retryable.
    """
    try:
        token = _text(response, "CheckpointToken")
        state = response.get("NewExecutionState")
        if state is None and token is None:
            raise _NotAnAnswerError("neither CheckpointToken nor NewExecutionState")
        changed = StateOutput([]) if state is None else _state(state)
    except _NotAnAnswerError as error:
        raise CheckpointError(
            f"what answered CheckpointDurableExecution is not the service: {error}", retryable=True
        ) from None
    return CheckpointOutput(checkpoint_token=token, new_execution_state=changed)


def state_page(response: Wire) -> StateOutput:
    """A page of GetDurableExecutionState.

    Raises:
        GetExecutionStateError: it is not the service's. Retryable.
    """
    try:
        if _object(response).get("Operations") is None:
            raise _NotAnAnswerError("no Operations")
        return _state(response)
    except _NotAnAnswerError as error:
        raise GetExecutionStateError(
            f"what answered GetDurableExecutionState is not the service: {error}", retryable=True
        ) from None


class _NotAnAnswerError(Exception):
    """Says, without data, what is missing or of a wrong type."""


def _state(value: object) -> StateOutput:
    state = _object(value)
    operations = state.get("Operations") or []
    if not isinstance(operations, list) or not all(map(_is_operation, operations)):
        raise _NotAnAnswerError("Operations that are none")
    return StateOutput(operations=operations, next_marker=_text(state, "NextMarker"))


def _is_operation(value: object) -> bool:
    return isinstance(value, dict) and value.keys() >= _OF_AN_OPERATION


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _NotAnAnswerError(f"a {type(value).__name__} where an object should be")
    return value


def _text(answer: Wire, key: str) -> str | None:
    """A text that is there and not empty, or None."""
    value = _object(answer).get(key)
    if value is not None and not isinstance(value, str):
        raise _NotAnAnswerError(f"{key} is a {type(value).__name__}")
    return value or None
