"""Where an invocation can be cut off."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, NamedTuple


class Moment(enum.StrEnum):
    """What the process is about when it dies."""

    BEFORE_REQUEST = "before the request leaves"
    BEFORE_REPLY = "after the service stored it, before the reply arrives"
    AFTER_REPLY = "after the reply"
    IN_BODY = "in the middle of the body"
    AFTER_BODY = "between the body's end and its checkpoint"
    BEFORE_ANSWER = "before the invocation's answer arrives"


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """One place to crash at, as a person names it.

    Attributes:
        moment: what the process is about.
        operation: names of the operation and those around it, joined by " > "; of the last one
            that a checkpoint is about. Operations without a name go by their type, and those
            that share one are told apart by #2, #3, ... Calls and invocations that are about no
            operation are "refresh", "state" and "invocation". Behind a function's name and a
            colon: the operation of a function that was invoked.
        action: of the checkpoint: START, SUCCEED, FAIL or RETRY.
        number: of the attempt, where a body runs; else counts what is the same in all else.
    """

    moment: Moment
    operation: str
    action: str = ""
    number: int = 1

    def __repr__(self) -> str:
        """Python code that makes it again."""
        parts = [f"Moment.{self.moment.name}", repr(self.operation)]
        if self.action:
            parts.append(f"action={self.action!r}")
        if self.number != 1:
            parts.append(f"number={self.number}")
        return f"CrashPoint({', '.join(parts)})"

    def __str__(self) -> str:
        what = " ".join(filter(None, (self.operation, self.action)))
        number = f" (number {self.number})" if self.number > 1 else ""
        return f"{what}{number}, {self.moment}"


class Place(NamedTuple):
    """One place to crash at, as an invocation meets it: an operation goes by its id."""

    moment: Moment
    execution: str
    operation_id: str
    action: str
    number: int

    @classmethod
    def from_list(cls, values: list[Any]) -> Place:
        moment, *rest = values
        return cls(Moment(moment), *rest)
