"""The verbs that both runtimes answer alike: what is on record, what the execution is."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context
from typing import TYPE_CHECKING, Any, Never, TypeVar, cast

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    ErrorObject,
    Operation,
    OperationAction,
    OperationUpdate,
)
from aws_durable_execution_sdk_python._core.tracing import trace_header
from aws_durable_execution_sdk_python._kernel.failure_log import UserFailure
from aws_durable_execution_sdk_python._kernel.hooks import StepAttempt
from aws_durable_execution_sdk_python._kernel.plugin_bodies import Where
from aws_durable_execution_sdk_python._kernel.plugin_calls import Settle
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python.exceptions import OrphanedChildException, SuspendExecution

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.invocation import RunningInvocation
    from aws_durable_execution_sdk_python._kernel.plugins import Plugins

_log = logging.getLogger(__name__)

T = TypeVar("T")
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

    def lies_ahead(self, parent_id: str | None) -> set[str]:
        return self._invocation.journal.lies_ahead(parent_id)

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
        stand_in, plugins = self._invocation.hooks.stand_in, self._invocation.plugins
        if stand_in is not None:
            described = StepAttempt(
                self.arn, identity.operation_id, identity.name, attempt, at_most_once
            )
            function = cast(F, stand_in(described, function))
        if plugins is None:
            return function
        return plugins.body(self.where(), identity, attempt, function)

    # -- what plugins are told --------------------------------------------------------------

    @abstractmethod
    def where(self) -> Where:
        """Where hooks run that are about the code that runs here."""

    @abstractmethod
    def settling(self) -> Settle:
        """Waits for what hooks give that are about the code that runs here, in one context."""

    async def block_on(self, context: Context, given: Awaitable[Any]) -> Any:
        """Block this thread while what a hook gives is awaited on the event loop."""
        plugins = self._invocation.plugins
        assert plugins is not None  # else there is no hook
        return await plugins.block_on(context, given)

    @abstractmethod
    def post(self, update: OperationUpdate) -> None:
        """Queue an update."""

    @abstractmethod
    async def save(self, update: OperationUpdate) -> None:
        """Queue an update, and wait until it is saved."""

    def begin(self, start: OperationUpdate) -> Awaitable[None]:
        plugins = self._invocation.plugins
        if plugins is None:
            self.post(start)
            return AT_ONCE
        return self._told_start(plugins, start)

    async def _told_start(self, plugins: Plugins, start: OperationUpdate) -> None:
        await plugins.starts(start, self.settling())
        self.post(start)

    async def commit(self, update: OperationUpdate) -> Operation | None:
        plugins = self._invocation.plugins
        if plugins is not None and update.action is OperationAction.START:
            await plugins.starts(update, self.settling())
        await self.save(update)
        return self._invocation.journal.get(update.operation_id)

    def resumes(self, operation_id: str) -> Awaitable[None]:
        plugins = self._invocation.plugins
        return AT_ONCE if plugins is None else plugins.resumes(operation_id, self.settling())

    def context_body(
        self,
        identity: OperationIdentity,
        make: Callable[[], Awaitable[T]],
        *,
        is_replay_children: bool = False,
    ) -> Awaitable[T]:
        plugins = self._invocation.plugins
        if plugins is None:
            return make()
        return plugins.context_body(
            self.where(), identity, make, self.settling(), is_replay_children=is_replay_children
        )

    def has_run(
        self, identity: OperationIdentity, error: ErrorObject | None, *, is_replayed: bool = False
    ) -> Awaitable[None]:
        plugins = self._invocation.plugins
        if plugins is None:
            return AT_ONCE
        return plugins.has_run(identity, error, self.settling(), is_replayed=is_replayed)

    async def trace_for(self, identity: OperationIdentity, function_name: str) -> str | None:
        plugins = self._invocation.plugins
        if plugins is not None:
            given = await plugins.propagated(identity, function_name, self.settling())
            if given is not None:
                return given
        return trace_header()

    def told_end(self, turn: Awaitable[None], operation_id: str) -> Awaitable[None]:
        """The turn of an operation's end; plugins are told of it before the program."""
        plugins = self._invocation.plugins
        return turn if plugins is None else self._told_end(plugins, turn, operation_id)

    async def _told_end(self, plugins: Plugins, turn: Awaitable[None], operation_id: str) -> None:
        await turn
        await plugins.ends(operation_id, self.settling())
