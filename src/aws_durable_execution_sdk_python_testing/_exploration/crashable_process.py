"""One invocation that may be cut off: what it calls, and the bodies it runs, pass through here."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from aws_durable_execution_sdk_python._core.user_functions import is_async
from aws_durable_execution_sdk_python._kernel.hooks import StepAttempt
from aws_durable_execution_sdk_python_testing._exploration.crash_points import Moment, Place
from aws_durable_execution_sdk_python_testing._exploration.line_watch import LineWatch
from aws_durable_execution_sdk_python_testing._exploration.witness import Attempt, Witness

REFRESH, STATE, INVOCATION = "refresh", "state", "invocation"
RESULT = "result"
# The id that a too large result is stored under has the time in it.
_RESULT_PREFIX = "execution-result-"
_CLOSING = frozenset({"SUCCEED", "FAIL"})


class SimulatedCrash(SystemExit):
    """The process ends here. Code that catches it runs, but nothing that it does counts."""


def crash() -> NoReturn:
    """End the invocation as if its process were gone."""
    raise SimulatedCrash(1)


class CrashableProcess:
    """One invocation. Once it is dead nothing in it happens any more.

    Parameters:
        witness: what it passes, and where it crashes.
        execution: key of the execution, see `ExploredRun`.
        die: ends the process, or stands in for that by raising.
    """

    def __init__(
        self, witness: Witness, execution: str, die: Callable[[], NoReturn] = crash
    ) -> None:
        self._witness = witness
        self._execution = execution
        self._die = die
        # Dead as soon as it does the next thing.
        self._doomed = False

    # -- calls ------------------------------------------------------------------------------

    def begin_call(self, what: str, updates: Sequence[Mapping[str, Any]] = ()) -> CrashableCall:
        """A call is about to be made; `what` it is if it has no updates."""
        self._check_alive()
        about = [(_operation_id(update), str(update["Action"])) for update in updates]
        call = CrashableCall(
            updates,
            [
                (self._execution, *one, self._witness.number(self._execution, *one))
                for one in about or [(what, "")]
            ],
        )
        self._reach(*call.places(Moment.BEFORE_REQUEST))
        return call

    def answered(self, call: CrashableCall) -> None:
        """The service has carried the call out, and has answered."""
        for update in call.updates:
            if update["Type"] == "STEP" and update["Action"] in _CLOSING:
                self._witness.closed(self._execution, update["Id"])
        self._reach(*call.places(Moment.BEFORE_REPLY))
        if self._witness.passes(*call.places(Moment.AFTER_REPLY)):
            self._doomed = True

    def ends(self) -> None:
        """The handler has come to its end; raises if the process does not get that far."""
        self._check_alive()
        number = self._witness.number(self._execution, INVOCATION, "")
        self._reach(Place(Moment.BEFORE_ANSWER, self._execution, INVOCATION, "", number))

    def body(self, attempt: StepAttempt, function: Callable[..., Any]) -> Callable[..., Any]:
        """What to run in an attempt of a step: its function, watched."""

        def run(*args: Any) -> Any:
            return _Body(self, attempt, function).call(args)

        async def run_async(*args: Any) -> Any:
            return await run(*args)

        return run_async if is_async(function) else run

    def begin_body(self, attempt: StepAttempt) -> int | None:
        """A body begins; before which of its lines to crash, as `Witness.middle` has it."""
        self._check_alive()
        key = Attempt(self._execution, attempt.operation_id, attempt.number)
        self._witness.begins(key, attempt.at_most_once)
        return self._witness.middle(self._in_body(Moment.IN_BODY, attempt))

    def in_body(self, attempt: StepAttempt) -> None:
        """A body has come to its middle."""
        self._reach(self._in_body(Moment.IN_BODY, attempt))

    def end_body(self, attempt: StepAttempt, lines: int) -> None:
        """A body has come to its end, after so many lines."""
        self._witness.has_lines(self._in_body(Moment.IN_BODY, attempt), lines)
        self._reach(self._in_body(Moment.AFTER_BODY, attempt))

    def _in_body(self, moment: Moment, attempt: StepAttempt) -> Place:
        return Place(moment, self._execution, attempt.operation_id, "", attempt.number)

    # -- dying ------------------------------------------------------------------------------

    def _reach(self, *places: Place) -> None:
        self._check_alive()
        if self._witness.passes(*places):
            self._doomed = True
            self._die()

    def _check_alive(self) -> None:
        if self._doomed:
            self._die()


@dataclass(frozen=True, slots=True)
class CrashableCall:
    """A call of the service: its updates, and what tells each of them from others."""

    updates: Sequence[Mapping[str, Any]]
    keys: Sequence[tuple[str, str, str, int]]

    def places(self, moment: Moment) -> list[Place]:
        """The place by all of its names: what else shares the call may differ from run to run."""
        return [Place(moment, *key) for key in self.keys]


class _Body:
    """One run of a step's function."""

    def __init__(
        self, process: CrashableProcess, attempt: StepAttempt, function: Callable[..., Any]
    ) -> None:
        self._process = process
        self._function = function
        self._attempt = attempt
        self._lines = 0
        self._middle = process.begin_body(attempt)
        self._watch = None if self._middle is None else LineWatch(function, self._on_line)

    def call(self, args: tuple[Any, ...]) -> Any:
        """Call it; gives an awaitable if it does."""
        try:
            with self._watch or contextlib.nullcontext():
                result = self._function(*args)
        except Exception:
            self._end()
            raise
        if inspect.isawaitable(result):
            return self._wait(result)
        self._end()
        return result

    async def _wait(self, result: Awaitable[Any]) -> Any:
        try:
            value = await (result if self._watch is None else self._watch.watch(result))
        except Exception:
            self._end()
            raise
        self._end()
        return value

    def _end(self) -> None:
        self._process.end_body(self._attempt, self._lines)

    def _on_line(self) -> None:
        if self._lines == self._middle:
            self._process.in_body(self._attempt)
        self._lines += 1


def _operation_id(update: Mapping[str, Any]) -> str:
    operation_id = str(update["Id"])
    return RESULT if operation_id.startswith(_RESULT_PREFIX) else operation_id
