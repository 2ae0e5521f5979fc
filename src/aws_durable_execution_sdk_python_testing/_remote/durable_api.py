"""Executions read through the API: what the cloud runner and the command line share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python._core.api_paths import EXECUTIONS
from aws_durable_execution_sdk_python._core.arns import (
    FunctionArn,
    execution_id,
    execution_name,
    function_part,
)
from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import TERMINAL
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult


def credentials(session: Any) -> dict[str, str]:
    """Client arguments for an endpoint that is not AWS's own.

    A local service wants no credentials, but botocore signs nothing without any. An endpoint
    that does want them gets those there are.

    Parameters:
        session: the boto3 session the client is made by.

    Returns:
        Credentials that are valid nowhere, or nothing if the session has some.
    """
    if session.get_credentials() is not None:
        return {}
    return {"aws_access_key_id": "local", "aws_secret_access_key": "local"}


def console_page(arn: str) -> str:
    """Where the AWS console shows an execution.

    Example:
        >>> console_page("arn:aws:lambda:R:123456789012:function:F:1/durable-execution/N/I")
        'https://R.console.aws.amazon.com/lambda/home?region=R#/functions/F/versions/1/executions/N/I'
    """
    function = FunctionArn.parse(function_part(arn))
    region, version = function.region, function.qualifier
    return (
        f"https://{region}.console.aws.amazon.com/lambda/home?region={region}#/functions/"
        f"{function.name}/versions/{version}/executions/{execution_name(arn)}/{execution_id(arn)}"
    )


class DurableApi:
    """The queries of a Lambda client, page after page.

    Parameters:
        client: a boto3 Lambda client with the durable operations.
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def execution(self, arn: str, include_execution_data: bool = True) -> dict[str, Any]:
        """GetDurableExecution."""
        execution: dict[str, Any] = self.client.get_durable_execution(
            DurableExecutionArn=arn, IncludeExecutionData=include_execution_data
        )
        return execution

    def has_ended(self, arn: str) -> bool:
        """Whether the execution has its final status."""
        return self.execution(arn, include_execution_data=False)["Status"] in TERMINAL

    def events(self, arn: str, include_execution_data: bool = True) -> Iterator[dict[str, Any]]:
        """GetDurableExecutionHistory, oldest first."""
        request = {"DurableExecutionArn": arn, "IncludeExecutionData": include_execution_data}
        return _items(self.client.get_durable_execution_history, "Events", request)

    def events_after(
        self, arn: str, event_id: int, include_execution_data: bool = True
    ) -> list[dict[str, Any]]:
        """The events with higher ids, oldest first; reads only these."""
        request = {
            "DurableExecutionArn": arn,
            "IncludeExecutionData": include_execution_data,
            "ReverseOrder": True,
        }
        newest: list[dict[str, Any]] = []
        for event in _items(self.client.get_durable_execution_history, "Events", request):
            if event["EventId"] <= event_id:
                break
            newest.append(event)
        return newest[::-1]

    def executions(self, function_name: str | None, **filters: Any) -> Iterator[dict[str, Any]]:
        """ListDurableExecutionsByFunction; of all functions, which only a local service lists.

        Parameters:
            function_name: name or ARN; None for all.
            filters: further members of the request.
        """
        page = partial(self.executions_page, function_name)
        return _items(page, "DurableExecutions", filters)

    def executions_page(self, function_name: str | None, **request: Any) -> dict[str, Any]:
        """One page of what `executions` gives."""
        page: dict[str, Any]
        if function_name is None:
            page = self._list_all(**request)
        else:
            page = self.client.list_durable_executions_by_function(
                FunctionName=function_name, **request
            )
        return page

    def result(self, arn: str) -> DurableFunctionTestResult:
        """The execution as it stands, with its operations."""
        execution = self.execution(arn)
        return DurableFunctionTestResult.from_execution_history(
            execution, {"Events": list(self.events(arn))}
        )

    def logs(self, arn: str) -> list[dict[str, Any]]:
        """What functions wrote in an execution and for it; only a local service knows.

        Returns:
            Lines, oldest first: `Timestamp`, `FunctionName`, `RequestId`, `Text`.
        """
        lines: list[dict[str, Any]] = self._local(
            "GetDurableExecutionLogs", DurableExecutionArn=arn
        )["Lines"]
        return lines

    def _list_all(self, **request: Any) -> Any:
        return self._local("ListDurableExecutions", **request)

    def _local(self, operation: str, **request: Any) -> Any:
        add_local_operations(self.client)
        return self.client._make_api_call(operation, request)


def add_local_operations(client: Any) -> None:
    """Teach a client, which must have the durable operations, those of local services."""
    from botocore.model import ServiceModel

    known = client.meta.service_model
    if _LOCAL_OPERATIONS.keys() <= set(known.operation_names):
        return
    description = known._service_description
    operations = {**description["operations"], **_LOCAL_OPERATIONS}
    shapes = {**description["shapes"], **_local_shapes(description["shapes"])}
    client.meta._service_model = ServiceModel(
        {**description, "operations": operations, "shapes": shapes}, known.service_name
    )


_LOCAL_OPERATIONS: dict[str, Any] = {
    "ListDurableExecutions": {
        "name": "ListDurableExecutions",
        "http": {"method": "GET", "requestUri": EXECUTIONS},
        "input": {"shape": "ListDurableExecutionsRequest"},
        "output": {"shape": "ListDurableExecutionsByFunctionResponse"},
    },
    "GetDurableExecutionLogs": {
        "name": "GetDurableExecutionLogs",
        "http": {"method": "GET", "requestUri": f"{EXECUTIONS}/{{DurableExecutionArn}}/logs"},
        "input": {"shape": "GetDurableExecutionLogsRequest"},
        "output": {"shape": "GetDurableExecutionLogsResponse"},
    },
}


def _local_shapes(shapes: Mapping[str, Any]) -> dict[str, Any]:
    by_function = shapes["ListDurableExecutionsByFunctionRequest"]["members"]
    filters = {name: member for name, member in by_function.items() if name != "FunctionName"}
    line = {
        "Timestamp": {"shape": "ExecutionTimestamp"},
        "FunctionName": {"shape": "String"},
        "RequestId": {"shape": "String"},
        "Text": {"shape": "String"},
    }
    return {
        "ListDurableExecutionsRequest": _structure(filters),
        "GetDurableExecutionLogsRequest": {
            **_structure(
                {
                    "DurableExecutionArn": shapes["GetDurableExecutionRequest"]["members"][
                        "DurableExecutionArn"
                    ]
                }
            ),
            "required": ["DurableExecutionArn"],
        },
        "GetDurableExecutionLogsResponse": _structure({"Lines": {"shape": "LocalLogLines"}}),
        "LocalLogLines": {"type": "list", "member": {"shape": "LocalLogLine"}},
        "LocalLogLine": _structure(line),
    }


def _structure(members: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "structure", "members": members}


def _items(call: Any, key: str, request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The items of every page of a list."""
    marker: dict[str, Any] = {}
    while True:
        page = call(**request, **marker, MaxItems=MAX_PAGE_ITEMS)
        yield from page.get(key, ())
        if not page.get("NextMarker"):
            return
        marker = {"Marker": page["NextMarker"]}
