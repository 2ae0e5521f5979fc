"""What can be asked of an engine."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from aws_durable_execution_sdk_python._core.model import Status
from aws_durable_execution_sdk_python_testing._engine import callbacks, listing, queries
from aws_durable_execution_sdk_python_testing._engine.command_types import CallbackInfo
from aws_durable_execution_sdk_python_testing._engine.service_state import ServiceState


class Inspection:
    """The reading half of an `Engine`. No timer fires here, and nothing is stored."""

    def __init__(self, service: ServiceState) -> None:
        self._service = service

    def get_execution(self, arn: str, include_execution_data: bool = True) -> dict[str, Any]:
        """GetDurableExecution: what the execution is and how it stands.

        Raises:
            ResourceNotFoundError: no such execution.
        """
        return queries.describe(self._service.find(arn), include_execution_data)

    def get_history(
        self,
        arn: str,
        include_execution_data: bool = True,
        marker: str | None = None,
        max_items: int = 0,
        reverse_order: bool = False,
    ) -> dict[str, Any]:
        """GetDurableExecutionHistory: one page of events.

        Parameters:
            arn: the execution.
            include_execution_data: False leaves payloads out and marks them truncated.
            marker: `NextMarker` of the page before.
            max_items: at most this many, 0 for 100; never more than 1000, nor more than fit
                the limits' `page_bytes`.
            reverse_order: newest first.

        Returns:
            `{"Events": [...], "NextMarker"?: ...}`.

        Raises:
            InvalidParameterValueError: a bad marker.
            ResourceNotFoundError: no such execution.
        """
        execution = self._service.find(arn)
        return queries.history_page(
            self._service, execution, include_execution_data, marker, max_items, reverse_order
        )

    def list_executions(
        self,
        function_name: str | None = None,
        marker: str | None = None,
        max_items: int = 0,
        *,
        qualifier: str | None = None,
        execution_name: str | None = None,
        statuses: Collection[str] = (),
        started_after: float | str | datetime | None = None,
        started_before: float | str | datetime | None = None,
        reverse_order: bool = False,
    ) -> dict[str, Any]:
        """ListDurableExecutionsByFunction: one page of executions, newest first.

        Parameters:
            function_name: `name`, `name:qualifier`, a partial or a full ARN; None lists the
                executions of all functions.
            marker: `NextMarker` of the page before, for the same filters.
            max_items: at most this many, 0 for 100; never more than 1000.
            qualifier: only this version or alias.
            execution_name: only executions of exactly this name.
            statuses: only these, at most ten; none given is no filter.
            started_after, started_before: bounds, both exclusive; epoch seconds, ISO 8601 text
                or a datetime (UTC where they name no zone).
            reverse_order: oldest first.

        Returns:
            `{"DurableExecutions": [...], "NextMarker"?: ...}`.

        Raises:
            InvalidParameterValueError: a filter that is none, or a marker of another list.
        """
        wanted = listing.Filters.read(
            function_name=function_name,
            qualifier=qualifier,
            execution_name=execution_name,
            statuses=statuses,
            started_after=started_after,
            started_before=started_before,
        )
        return listing.page(self._service, wanted, marker, max_items, reverse_order)

    def operations(self, arn: str) -> list[dict[str, Any]]:
        """Every operation in creation order, the EXECUTION one first, in API form.

        Raises:
            ResourceNotFoundError: no such execution.
        """
        execution = self._service.find(arn)
        return [execution.operations[key].wire for key in execution.ordered_ids]

    def callbacks(self, arn: str) -> list[CallbackInfo]:
        """Every callback of the execution, closed ones too, in creation order."""
        return callbacks.describe(self._service.find(arn))

    def open_callbacks(self, arn: str) -> list[CallbackInfo]:
        """The callbacks that still wait for an answer, in creation order."""
        return [one for one in self.callbacks(arn) if one.status is Status.STARTED]
