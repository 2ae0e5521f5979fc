"""The service client of handlers that run in the service's own process.

Every call goes through JSON, as over HTTP, so that what would be truncated or refused on the way
shows up in tests too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core.limits import MAX_PAGE_ITEMS
from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python._service.classification import is_retryable
from aws_durable_execution_sdk_python.exceptions import (
    BotoClientError,
    CheckpointError,
    GetExecutionStateError,
)
from aws_durable_execution_sdk_python_testing._engine import ServiceError
from aws_durable_execution_sdk_python_testing._functions.contracts import HandlerApi
from aws_durable_execution_sdk_python_testing._results.payloads import from_api
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsLocalRunnerError

_E = TypeVar("_E", bound=BotoClientError)


class InProcessClient:
    """A `DurableServiceClient` that calls a local service directly.

    Parameters:
        service: the service.
        hooks: what goes with it into the SDK: its clock, and what stands in for steps.
    """

    def __init__(self, service: HandlerApi, hooks: Hooks) -> None:
        self._service = service
        self.hooks = hooks

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        body: dict[str, Any] = {
            "CheckpointToken": checkpoint_token,
            "Updates": [update.to_dict() for update in updates],
        }
        if client_token is not None:
            body["ClientToken"] = client_token
        sent = _through_wire(body)
        answer = _call(
            CheckpointError, lambda: self._service.checkpoint(durable_execution_arn, sent)
        )
        return CheckpointOutput(
            answer.get("CheckpointToken"), _state(answer.get("NewExecutionState") or {})
        )

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = MAX_PAGE_ITEMS,
    ) -> StateOutput:
        return _state(
            _call(
                GetExecutionStateError,
                lambda: self._service.get_state(
                    durable_execution_arn, checkpoint_token, next_marker, max_items
                ),
            )
        )


def _call(error_class: type[_E], call: Callable[[], dict[str, Any]]) -> Any:
    try:
        answer = call()
    except ServiceError as error:
        raise error_class(
            f"{error.code}: {error.message}",
            retryable=is_retryable(error.code, error.status_code, error.message),
            error_code=error.code,
            status_code=error.status_code,
        ) from error
    except DurableFunctionsLocalRunnerError as error:
        raise error_class(str(error)) from error
    return _through_wire(answer)


def _through_wire(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _state(answer: Mapping[str, Any]) -> StateOutput:
    operations: list[Mapping[str, Any]] = list(map(from_api, answer.get("Operations") or []))
    return StateOutput(operations, answer.get("NextMarker") or None)
