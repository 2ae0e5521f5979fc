"""Executions of a service that is reached by its API: AWS, or another process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from aws_durable_execution_sdk_python_testing._engine import ResourceNotFoundError, ServiceError
from aws_durable_execution_sdk_python_testing._remote.durable_api import DurableApi

# Seconds between two questions: nothing tells of changes there.
_PAUSE_SECONDS = 2.0


class RemoteError(ServiceError):
    """What a remote service refused, or that it cannot be reached."""

    status_code = 502

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}" if message else code)


class RemoteSource:
    """A service reached by a client of its API, whose calls block, each on a thread.

    Parameters:
        api: the client.
        names: the functions whose executions are shown, where they are known.
        writable: whether executions may be changed.
    """

    def __init__(self, api: DurableApi, names: Sequence[str], *, writable: bool) -> None:
        self._api = api
        self.names = names
        self.writable = writable

    async def call(self, action: Callable[[DurableApi], Any]) -> Any:
        """What a call answers, times as epoch seconds, without what boto3 adds about the call.

        Raises:
            ServiceError: it was refused, or there is no answer.
        """
        return await asyncio.to_thread(self._call, action)

    def _call(self, action: Callable[[DurableApi], Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer = in_seconds(action(self._api))
        except ClientError as error:
            said = error.response.get("Error", {})
            code, message = said.get("Code", ""), said.get("Message", "")
            if code == ResourceNotFoundError.code:
                raise ResourceNotFoundError(message) from error
            raise RemoteError(code, message) from error
        except BotoCoreError as error:
            raise RemoteError(type(error).__name__, str(error)) from error
        if isinstance(answer, dict):
            answer.pop("ResponseMetadata", None)
        return answer

    def now(self) -> float:
        return time.time()

    def changes(self) -> _RemoteChanges:
        return _RemoteChanges()

    async def execution(self, arn: str) -> dict[str, Any]:
        answer = await self.call(lambda api: api.execution(arn, include_execution_data=False))
        return dict(answer)

    async def history(self, arn: str) -> list[dict[str, Any]]:
        return list(await self.call(lambda api: list(api.events(arn))))

    async def events_after(self, arn: str, event_id: int) -> list[dict[str, Any]]:
        answer = await self.call(
            lambda api: api.events_after(arn, event_id, include_execution_data=False)
        )
        return list(answer)

    async def functions(self) -> list[dict[str, Any]]:
        return [{"Name": name, "Durable": True, "Replays": False} for name in self.names]

    def handler(self, function_name: str) -> None:
        """None: their code is elsewhere."""

    def line(self, arn: str, operation_id: str) -> None:
        """None: their code is elsewhere."""

    def memory(self, function_name: str) -> None:
        """None: it is not asked for."""


class _RemoteChanges:
    async def come(self, seconds: float) -> bool:
        await asyncio.sleep(_PAUSE_SECONDS)
        return True


def in_seconds(value: Any) -> Any:
    """An answer of boto3 as the API's JSON has it."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {key: in_seconds(member) for key, member in value.items()}
    if isinstance(value, list):
        return [in_seconds(member) for member in value]
    return value
