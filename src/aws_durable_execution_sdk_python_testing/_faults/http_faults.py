"""A faulty service for handlers that call it over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from aws_durable_execution_sdk_python_testing._faults.fault_errors import NoAnswerError
from aws_durable_execution_sdk_python_testing._faults.fault_plan import FaultDecision, FaultPlan
from aws_durable_execution_sdk_python_testing._faults.fault_settings import Fault
from aws_durable_execution_sdk_python_testing._faults.faulty_calls import FaultyCalls, RevocableApi


class HttpCalls:
    """The handler's calls, as an event loop makes them.

    Parameters:
        service: carries the calls out.
        plan: says which of them fail, and how; None lets all of them succeed.
    """

    def __init__(self, service: RevocableApi, plan: FaultPlan | None) -> None:
        self._service = service
        self._plan = plan
        self._calls = None if plan is None else FaultyCalls(service, plan)

    async def checkpoint(self, arn: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if self._plan is None or self._calls is None:
            return self._service.checkpoint(arn, body)
        decision = self._plan.checkpoint(arn)
        await self._delay(decision, self._plan)
        return self._calls.checkpoint(decision, arn, body)

    async def get_state(
        self, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        if self._plan is None or self._calls is None:
            return self._service.get_state(arn, checkpoint_token, marker, max_items)
        decision = self._plan.get_state(arn)
        await self._delay(decision, self._plan)
        return self._calls.get_state(decision, arn, checkpoint_token, marker, max_items)

    async def _delay(self, decision: FaultDecision, plan: FaultPlan) -> None:
        unanswered = plan.faults.timeout_seconds if decision.fault is Fault.TIMEOUT else 0.0
        await asyncio.sleep(decision.delay + unanswered)


@web.middleware
async def cut_unanswered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Cut the connection of a request that is to get no answer."""
    try:
        return await handler(request)
    except NoAnswerError:
        if request.transport is not None:
            request.transport.abort()
        # It goes nowhere: aiohttp wants one all the same.
        return web.Response()
