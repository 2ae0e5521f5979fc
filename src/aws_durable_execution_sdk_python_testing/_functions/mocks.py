"""Outcomes given by a test, in place of what steps and invoked functions would come to."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python._kernel.hooks import StepAttempt
from aws_durable_execution_sdk_python.exceptions import StepError
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError


class Outcomes:
    """What a mocked function comes to, call by call.

    Parameters:
        what: how to name it in an error.
        outcomes: a list or tuple with one outcome for each call, errors among them to raise;
            anything else is the outcome of every call; None gives `error`, else `result`.

    Raises:
        DurableFunctionsTestError: several of the three are given.
    """

    def __init__(
        self,
        what: str,
        outcomes: Any,
        result: Any,
        error: BaseException | ErrorObject | None,
    ) -> None:
        if sum(given is not None for given in (outcomes, result, error)) > 1:
            raise DurableFunctionsTestError(
                f"{what}: give a list of outcomes, or a result, or an error"
            )
        self._what = what
        self._given = (outcomes, result, error)
        one_by_one = isinstance(outcomes, list | tuple)
        self._count = len(outcomes) if one_by_one else 0
        self._left = deque[Any](outcomes) if one_by_one else None
        given = (one for one in (outcomes, result, error) if one is not None)
        self._always = None if one_by_one else next(given, None)
        # Branches run in threads.
        self._lock = threading.Lock()
        self._used = threading.Event()

    @property
    def used(self) -> bool:
        """Whether the mocked function was ever called, or one of its copies."""
        return self._used.is_set()

    def fresh(self) -> Outcomes:
        """The same outcomes, none of which has been taken."""
        again = Outcomes(self._what, *self._given)
        again._used = self._used
        return again

    def __call__(self, *_: Any) -> Any:
        """Stand in for the function, whatever it is called with.

        Raises:
            DurableFunctionsTestError: there were fewer outcomes than calls.
            Whatever error is the outcome.
        """
        self._used.set()
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

    @property
    def reported(self) -> ErrorObject:
        """The error as it was given."""
        return ErrorObject(self.message, self.error_type, self.data, self.stack_trace)


class StepMocks:
    """Stands in for the functions of steps, by the step's name."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcomes] = {}
        self._met: set[str] = set()

    @property
    def met(self) -> set[str]:
        """The names of steps that have run, mocked or not."""
        return set(self._met)

    @property
    def unused(self) -> list[str]:
        """The names of mocks whose steps have never run."""
        return [name for name, outcomes in self._outcomes.items() if not outcomes.used]

    def add(self, name: str, outcomes: Outcomes) -> None:
        """Let the steps of that name come to these outcomes."""
        self._outcomes[name] = outcomes

    def stand_in(self, attempt: StepAttempt, function: Callable[..., Any]) -> Callable[..., Any]:
        """What to call in an attempt: the step's function, or its mock."""
        if self._outcomes and attempt.name:
            self._met.add(attempt.name)
        outcomes = self._outcomes.get(attempt.name or "")
        return function if outcomes is None else outcomes

    def fresh(self) -> StepMocks:
        """The same mocks, with all of their outcomes."""
        again = StepMocks()
        again._met = self._met
        for name, outcomes in self._outcomes.items():
            again.add(name, outcomes.fresh())
        return again
