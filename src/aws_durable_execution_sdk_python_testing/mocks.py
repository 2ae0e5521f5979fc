"""Outcomes given by a test, in place of what steps and invoked functions would come to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from aws_durable_execution_sdk_python.core.model import ErrorObject
from aws_durable_execution_sdk_python.exceptions import StepError
from aws_durable_execution_sdk_python.service.protocol import StepAttempt
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError


class Outcomes:
    """What a mocked function comes to, call by call.

    Args:
        what: how to name it in an error.
        sequence: one outcome for each call, errors among them to raise; None gives `error`,
            else `result`, on every call.

    Raises:
        DurableFunctionsTestError: several of the three are given.
    """

    def __init__(
        self,
        what: str,
        sequence: Sequence[Any] | None,
        result: Any,
        error: BaseException | ErrorObject | None,
    ) -> None:
        if sum(given is not None for given in (sequence, result, error)) > 1:
            raise DurableFunctionsTestError(
                f"{what}: give a list of outcomes, or a result, or an error"
            )
        self._what = what
        self._count = 0 if sequence is None else len(sequence)
        self._left = None if sequence is None else deque(sequence)
        self._always = result if error is None else error
        # Branches run in threads.
        self._lock = threading.Lock()

    def perform(self, *_: Any) -> Any:
        """Stand in for the function, whatever it is called with.

        Raises:
            DurableFunctionsTestError: there were fewer outcomes than calls.
            Whatever error is the outcome.
        """
        outcome = self._take()
        if isinstance(outcome, ErrorObject):
            raise MockedError(outcome)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _take(self) -> Any:
        with self._lock:
            if self._left is None:
                return self._always
            if not self._left:
                raise DurableFunctionsTestError(
                    f"{self._what} was called more often than it has outcomes: {self._count}"
                )
            return self._left.popleft()


class MockedError(StepError):
    """An error given as an `ErrorObject`: that, and not this class, is what is recorded."""

    def __init__(self, reported: ErrorObject) -> None:
        super().__init__(reported.message, reported.type, reported.data, reported.stack_trace)
        self.reported = reported


class StepMocks:
    """Stands in for the functions of steps, by the step's name."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcomes] = {}

    def add(self, name: str, outcomes: Outcomes) -> None:
        """Let the steps of that name come to these outcomes."""
        self._outcomes[name] = outcomes

    def stand_in(self, attempt: StepAttempt, function: Callable[..., Any]) -> Callable[..., Any]:
        """What to call in an attempt: the step's function, or its mock."""
        outcomes = self._outcomes.get(attempt.name or "")
        return function if outcomes is None else outcomes.perform
