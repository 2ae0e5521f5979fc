"""Pages: of operations, bounded by bytes and count, and of other lists."""

from __future__ import annotations

from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python_testing._engine.execution_record import Execution
from aws_durable_execution_sdk_python_testing._engine.operation_record import OperationRecord
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
)

DEFAULT_ITEMS = 100


def page_length(max_items: int) -> int:
    """How many items a request's MaxItems asks for: 0 is the default, the maximum a cap."""
    if max_items < 0:
        raise InvalidParameterValueError("MaxItems must not be negative.")
    return min(max_items or DEFAULT_ITEMS, MAX_PAGE_ITEMS)


def state_page(
    execution: Execution, start: int, count: int | None, budget: int
) -> tuple[list[OperationRecord], int | None]:
    """Visible operations from position `start` on, in creation order.

    Parameters:
        execution: whose operations.
        start: position of the first one to look at.
        count: at most so many; None for no bound.
        budget: at most so many bytes, except that a page is never empty for want of room.

    Returns:
        The page, and the position to continue at (None if that was all).
    """
    page: list[OperationRecord] = []
    for position, operation in execution.visible(start):
        budget -= operation.size
        if page and (budget < 0 or len(page) == count):
            return page, position
        page.append(operation)
    return page, None
