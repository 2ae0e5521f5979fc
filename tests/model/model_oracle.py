"""What a program comes to, read off its text: the one right result.

Errors are all alike here, `ERROR`: which they are is compared between the runs. What timing decides
is "raced".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from model_programs import (
    Answer,
    Batch,
    Callback,
    Cancel,
    Child,
    Completion,
    Condition,
    Gather,
    InvokeDurable,
    InvokeFunction,
    Map,
    Op,
    Parallel,
    Program,
    Race,
    Retry,
    Step,
    Try,
    Wait,
    WaitForCallback,
    Within,
    Work,
    races,
)

ERROR = "an error"


class _FailedError(Exception):
    """Code has failed."""


def expected(program: Program, path: str) -> Any:
    """What an execution comes to, as `reduced` tells it."""
    try:
        return _program(program, path)
    except _FailedError:
        return ERROR


def reduced(outcome: dict[str, Any]) -> Any:
    """How an execution ended, as far as a program's text tells."""
    return ERROR if outcome["status"] == "FAILED" else _reduced(outcome["result"])


def _reduced(value: Any) -> Any:
    match value:
        case {"error": _, "message": _, "type": _}:
            return ERROR
        case {"items": items, "reason": _}:
            return [[status, _reduced(result)] for _, status, result, _ in items]
        case list():
            return [_reduced(each) for each in value]
    return "(large)" if isinstance(value, str) and len(value) > 10_000 else value


def _program(program: Program, path: str) -> Any:
    values = _sequence(program.ops, path, program.is_async)
    if program.stray is not None:
        raise _FailedError
    return [values, "(large)"] if program.is_large else values


def _sequence(ops: Sequence[Op], path: str, is_async: bool) -> list[Any]:
    return [_thrown(op, f"{path}.{i}", is_async) for i, op in enumerate(ops)]


def _thrown(op: Op, path: str, is_async: bool) -> Any:
    """An operation's value where its batch throws if it is to."""
    value = _value(op, path, is_async)
    throws = isinstance(op, Batch) and op.throws and not op.races
    return _fail_if(throws and any(status == "FAILED" for status, _ in value), value)


def _value(op: Op, path: str, is_async: bool) -> Any:
    return "raced" if races(op, is_async) else _VALUES[type(op)](op, path, is_async)


def _outcomes(ops: Sequence[Op], path: str, is_async: bool) -> list[Any]:
    return [_outcome(_value, op, f"{path}.{i}", is_async) for i, op in enumerate(ops)]


def _outcome(value: Callable[..., Any], *args: Any) -> Any:
    """A value, or that there was an error."""
    try:
        return value(*args)
    except _FailedError:
        return ERROR


def _fail_if(fails: bool, value: Any = None) -> Any:
    if fails:
        raise _FailedError
    return value


def _step(op: Step, path: str, is_async: bool) -> Any:
    return _fail_if(op.failures >= op.attempts, op.value)


def _condition(op: Condition, path: str, is_async: bool) -> Any:
    fails = op.fails_at is not None and op.fails_at <= op.checks
    return _fail_if(fails, {"checks": op.checks})


def _callback(op: Callback | WaitForCallback, path: str, is_async: bool) -> Any:
    match op.answer:
        case Answer.SUCCESS:
            return {"answer": path}
        case Answer.EARLY:
            return "early"
        case Answer.FAILURE:
            raise _FailedError
    return _fail_if(isinstance(op, Callback) and op.raises_on_timeout)


def _map(op: Map, path: str, is_async: bool) -> Any:
    return _batch(op, [op.program] * op.size, path)


def _parallel(op: Parallel, path: str, is_async: bool) -> Any:
    return _batch(op, op.branches, path)


def _batch(op: Batch, branches: Sequence[Program], path: str) -> Any:
    """One branch after the other, until the batch is complete; so it does not matter if at once."""
    items: list[list[Any]] = []
    for i, branch in enumerate(branches):
        if _is_complete(op.completion, [status for status, _ in items]):
            break
        outcome = _outcome(_program, branch, f"{path}[{i}]")
        items.append(["FAILED", None] if outcome == ERROR else ["SUCCEEDED", outcome])
    return items


def _is_complete(completion: Completion, statuses: Sequence[str]) -> bool:
    failed = statuses.count("FAILED")
    match completion:
        case Completion.FAIL_FAST:
            return failed > 0
        case Completion.FIRST:
            return "SUCCEEDED" in statuses
        case Completion.TOLERATE_ONE:
            return failed > 1
    return False


def _retry(op: Retry, path: str, is_async: bool) -> Any:
    for attempt in range(1, op.attempts + 1):
        outcome = _outcome(_sequence, op.ops, f"{path}!{attempt}", is_async)
        if outcome != ERROR and attempt > op.failures:
            return outcome
    raise _FailedError


def _cancel(op: Cancel, path: str, is_async: bool) -> Any:
    return [ERROR] if is_async else _outcomes((op.op,), path, is_async)


def _within(op: Within, path: str, is_async: bool) -> Any:
    value = _value(op.op, f"{path}.0", is_async)
    return _fail_if(op.expires and is_async, value)


_VALUES: dict[type[Any], Callable[..., Any]] = {
    Step: _step,
    Wait: lambda op, path, is_async: None,
    Work: lambda op, path, is_async: "worked",
    Callback: _callback,
    WaitForCallback: _callback,
    Condition: _condition,
    InvokeFunction: lambda op, path, is_async: _fail_if(op.fails, op.value),
    InvokeDurable: lambda op, path, is_async: _program(op.program, path),
    Child: lambda op, path, is_async: _program(op.program, path),
    Map: _map,
    Parallel: _parallel,
    Retry: _retry,
    Try: lambda op, path, is_async: _outcome(_sequence, op.ops, path, is_async),
    Gather: lambda op, path, is_async: _outcomes(op.ops, path, is_async),
    Race: lambda op, path, is_async: _outcomes(op.ops, path, is_async),
    Cancel: _cancel,
    Within: _within,
}
