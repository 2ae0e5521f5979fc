"""The verbs that both runtimes answer alike: what is on record, what the execution is."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Never, TypeVar, cast

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import Operation
from aws_durable_execution_sdk_python._kernel.failure_log import UserFailure
from aws_durable_execution_sdk_python._kernel.hooks import StepAttempt
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python.exceptions import OrphanedChildException, SuspendExecution

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.invocation import RunningInvocation

_log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., object])


class _AtOnce:
    """What is awaited where there is nothing to wait for, again and again."""

    def __await__(self) -> Iterator[Never]:
        return iter(())


AT_ONCE: Awaitable[None] = cast(Awaitable[None], _AtOnce())


class CommonRuntime(Opaque):
    """See `ports.Runtime` for what each verb promises."""

    def __init__(self, invocation: RunningInvocation) -> None:
        self._invocation = invocation

    @property
    def arn(self) -> str:
        return self._invocation.arn

    @property
    def compat_aws(self) -> bool:
        return self._invocation.compat_aws

    def find(self, identity: OperationIdentity) -> Operation | None:
        return self._invocation.journal.find(identity)

    def recorded(self, operation_id: str) -> Operation | None:
        return self._invocation.journal.get(operation_id)

    def left_out(self, parent_id: str | None) -> Operation | None:
        return self._invocation.journal.left_out(parent_id)

    @property
    def operation_count(self) -> int:
        return self._invocation.journal.operation_count

    def reopen(self, identity: OperationIdentity) -> None:
        self._invocation.journal.open_context(identity.operation_id, identity.parent_id)

    def pass_over(self, identity: OperationIdentity) -> None:
        self._invocation.suspension.pass_over(identity.shown)

    def warn(self, message: str) -> None:
        _log.warning("%s: %s", self.arn, message)

    def report(self, position: Position, failure: UserFailure) -> None:
        try:
            self.check_wanted()
            position.check_wanted()
        except (SuspendExecution, OrphanedChildException):
            return
        self._invocation.failures.log(position.underlying_logger, failure)

    def check_wanted(self) -> None:
        """Refuse to go on where nothing that this code does counts any more.

        Raises:
            SuspendExecution, OrphanedChildException: it does not.
        """
        self._invocation.check()

    def body(
        self,
        identity: OperationIdentity,
        attempt: int,
        function: F,
        *,
        at_most_once: bool = False,
    ) -> F:
        stand_in = self._invocation.hooks.stand_in
        if stand_in is None:
            return function
        described = StepAttempt(
            self.arn, identity.operation_id, identity.name, attempt, at_most_once
        )
        return cast(F, stand_in(described, function))
