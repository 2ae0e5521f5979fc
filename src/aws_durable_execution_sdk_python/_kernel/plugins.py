"""When the plugins of an invocation are told what.

- An operation's *start* is told before its START is queued, and once where a replay comes to one
  that an earlier invocation began and nothing has happened to since.
- Its *end* is told by whoever observes it: before the operation returns to the program, after the
  service has confirmed it, once. What had ended before and is not among the updated operations is
  old. `plugin_ends` has the rest.
- A context without a record has ended each time its body has.
- *Changes* are told by one task beside the program, the newest state of each operation; so are the
  calls of the service, each. The invocation's end is told after everything else.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import Future
from contextvars import Context
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.invocation_output import (
    DurableExecutionInvocationOutput,
)
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    ErrorObject,
    Operation,
    OperationUpdate,
    Status,
)
from aws_durable_execution_sdk_python._kernel.event_loop import EventLoop
from aws_durable_execution_sdk_python._kernel.inbox import Inbox
from aws_durable_execution_sdk_python._kernel.invocation_task import TellingTask
from aws_durable_execution_sdk_python._kernel.jobs import (
    CallOutcome,
    Job,
    outcome_of,
    running_job,
)
from aws_durable_execution_sdk_python._kernel.origin import context_of
from aws_durable_execution_sdk_python._kernel.plugin_awaits import HookAwaits
from aws_durable_execution_sdk_python._kernel.plugin_bodies import (
    ObservedBody,
    Where,
    described,
    function_info,
    identified,
)
from aws_durable_execution_sdk_python._kernel.plugin_calls import (
    CONTROL,
    CodeGivenUp,
    PluginCalls,
    Settle,
)
from aws_durable_execution_sdk_python._kernel.plugin_ends import UntoldEnds
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPluginFactory,
    InvocationEndInfo,
    InvocationStartInfo,
    OperationChangeInfo,
    OperationEndInfo,
    OperationInfo,
    OperationStartInfo,
    PropagationInput,
    ServiceCallInfo,
)

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
Info = TypeVar("Info", bound=OperationInfo)


class Plugins(Opaque):
    """What the plugins of one invocation are told.

    Parameters:
        arn: the execution.
        request_id: of the invocation.
        journal: what is known of the execution; loaded.
        loop, inbox: the invocation's.
        context: that of the handler; in it plugins are told of the invocation itself.
        seconds_left: until the deadline; None if there is none.
        updated: the ids of what has changed while the execution was suspended.
    """

    def __init__(
        self,
        arn: str,
        request_id: str | None,
        journal: Journal,
        loop: EventLoop,
        inbox: Inbox,
        *,
        context: Context,
        seconds_left: Callable[[], float | None],
        updated: Iterable[str],
    ) -> None:
        self._arn = arn
        self._journal = journal
        self._loop = loop
        self._inbox = inbox
        self._is_over = False
        self._context = context
        loop.task_class = TellingTask  # hooks share the contexts of what they are about
        self._awaits = HookAwaits(loop, seconds_left)
        self._settle_around = partial(self._awaits.settle, context)
        self._calls = PluginCalls()
        operations = list(self._recorded())
        self._statuses = {op.operation_id: op.status for op in operations}
        self._updated = {each for each in updated if each in self._statuses}
        self._ends = UntoldEnds(journal, self._tell_end)
        # Operations that a replay has come to.
        self._met: set[str] = set()
        self._lock = threading.Lock()
        self._changed: dict[str, None] = {}
        self._service_calls: list[ServiceCallInfo] = []
        self._delivery: asyncio.Task[None] | None = None
        self._control: BaseException | None = None
        ended = [operation for operation in operations if operation.status in TERMINAL]
        self._ends.are_old(op.operation_id for op in ended if op.operation_id not in self._updated)
        for operation in ended:
            self._ends.add(operation)
        execution = journal.confirmed(journal.execution_id)
        self._info = InvocationStartInfo(
            request_id,
            arn,
            not journal.has_history,
            None if execution is None else execution.start_timestamp,
            operations={op.operation_id: self._describe(op) for op in operations},
            updated_operations={
                op.operation_id: self._describe(op)
                for op in operations
                if op.operation_id in self._updated
            },
        )

    # -- the invocation ---------------------------------------------------------------------

    async def around(
        self,
        factories: Sequence[DurableInstrumentationPluginFactory],
        execution_input: object,
        respond: Callable[[], Awaitable[dict[str, Any]]],
    ) -> dict[str, Any]:
        """Make the plugins, and tell them when the invocation begins and when it has responded.

        They are told in tasks of their own, in the very context that the handler runs in.
        """
        self._info = replace(self._info, execution_input=execution_input)
        begin = partial(self._calls.begin, factories, self._info, self._settle_around)
        outcome = await self._in_context(begin)
        if outcome.error is None:
            outcome = await outcome_of(respond)
        told = await self._in_context(partial(self._end, outcome))
        self._is_over = True
        if outcome.error is None:
            outcome = CallOutcome(told.error, outcome.value)
        response: dict[str, Any] = outcome.get()
        return response

    def _in_context(self, make: Callable[[], Awaitable[object]]) -> Awaitable[CallOutcome]:
        return self._loop.create_strange_task(outcome_of(make), self._context)

    async def _end(self, outcome: CallOutcome) -> None:
        """Tell what is left to tell, and the end."""
        try:
            await self._ends.tell_rest(self._settle_around)
        except CONTROL as control:
            self._control = control
        while self._delivery is not None:
            await self._delivery
        info = InvocationEndInfo.from_durable_execution_invocation_output(
            self._info, _output(outcome), self._snapshot()
        )
        await self._calls.end(info, self._settle_around)
        if self._control is not None:
            raise self._control

    async def settle(self, context: Context, given: Awaitable[Any]) -> Any:
        """Wait for what a hook gives that is about a flow of control on the loop.

        Parameters:
            context: of that flow.
        """
        return await self._awaits.settle(context, given)

    async def block_on(self, context: Context, given: Awaitable[Any]) -> Any:
        """Have what a hook gives awaited on the loop, while a thread blocks; also at the end.

        Parameters:
            context: what it runs in.
        """
        if self._is_over:
            if inspect.iscoroutine(given):
                given.close()
            raise CodeGivenUp
        done: Future[CallOutcome] = Future()
        self._inbox.put(self._settle, given, done, context, running_job())
        outcome = done.result()
        if isinstance(outcome.error, asyncio.CancelledError):
            raise CodeGivenUp
        return outcome.get()

    def _settle(
        self,
        given: Awaitable[Any],
        done: Future[CallOutcome],
        context: Context,
        job: Job | None,
    ) -> None:
        def ended(task: asyncio.Task[CallOutcome]) -> None:
            if job is not None:
                job.serving = None
            if task.cancelled() and inspect.iscoroutine(given):
                given.close()  # it never began
            done.set_result(
                CallOutcome(asyncio.CancelledError()) if task.cancelled() else task.result()
            )

        make = partial(self._awaits.settle, context, given)
        task = self._loop.create_strange_task(outcome_of(make))
        task.add_done_callback(ended)
        if job is not None:
            job.serving = task
            if job.abandoned:
                task.cancel()

    # -- operations -------------------------------------------------------------------------

    async def starts(self, update: OperationUpdate, settle: Settle) -> None:
        """A START is about to be queued."""
        if not self._calls.wants("on_operation_start"):
            return
        sub_type = update.sub_type
        info = OperationStartInfo(
            update.operation_id,
            update.operation_type,
            None if sub_type is None else str(sub_type),
            update.name,
            update.parent_id,
            None,
            self._journal.confirmed(update.operation_id) is not None,
            Status.STARTED,
        )
        await self._calls.tell("on_operation_start", info, settle)

    async def resumes(self, operation_id: str, settle: Settle) -> None:
        """A replay has come to an operation that has not ended."""
        with self._lock:
            status = self._statuses.get(operation_id)
            is_known = operation_id in self._met or operation_id in self._updated
            if status is None or is_known or not self._journal.is_history(operation_id):
                return
            self._met.add(operation_id)
        operation = self._journal.confirmed(operation_id)
        if operation is not None and status is not Status.READY and status not in TERMINAL:
            info = self._describe_as(OperationStartInfo, operation, is_replayed=True)
            await self._calls.tell("on_operation_start", info, settle)

    async def ends(self, operation_id: str, settle: Settle) -> None:
        """The program is about to learn of an operation's end."""
        await self._ends.observed(operation_id, settle)

    async def _tell_end(self, operation: Operation, settle: Settle) -> None:
        if self._calls.wants("on_operation_end"):
            info = self._describe_as(OperationEndInfo, operation)
            await self._calls.tell("on_operation_end", info, settle)

    async def has_run(
        self,
        identity: OperationIdentity,
        error: ErrorObject | None,
        settle: Settle,
        *,
        is_replayed: bool,
    ) -> None:
        """A context of which nothing is recorded now has come to its end."""
        await self._ends.tell_inside(identity.operation_id, settle)
        info = OperationEndInfo(
            *identified(identity),
            None,
            is_replayed,
            Status.SUCCEEDED if error is None else Status.FAILED,
            end_time=datetime.now(UTC),
            error=error,
        )
        await self._calls.tell("on_operation_end", info, settle)

    async def propagated(
        self, identity: OperationIdentity, function_name: str, settle: Settle
    ) -> str | None:
        """The trace header for a function that is about to be invoked."""
        info = PropagationInput(self._arn, identity.operation_id, function_name, identity.parent_id)
        return await self._calls.propagated(info, settle)

    # -- functions of the user's ------------------------------------------------------------

    def body(self, where: Where, identity: OperationIdentity, attempt: int, function: F) -> F:
        """The function of a step or a check, observed."""
        if not self._observes_bodies:
            return function
        make_info = partial(function_info, identity, attempt)
        return ObservedBody(self._calls, where, make_info).around(function)

    def context_body(
        self,
        where: Where,
        identity: OperationIdentity,
        make: Callable[[], Awaitable[T]],
        settle: Settle,
        *,
        is_replay_children: bool,
    ) -> Awaitable[T]:
        """What runs inside a context, observed."""
        if not self._observes_bodies:
            return make()
        make_info = partial(function_info, identity, None, is_replay_children=is_replay_children)
        return ObservedBody(self._calls, where, make_info).run(make, settle)

    @property
    def _observes_bodies(self) -> bool:
        wants = self._calls.wants
        return wants("on_user_function_start") or wants("on_user_function_end")

    # -- what the service tells -------------------------------------------------------------

    def merged(self, operation_ids: Iterable[str]) -> None:
        """An answer was merged; nobody has been released yet."""
        changed = False
        for operation_id in operation_ids:
            operation = self._journal.confirmed(operation_id)
            if operation is None or operation.status is self._statuses.get(operation_id):
                continue
            self._statuses[operation_id] = operation.status
            self._changed[operation_id] = None
            changed = True
            if operation.status in TERMINAL:
                self._ends.add(operation)
        if changed and self._calls.wants("on_operation_change"):
            self._deliver()

    def called(self, info: ServiceCallInfo) -> None:
        """A call of the service has ended."""
        if self._calls.wants("on_service_call"):
            self._service_calls.append(info)
            self._deliver()

    def _deliver(self) -> None:
        if self._delivery is None:
            # Nobody's flow of control: the timers of the invocation's end before its hooks do.
            context = self._context.run(context_of, None)
            settle = partial(self._awaits.settle, context)
            self._delivery = self._loop.create_strange_task(self._delivering(settle), context)

    async def _delivering(self, settle: Settle) -> None:
        try:
            while self._changed or self._service_calls:
                calls, self._service_calls = self._service_calls, []
                for call in calls:
                    await self._calls.tell("on_service_call", call, settle)
                changed, self._changed = self._changed, {}
                if changed and self._calls.wants("on_operation_change"):
                    operations = self._snapshot()
                    updated = {each: operations[each] for each in changed}
                    info = OperationChangeInfo(self._arn, updated, operations)
                    await self._calls.tell("on_operation_change", info, settle)
        except CONTROL as error:
            self._control = error  # out of a task of its own it would stop the event loop
        finally:
            self._delivery = None

    # -- descriptions -----------------------------------------------------------------------

    def _recorded(self) -> Iterable[Operation]:
        for operation_id in self._journal.operation_ids():
            operation = self._journal.confirmed(operation_id)
            if operation is not None:
                yield operation

    def _snapshot(self) -> dict[str, OperationInfo]:
        return {each.operation_id: self._describe(each) for each in self._recorded()}

    def _describe(self, operation: Operation) -> OperationInfo:
        return self._describe_as(OperationInfo, operation)

    def _describe_as(
        self, kind: type[Info], operation: Operation, *, is_replayed: bool = False
    ) -> Info:
        info = kind.from_operation(operation, is_replayed=is_replayed)
        # At the top level the service may name the execution, or nothing.
        return (
            replace(info, parent_id=None) if info.parent_id == self._journal.execution_id else info
        )


def _output(outcome: CallOutcome) -> DurableExecutionInvocationOutput:
    """What came of an invocation."""
    if outcome.error is not None:
        return DurableExecutionInvocationOutput.create_retry(described(outcome.error))
    return DurableExecutionInvocationOutput.from_dict(outcome.value)
