"""Answers to callbacks that are given before the execution runs."""

from __future__ import annotations

import contextlib
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python_testing._engine import CallbackInfo, Engine, ServiceError


class _Timeout(enum.Enum):
    CALLBACK_TIMEOUT = enum.auto()

    def __repr__(self) -> str:
        return self.name


CALLBACK_TIMEOUT: Final = _Timeout.CALLBACK_TIMEOUT
"""Given as an answer: leave the callback open, so that its time-out passes."""


@dataclass(frozen=True, slots=True)
class Success:
    result: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    error: dict[str, Any]


Answer = Success | Failure


class CallbackResponder:
    """Knows the answer to callbacks by name.

    Parameters:
        answers: by the name of the callback, or of the context it is created in (as for
            `wait_for_callback`): a JSON value, bytes to send as they are, an exception or an
            `ErrorObject` to fail it with, a function of no arguments that returns one of these
            or raises, or `CALLBACK_TIMEOUT`.
    """

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers
        self._taken: set[str] = set()

    def take(self, callback: CallbackInfo) -> str | None:
        """The name under which `callback` is to be answered now; each is taken once."""
        name = next((n for n in (callback.name, callback.context_name) if n in self._answers), None)
        if name is None or callback.callback_id in self._taken or not callback.announced:
            return None
        if self._answers[name] is CALLBACK_TIMEOUT:
            return None
        self._taken.add(callback.callback_id)
        return name

    def answer(self, name: str) -> Answer:
        """Work the answer out. User code may run in here; whatever it raises is the answer."""
        answer = self._answers[name]
        try:
            if callable(answer):
                answer = answer()
            return _encode(answer)
        except Exception as error:
            return _encode(error)


def give(answer: Answer, engine: Engine, callback_id: str, now: float) -> None:
    """Answer a callback, which may have timed out while the answer was worked out."""
    with contextlib.suppress(ServiceError):
        match answer:
            case Success(result):
                engine.callback_succeed(callback_id, result, now)
            case Failure(error):
                engine.callback_fail(callback_id, error, now)


def _encode(answer: Any) -> Answer:
    if isinstance(answer, BaseException):
        answer = ErrorObject(str(answer), type(answer).__name__)
    if isinstance(answer, ErrorObject):
        return Failure(answer.to_dict())
    if isinstance(answer, bytes):
        return Success(answer)
    return Success(json.dumps(answer).encode())
