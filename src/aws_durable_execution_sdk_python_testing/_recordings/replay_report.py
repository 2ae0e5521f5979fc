"""What came of replaying a recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._functions.source_lines import SourceLine

_ORDER_CAUSES = (
    "the code changed: an operation was added, removed, renamed or put elsewhere",
    "the order of operations depends on what differs from run to run: time, random values, the "
    "order of a set, the environment",
)
_END_CAUSES = (
    "the code changed: it raises, catches or returns where it did not before",
    "the code depends on what differs from run to run or from machine to machine: time, random "
    "values, the environment, a file",
)


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first operation that differs.

    Attributes:
        expected: what is recorded.
        found: what the code does.
        source: the line of user code that does it, where it does anything.
        operation_id: of the operation, where it is one.
        causes: what it probably comes from.
    """

    expected: str
    found: str
    source: SourceLine | None = None
    operation_id: str | None = None
    causes: tuple[str, ...] = _ORDER_CAUSES

    @classmethod
    def of_the_end(cls, expected: str, found: str, source: SourceLine | None) -> Divergence:
        """The operations are the same, but not what the handler comes to."""
        return cls(expected, found, source, causes=_END_CAUSES)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Divergence:
        """What `to_dict` gave."""
        source = told["Source"]
        return cls(
            told["Expected"],
            told["Found"],
            source and SourceLine(source["File"], source["Line"], source["Function"]),
            told["OperationId"],
            tuple(told["LikelyCauses"]),
        )

    def __str__(self) -> str:
        lines = [f"expected: {self.expected}", f"found:    {self.found}"]
        if self.source is not None:
            lines.append(f"at:       {self.source}")
        lines.append("likely causes:")
        lines += [f"  - {cause}" for cause in self.causes]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "Expected": self.expected,
            "Found": self.found,
            "Source": None if self.source is None else self.source.to_dict(),
            "OperationId": self.operation_id,
            "LikelyCauses": list(self.causes),
        }


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What came of one replay.

    Attributes:
        recorded: how the execution stood when it was recorded.
        replayed: how the handler ended: SUCCEEDED, FAILED, or PENDING where it waits for
            something that is not recorded.
        operations: how many recorded operations the code asked for again.
        divergence: the first difference, or None.
        sources: the lines that ask for the operations, by id, where they are known.
    """

    recorded: Status
    replayed: Status
    operations: int
    divergence: Divergence | None
    sources: Mapping[str, SourceLine] = field(default_factory=dict[str, SourceLine], compare=False)

    @property
    def ok(self) -> bool:
        """Whether the code does what is recorded."""
        return self.divergence is None

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> ReplayReport:
        """What `to_dict` gave."""
        divergence = told["Divergence"]
        return cls(
            Status(told["RecordedStatus"]),
            Status(told["ReplayedStatus"]),
            told["Operations"],
            divergence and Divergence.from_dict(divergence),
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "Replays": self.ok,
            "RecordedStatus": self.recorded,
            "ReplayedStatus": self.replayed,
            "Operations": self.operations,
            "Divergence": None if self.divergence is None else self.divergence.to_dict(),
        }


class ReplayDivergedError(AssertionError):
    """The code does something else than what is recorded.

    Attributes:
        report: what came of the replay.
    """

    def __init__(self, message: str, report: ReplayReport) -> None:
        super().__init__(message)
        self.report = report
