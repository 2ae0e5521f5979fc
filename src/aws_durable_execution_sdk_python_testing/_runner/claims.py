"""What a test says of the program it runs, held against what ran.

A name that is given and never occurs is a mistake, of spelling as a rule: the test would pass
without testing what it is about.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from aws_durable_execution_sdk_python_testing._engine import CallbackInfo
from aws_durable_execution_sdk_python_testing._functions.mocks import StepMocks
from aws_durable_execution_sdk_python_testing._results.near_names import did_you_mean
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError


def check_handler(handler: object, what: str = "the handler") -> None:
    """Refuse what cannot be called.

    Raises:
        DurableFunctionsTestError: it cannot.
    """
    if not callable(handler):
        raise DurableFunctionsTestError(
            f"{what} must be a function that can be called, not {handler!r}"
        )


def check_answers(answers: Mapping[str, Any] | None, callbacks: Iterable[CallbackInfo]) -> None:
    """Refuse answers to callbacks that an execution which succeeded never had.

    One that had no callback at all takes any: answers may be shared by tests of many programs.

    Raises:
        DurableFunctionsTestError: there are such.
    """
    names = _names(callbacks)
    for name in answers or {}:
        if names and name not in names:
            raise DurableFunctionsTestError(
                f"callbacks= has an answer for {name!r}, and no callback is called that"
                + did_you_mean(name, names, "the callbacks were")
            )


def unanswered(answers: Collection[str], callbacks: Iterable[CallbackInfo]) -> str:
    """What is wrong where an execution waits for callbacks, and will for ever."""
    found = list(callbacks)
    names = _names(found)
    waiting = ", ".join(repr(one.label or one.callback_id) for one in found)
    message = f"the execution waits for the callback {waiting}, which callbacks= does not answer"
    unused = [name for name in answers if name not in names]
    if unused:
        message += f"; it has an answer for {unused[0]!r}" + did_you_mean(unused[0], names)
    return message


def check_mocks(steps: StepMocks) -> None:
    """Refuse mocks of steps that never ran.

    Functions that were mocked and not invoked are no mistake: an invoke of any other name fails.

    Raises:
        DurableFunctionsTestError: there are such.
    """
    for name in steps.unused:
        raise DurableFunctionsTestError(
            f"mock_step({name!r}): no step of that name has run"
            + did_you_mean(name, steps.met, "steps that ran")
        )


def _names(callbacks: Iterable[CallbackInfo]) -> set[str]:
    return {name for one in callbacks for name in (one.name, one.context_name) if name}
