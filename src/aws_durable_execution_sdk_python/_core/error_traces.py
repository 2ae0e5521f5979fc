"""Where an error came from, as it is stored, shown and logged: its own frames, then those below it.

Below an error are the errors of a group, its cause, and what was being handled when it was raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from aws_durable_execution_sdk_python._core.error_state import restored
from aws_durable_execution_sdk_python._core.error_texts import text_of, type_of
from aws_durable_execution_sdk_python._core.stack_traces import bounded, stack_trace
from aws_durable_execution_sdk_python.exceptions import DurableOperationError

_DEEPEST = 4
_MEMBERS = 6
_LONGEST = 300


def trace_of(error: BaseException, *, texts: bool = True) -> list[str]:
    """The lines of an error's trace, each with its line break, bounded.

    Parameters:
        error: what was raised. An operation's error goes on with what is stored of the original.
        texts: whether the errors below are shown with their texts, or by type only.
    """
    return bounded(_lines(error, set(), texts, 0))


def _lines(error: BaseException, seen: set[int], texts: bool, depth: int) -> list[str]:
    seen.add(id(error))
    inner = stored_trace(error)
    lines = stack_trace(error, inner)
    if inner is not None or depth >= _DEEPEST:
        return lines
    for label, below in _below(error):
        if id(below) not in seen:
            told = ": ".join(filter(None, (type_of(below), text_of(below) if texts else "")))
            lines.append(f"{label} {told}"[:_LONGEST].rstrip() + "\n")
            lines += _lines(below, seen, texts, depth + 1)
    return lines


def stored_trace(error: BaseException) -> list[str] | None:
    """The trace that an operation's error brought with it, if it has one."""
    if not isinstance(error, DurableOperationError):
        return None
    known = restored(error)
    trace = error.stack_trace if known is None else known.stored.stack_trace
    return trace or None


def _below(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    if isinstance(error, BaseExceptionGroup):
        members = cast("BaseExceptionGroup[BaseException]", error).exceptions
        for number, member in enumerate(members[:_MEMBERS], 1):
            yield f"sub-exception {number} of {len(members)}:", member
    if error.__cause__ is not None:
        yield "caused by", error.__cause__
    elif error.__context__ is not None and not error.__suppress_context__:
        yield "raised while handling", error.__context__
