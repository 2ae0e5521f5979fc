"""The lines of user code that ask for operations, while that code runs in this process.

The SDK notes the line at each operation, for its own errors. What runs elsewhere says
nothing of it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.journal import Recall
from aws_durable_execution_sdk_python._core.model import Operation

# Of the executions that ran last; one that is taken up asks for its operations again.
_MOST_OPERATIONS = 100_000


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of user code."""

    file: str
    line: int
    function: str

    @classmethod
    def of(cls, identity: OperationIdentity) -> SourceLine | None:
        """The line that asks for an operation, if it is known."""
        if identity.site is None:
            return None
        code, line = identity.site
        return cls(code.co_filename, line, code.co_name)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"File": self.file, "Line": self.line, "Function": self.function}

    def __str__(self) -> str:
        return f'File "{self.file}", line {self.line}, in {self.function}'


class AskedLines:
    """Remembers the lines of the executions that ran last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._executions: OrderedDict[str, dict[str, SourceLine]] = OrderedDict()
        self._operations = 0
        # Many operations are asked for by the same line.
        self._known: dict[SourceLine, SourceLine] = {}

    def noting(self, arn: str) -> Recall:
        """A `Hooks.recall` that changes nothing, for an invocation of that execution."""

        def recall(identity: OperationIdentity, known: Operation | None) -> Operation | None:
            line = SourceLine.of(identity)
            if line is not None:
                self._note(arn, identity.operation_id, line)
            return known

        return recall

    def find(self, arn: str, operation_id: str) -> SourceLine | None:
        """The line that asked for the operation last."""
        with self._lock:
            return self._executions.get(arn, {}).get(operation_id)

    def _note(self, arn: str, operation_id: str, line: SourceLine) -> None:
        with self._lock:
            lines = self._executions.setdefault(arn, {})
            self._executions.move_to_end(arn)
            self._operations += operation_id not in lines
            lines[operation_id] = self._known.setdefault(line, line)
            while self._operations > _MOST_OPERATIONS and len(self._executions) > 1:
                _, oldest = self._executions.popitem(last=False)
                self._operations -= len(oldest)
