"""The handler's calls of a service, some of which fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from aws_durable_execution_sdk_python_testing._faults.fault_errors import REFUSALS, NoAnswerError
from aws_durable_execution_sdk_python_testing._faults.fault_plan import FaultDecision, FaultPlan
from aws_durable_execution_sdk_python_testing._faults.fault_settings import Fault
from aws_durable_execution_sdk_python_testing._faults.shuffled_pages import ShuffledPages
from aws_durable_execution_sdk_python_testing._functions.contracts import HandlerApi


class RevocableApi(HandlerApi, Protocol):
    """A service that can take an invocation's token away."""

    def revoke_token(self, arn: str) -> None: ...


class FaultyCalls:
    """Carries calls out as is decided for each. The delays are the caller's business.

    Parameters:
        service: carries the calls out.
        plan: says in what order an invocation reads its state.
    """

    def __init__(self, service: RevocableApi, plan: FaultPlan) -> None:
        self._service = service
        self._plan = plan
        self._pages: dict[str, ShuffledPages] = {}

    def checkpoint(
        self, decision: FaultDecision, arn: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """CheckpointDurableExecution; raises a `ServiceError` or `NoAnswerError` as decided."""
        answer = _transmit(decision, lambda: self._service.checkpoint(arn, body))
        # The update that ends an execution is answered without a token anyway.
        if decision.fault is not Fault.TOKEN_REVOKED or "CheckpointToken" not in answer:
            return answer
        self._service.revoke_token(arn)
        return {"NewExecutionState": {"Operations": []}}

    def get_state(
        self, decision: FaultDecision, arn: str, checkpoint_token: str, marker: str, max_items: int
    ) -> dict[str, Any]:
        """GetDurableExecutionState; raises as `checkpoint`."""

        def read(at: str) -> dict[str, Any]:
            return self._service.get_state(arn, checkpoint_token, at, max_items)

        shuffle = self._plan.shuffle(arn)
        if shuffle is None:
            self._pages.pop(arn, None)
            return _transmit(decision, lambda: read(marker))
        pages = self._pages.get(arn)
        if pages is None or pages.token != checkpoint_token:
            pages = self._pages[arn] = ShuffledPages(shuffle, checkpoint_token, read)
        shown = pages
        return _transmit(decision, lambda: shown.page(marker))


def _transmit(decision: FaultDecision, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    refusal = None if decision.fault is None else REFUSALS.get(decision.fault)
    if refusal is not None:
        raise refusal()
    if decision.fault is Fault.TIMEOUT:
        raise NoAnswerError("no answer came within the client's time-out")
    answer = call()
    if decision.fault is Fault.LOST_RESPONSE:
        raise NoAnswerError("the connection was cut before the answer came")
    return answer
