"""What code gets to see, as values that can be compared and printed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from aws_durable_execution_sdk_python._core.batch_result import BatchResult
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python.exceptions import DurableOperationError

# A result with this in it is over the 256 KiB that are stored.
PADDING = "x" * 300_000


def observed(value: Any) -> Any:
    """A result as it can be compared and printed."""
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, BatchResult):
        items = [
            [item.index, item.status.value, observed(item.result), _error(item.error)]
            for item in value.all
        ]
        return {"items": items, "reason": value.completion_reason.value}
    if isinstance(value, list):
        return [observed(each) for each in value]
    return "(large)" if value == PADDING else value


def describe(error: BaseException) -> dict[str, Any]:
    """An error with everything that code can tell errors apart by."""
    classes = [cls.__qualname__ for cls in type(error).__mro__]
    kind = error.error_type if isinstance(error, DurableOperationError) else None
    return {"error": classes, "message": str(error), "type": kind}


def _error(error: ErrorObject | None) -> Any:
    return None if error is None else {"message": error.message, "type": error.type}


def is_below(path: str, above: Collection[str]) -> bool:
    """Whether a path leads on from one of those above."""
    return any(path.startswith(one) and path[len(one) :][:1] in (*".[! ",) for one in above)
