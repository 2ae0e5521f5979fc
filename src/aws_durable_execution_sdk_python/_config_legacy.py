"""Names that 1.4 releases of the official SDK had in `config` and later ones dropped.

They exist so that code naming them still imports and type-checks; no operation uses them.
"""

from __future__ import annotations

import enum
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

T = TypeVar("T", default=Any)


class TerminationMode(enum.Enum):
    """What happens to branches still running when their batch completes."""

    TERMINATE = "TERMINATE"
    CANCEL = "CANCEL"
    WAIT = "WAIT"
    ABANDON = "ABANDON"


class ItemsPerBatchUnit(enum.StrEnum):
    """What the size of a batch is counted in."""

    COUNT = "COUNT"
    BYTES = "BYTES"


@dataclass(frozen=True)
class StepFuture(Generic[T]):
    """The result to come of a step that runs on another thread."""

    future: Future[T]
    name: str | None = None

    def result(self, timeout_seconds: float | None = None) -> T:
        """Wait for the result, at most `timeout_seconds`; raises what the step raises."""
        return self.future.result(timeout_seconds)
