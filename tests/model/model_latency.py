"""How late the service's answers come, in real time."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from model_programs import Text

from aws_durable_execution_sdk_python._core.model import (
    CheckpointOutput,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python.lambda_service import DurableServiceClient

T = TypeVar("T")


@dataclass(frozen=True, repr=False)
class Latency(Text):
    """Every call takes up to so many milliseconds, on the way there or back.

    The seed decides, for each call of a run by its number.
    """

    most: int = 0
    seed: int = 0


class Delays:
    """The latency of the calls of one run, from whichever thread they come."""

    def __init__(self, latency: Latency) -> None:
        self._latency = latency
        self._numbers = itertools.count()

    async def around(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make a call that takes its time."""
        there, back = self._next()
        if there:
            await asyncio.sleep(there)
        try:
            return await call()
        finally:
            if back:
                await asyncio.sleep(back)

    def _next(self) -> tuple[float, float]:
        """Seconds before a call and after it."""
        if not self._latency.most:
            return 0.0, 0.0
        draw = random.Random(f"{self._latency.seed}/{next(self._numbers)}")
        seconds = draw.uniform(0, self._latency.most / 1000)
        return (seconds, 0.0) if draw.random() < 0.3 else (0.0, seconds)


class LateClient:
    """A service client whose calls take their time.

    Parameters:
        client: makes the calls.
        delays: say how much.
        answered: called when an answer has arrived.
    """

    def __init__(
        self, client: DurableServiceClient, delays: Delays, answered: Callable[[], object]
    ) -> None:
        self._client = client
        self._delays = delays
        self._answered = answered

    async def checkpoint(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        updates: Sequence[OperationUpdate],
        client_token: str | None,
    ) -> CheckpointOutput:
        return await self._late(
            lambda: self._client.checkpoint(
                durable_execution_arn, checkpoint_token, updates, client_token
            )
        )

    async def get_execution_state(
        self,
        durable_execution_arn: str,
        checkpoint_token: str,
        next_marker: str,
        max_items: int = 1000,
    ) -> StateOutput:
        return await self._late(
            lambda: self._client.get_execution_state(
                durable_execution_arn, checkpoint_token, next_marker, max_items
            )
        )

    async def _late(self, call: Callable[[], Awaitable[T]]) -> T:
        try:
            return await self._delays.around(call)
        finally:
            self._answered()
