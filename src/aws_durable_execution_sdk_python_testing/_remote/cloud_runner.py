"""Run the same tests against a deployed function."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, Literal, Self, TypeVar

from aws_durable_execution_sdk_python._core.model import TERMINAL, ErrorObject, Operation, Status
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import DEFAULT_REGION
from aws_durable_execution_sdk_python_testing._remote.durable_api import (
    DurableApi,
    console_page,
    credentials,
)
from aws_durable_execution_sdk_python_testing._results import folding
from aws_durable_execution_sdk_python_testing._results.histories import ExecutionHistory
from aws_durable_execution_sdk_python_testing._results.open_operations import waits_for
from aws_durable_execution_sdk_python_testing._results.payloads import encode_input
from aws_durable_execution_sdk_python_testing._results.result import (
    DurableFunctionTestResult,
    compat_chosen,
)
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError

T = TypeVar("T")

_log = logging.getLogger("aws_durable_execution_sdk_python_testing.cloud")

# Lambda's own limit of an invocation, and time for the answer to arrive.
_READ_TIMEOUT_SECONDS = 960
# Where botocore looks for another endpoint than the region's.
# How the time between two looks grows, and up to what.
_BACK_OFF = 1.5
_LONGEST_INTERVAL_SECONDS = 5.0
_END_EVENTS = frozenset(f"Execution{how}" for how in ("Succeeded", "Failed", "TimedOut", "Stopped"))
_ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_LAMBDA"


class DurableFunctionCloudTestRunner:
    """Runs a deployed durable function and reads its history.

    The log of `aws_durable_execution_sdk_python_testing.cloud` tells, at level INFO, where the AWS
    console shows each execution.

    Parameters:
        function_name: name, `name:qualifier` or ARN of the function.
        region: its region.
        lambda_endpoint: another endpoint than the region's, of a local service for instance,
            which wants no credentials.
        poll_interval: seconds between two looks at a running execution.
        compat: "aws" gives `.result` as JSON text, as the official SDK's runner does. By default
            the environment variable `DURABLE_EXECUTION_COMPAT` decides.

    Example:
        ```python
        runner = DurableFunctionCloudTestRunner("MyFunction:$LATEST")
        result = runner.run(input={"a": 5}, timeout=60)
        assert result.status == "SUCCEEDED"
        ```
    """

    mode: ClassVar[Literal["cloud"]] = "cloud"

    def __init__(
        self,
        function_name: str,
        region: str = DEFAULT_REGION,
        lambda_endpoint: str | None = None,
        poll_interval: float = 1.0,
        *,
        compat: Literal["aws"] | None = None,
    ) -> None:
        # Here, so that tests that run in process never load an AWS library.
        import boto3
        from botocore.config import Config

        from aws_durable_execution_sdk_python._service.model import ensure_durable_operations

        self._function_name = function_name
        self._poll_interval = poll_interval
        self._is_raw = compat_chosen(compat)
        session: Any = boto3.DEFAULT_SESSION or boto3.Session()
        self._is_of_aws = not (lambda_endpoint or os.environ.get(_ENDPOINT_VARIABLE))
        client: Any = session.client(
            "lambda",
            region_name=region,
            endpoint_url=lambda_endpoint,
            config=Config(read_timeout=_READ_TIMEOUT_SECONDS),
            **({} if self._is_of_aws else credentials(session)),
        )
        self._client = ensure_durable_operations(client)
        self._api = DurableApi(self._client)

    def run(self, input: Any = None, timeout: float = 60) -> DurableFunctionTestResult:
        """Invoke the function and wait for the execution to end.

        Parameters:
            input: the event; as for the local runner, a str is JSON text if it can be.
            timeout: seconds to wait for the end.

        Raises:
            DurableFunctionsTestError: the function is not a durable one.
            TimeoutError: the execution has not ended by then.
        """
        deadline = time.monotonic() + timeout
        arn = self._invoke("RequestResponse", input)
        return self.wait_for_result(arn, max(0.0, deadline - time.monotonic()))

    def run_async(self, input: Any = None, timeout: float | None = None) -> str:
        """Start an execution and return its ARN at once. `timeout` is not used."""
        return self._invoke("Event", input)

    def wait_for_result(self, execution_arn: str, timeout: float = 60) -> DurableFunctionTestResult:
        """Wait for an execution to end.

        Raises:
            TimeoutError: it has not ended within `timeout` seconds.
        """
        execution, events = self._poll(
            lambda: self._ended_execution(execution_arn), timeout, execution_arn
        )
        return DurableFunctionTestResult.from_execution_history(
            execution, {"Events": events}, is_raw=self._is_raw
        )

    def wait_for_callback(
        self, execution_arn: str, name: str | None = None, timeout: float = 60
    ) -> str:
        """Wait until a callback is open and the invocation that created it has ended.

        Returns:
            The callback id: of the first open one called `name` (or whose context is), or of
            the latest open one without a name.

        Raises:
            DurableFunctionsTestError: the callback or the execution has ended already.
            TimeoutError: there is none within `timeout` seconds.
        """
        return self._poll(lambda: self._open_callback(execution_arn, name), timeout, execution_arn)

    def send_callback_success(self, callback_id: str, result: bytes | None = None) -> None:
        """Answer a callback. `result` is what arrives, JSON text as a rule."""
        body = {} if result is None else {"Result": result}
        self._client.send_durable_execution_callback_success(CallbackId=callback_id, **body)

    def send_callback_failure(self, callback_id: str, error: ErrorObject | None = None) -> None:
        """Fail a callback."""
        body = {} if error is None else {"Error": error.to_dict()}
        self._client.send_durable_execution_callback_failure(CallbackId=callback_id, **body)

    def send_callback_heartbeat(self, callback_id: str) -> None:
        """Start a callback's heartbeat time-out anew."""
        self._client.send_durable_execution_callback_heartbeat(CallbackId=callback_id)

    def pause_execution(self, execution_arn: str, timeout: float = 60) -> None:
        """Not available on AWS: only the local runner pauses executions."""
        raise NotImplementedError("executions are paused with DurableFunctionTestRunner only")

    def resume_execution(self, execution_arn: str) -> None:
        """Not available on AWS; see `pause_execution`."""
        raise NotImplementedError("executions are resumed with DurableFunctionTestRunner only")

    def get_execution_history(
        self, execution_arn: str, include_execution_data: bool = False
    ) -> ExecutionHistory:
        """The events of an execution; without data, payloads are left out."""
        return ExecutionHistory.from_dicts(self._api.events(execution_arn, include_execution_data))

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Nothing: connections are shared by nested uses, and end with the process."""

    def _invoke(self, invocation_type: str, input: Any) -> str:
        response = self._client.invoke(
            FunctionName=self._function_name,
            InvocationType=invocation_type,
            Payload=encode_input(input).encode(),
        )
        response["Payload"].read()  # else its connection is neither used again nor closed
        arn = response.get("DurableExecutionArn")
        if not arn:
            raise DurableFunctionsTestError(
                f"invoking {self._function_name} started no durable execution: "
                "is it deployed with a DurableConfig?"
            )
        if self._is_of_aws:
            _log.info("started %s: %s", arn, console_page(arn))
        if response.get("FunctionError"):
            # The execution tells more of it: its result is what the test gets.
            _log.warning("%s answered with an error: %s", arn, response["FunctionError"])
        return str(arn)

    def _poll(self, look: Callable[[], T | None], timeout: float, execution_arn: str) -> T:
        deadline = time.monotonic() + timeout
        interval = self._poll_interval
        while (found := self._look(look)) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(
                    f"not within {timeout} s; the execution waits for "
                    f"{self._waits_for(execution_arn)}: {execution_arn}"
                )
            time.sleep(min(interval, left))
            # Tests run side by side, and the API takes 15 and 30 calls a second of an account.
            interval = max(interval, min(interval * _BACK_OFF, _LONGEST_INTERVAL_SECONDS))
        return found

    def _waits_for(self, arn: str) -> str:
        operations = folding.fold(list(self._look(lambda: self._api.events(arn)) or ()))
        return waits_for(
            {
                "Id": operation.operation_id,
                "Type": operation.operation_type,
                "Status": operation.status,
                "Name": operation.name,
                "ParentId": operation.parent_id,
                "SubType": operation.sub_type,
            }
            for operation in operations
        )

    def _look(self, look: Callable[[], T | None]) -> T | None:
        try:
            return look()
        except self._client.exceptions.ResourceNotFoundException:
            return None  # started a moment ago, and not visible everywhere yet
        except self._client.exceptions.TooManyRequestsException:
            return None  # the client has tried a few times; it may be asked again later

    def _ended_execution(self, arn: str) -> tuple[Mapping[str, Any], list[dict[str, Any]]] | None:
        """The execution and its whole history, once that has the event that ends it.

        Histories are eventually consistent: the status may say SUCCEEDED before the last events
        are there.
        """
        execution = self._api.execution(arn)
        if execution["Status"] not in TERMINAL:
            return None
        events = list(self._api.events(arn))
        ended = any(event["EventType"] in _END_EVENTS for event in events)
        return (execution, events) if ended else None

    def _open_callback(self, arn: str, name: str | None) -> str | None:
        events = list(self._api.events(arn))
        operations = folding.fold(events)
        callbacks = folding.callbacks_named(operations, name)
        waiting = [c for c in callbacks if c.status is Status.STARTED and _announced(c, events)]
        if waiting:
            details = waiting[0 if name is not None else -1].callback_details
            return None if details is None else details.callback_id
        label = "callback" if name is None else f"callback named {name!r}"
        if name is not None and callbacks and all(c.status in TERMINAL for c in callbacks):
            raise DurableFunctionsTestError(f"the {label} is {callbacks[-1].status} already")
        if any(o.operation_type == "EXECUTION" and o.status in TERMINAL for o in operations):
            raise DurableFunctionsTestError(f"the execution ended with no open {label}")
        return None


def _announced(callback: Operation, events: list[dict[str, Any]]) -> bool:
    """Whether an invocation has ended since the callback was created."""
    started = False
    for event in events:
        started = started or event.get("Id") == callback.operation_id
        if started and event["EventType"] == "InvocationCompleted":
            return True
    return False
