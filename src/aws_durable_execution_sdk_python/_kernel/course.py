"""The course of one invocation: state, handler, response, and nothing left behind.

- The first that comes counts: the handler's end, a suspension, an error that ends the invocation.
- Whatever it comes to, all that runs has ended before the response is given, threads that do not
  come back before the deadline aside.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from functools import partial
from typing import Any

from aws_durable_execution_sdk_python._core import compat
from aws_durable_execution_sdk_python._core.model import (
    StateOutput,
)
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import AnyFunction, Kind
from aws_durable_execution_sdk_python._core.values.boundary import HandlerValues
from aws_durable_execution_sdk_python._kernel.completeness import asking_for_all
from aws_durable_execution_sdk_python._kernel.failure_log import UserFailure
from aws_durable_execution_sdk_python._kernel.invocation import RunningInvocation
from aws_durable_execution_sdk_python._kernel.jobs import CallOutcome, outcome_of
from aws_durable_execution_sdk_python._kernel.plugins import Plugins
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._kernel.response import (
    PENDING,
    Response,
    failed_unless_retryable,
    response_to,
)
from aws_durable_execution_sdk_python.exceptions import (
    ExecutionError,
    InvocationError,
)
from aws_durable_execution_sdk_python.logger import LogInfo
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPluginFactory,
)


class InvocationCourse(Opaque):
    """One invocation, from the recorded state to the response for Lambda.

    Parameters:
        invocation: what its operations share.
        initial: the state that the service sent along, of which there may be more.
        plugins: the factories of those that are told.
        updated: the ids of what has changed while the execution was suspended.
    """

    def __init__(
        self,
        invocation: RunningInvocation,
        initial: StateOutput,
        *,
        plugins: Sequence[DurableInstrumentationPluginFactory] = (),
        updated: Iterable[str] = (),
    ) -> None:
        self._invocation = invocation
        self._checkpointer = invocation.checkpointer
        self._initial = initial
        self._plugin_factories = plugins
        self._updated = updated
        self._handler_ended: CallOutcome | None = None

    async def run(self, handler: AnyFunction, kind: Kind, values: HandlerValues) -> Response:
        """Load the state, run the handler, and give the response for Lambda.

        Raises:
            Whatever makes the service invoke again: a retryable service error, a crash.
        """
        mode = compat.enter_mode(self._invocation.compat_aws)
        try:
            try:
                await self._checkpointer.load(self._initial)
                self._invocation.journal.begin()
            except InvocationError as error:
                return failed_unless_retryable(error, self._report)
            root = partial(self._root, handler, kind, values, self._input())
            # The handler's flow of control, and what comes of it, is the user's.
            context = self._invocation.flows.context()
            respond = partial(self._respond, root, values, context)
            return await (self._observed(respond, context) if self._plugin_factories else respond())
        finally:
            self._checkpointer.close()
            self._invocation.scope.over = True
            compat.leave_mode(mode)

    def _observed(
        self, respond: Callable[[], Awaitable[Response]], context: Context
    ) -> Awaitable[Response]:
        """The response, with plugins told when the invocation begins and ends."""
        invocation = self._invocation
        plugins = invocation.plugins = Plugins(
            invocation.arn,
            getattr(invocation.scope.lambda_context, "aws_request_id", None),
            invocation.journal,
            invocation.loop,
            invocation.inbox,
            context=context,
            seconds_left=invocation.deadline.seconds_left,
            updated=self._updated,
        )
        self._checkpointer.observe(plugins.called, plugins.merged)
        # Parsed once more: the plugins' copy is theirs to change.
        return plugins.around(self._plugin_factories, self._input(), respond)

    async def _respond(
        self, root: Callable[[], Op[object]], values: HandlerValues, context: Context
    ) -> Response:
        raised, response = await self._course(root, values, context)
        if raised is not None:
            raise raised
        ended = self._checkpointer.ended
        if ended is None or ended.orderly:
            return response
        if ended.error is None:
            return PENDING
        return failed_unless_retryable(ended.error, self._report)

    async def _course(
        self, root: Callable[[], Op[object]], values: HandlerValues, context: Context
    ) -> tuple[BaseException | None, Response]:
        """Everything that runs, in one task group; what it came to is a value.

        asyncio's group: anyio's cannot give a task a context of its own, by which the user's flows
        of control are told from the engine's. Nothing cancels it: user code is given the time it
        takes to clean up, and the consumer ends when it is closed.
        """
        raised: BaseException | None = asyncio.CancelledError()
        response = PENDING
        invocation = self._invocation
        async with asyncio.TaskGroup() as group:
            self._checkpointer.consume_in(group)
            # Not in the group, which would wait for good for a handler that resists its end.
            flow = _outcome(invocation, self._keep, root)
            handler = invocation.loop.create_task(flow, context=context)
            handler.add_done_callback(lambda _: invocation.end())
            try:
                with (
                    invocation.completions.releasing(),
                    invocation.suspension.watching(),
                    invocation.deadline.watching(invocation.loop),
                ):
                    await invocation.ending
                raised, response = await self._conclusion(values)
            finally:
                await self._close(crashed=not isinstance(raised, Exception | None))
        if handler.done() and not handler.cancelled():
            handler.result()  # of ours, if it raises
        return raised, response

    def _keep(self, outcome: CallOutcome) -> None:
        """The handler has come to its end, which counts if it comes first."""
        if not self._invocation.is_ending:
            self._handler_ended = outcome
            self._invocation.end()

    async def _conclusion(self, values: HandlerValues) -> tuple[BaseException | None, Response]:
        outcome = self._handler_ended
        if outcome is None and (refusal := self._refusal()) is not None:
            outcome = CallOutcome(refusal)
        if outcome is None:
            return None, PENDING
        try:
            return None, await response_to(
                self._checkpointer,
                *outcome,
                to_text=values.result_text,
                report=self._report,
            )
        except BaseException as error:
            return error, PENDING

    def _report(self, error: BaseException) -> None:
        """Log the failure that ends the execution."""
        position = self._invocation.root_position
        logger = logging.getLogger() if position is None else position.underlying_logger
        self._invocation.failures.log(
            logger, UserFailure("the handler", error, LogInfo(self._invocation.arn).extra())
        )

    def _refusal(self) -> Exception | None:
        """Why this invocation must not end as suspended: an error that is on its way up."""
        if self._checkpointer.ended is not None:
            return None
        errors = (
            *self._invocation.loop_runtime.postponed,
            *(context.refusal for context in tuple(self._invocation.scope.refused)),
        )
        return next(filter(None, errors), None)

    def _input(self) -> Any:
        payload = self._invocation.journal.execution_input()
        if payload is None:
            raise ExecutionError(
                f"the state of {self._invocation.arn} has no EXECUTION operation: is the function "
                "configured as a durable function?"
            )
        return json.loads(payload) if payload.strip() else {}

    def _root(
        self, handler: AnyFunction, kind: Kind, values: HandlerValues, event: object
    ) -> Op[object]:
        @functools.wraps(handler)
        def call(context: object) -> object:
            return handler(values.event(event), context)

        async def run(runtime: Runtime) -> object:
            position = self._invocation.root_position = Position(self._invocation.scope)
            return await asking_for_all(runtime, position, runtime.enter(kind, position, call))

        return self._invocation.loop_runtime.host(kind, run)

    async def _close(self, *, crashed: bool) -> None:
        """Leave nothing behind for the next invocation: no task, no thread, no open request."""
        self._invocation.end()
        try:
            await self._invocation.flows.end(
                self._join, busy=self._invocation.workers.has_jobs, crashed=crashed
            )
        finally:
            self._checkpointer.close()  # where threads were not waited for
            self._invocation.workers.close()

    async def _join(self) -> None:
        self._checkpointer.close()
        await self._invocation.limits.close()
        await self._invocation.workers.join()


async def _outcome(
    invocation: RunningInvocation,
    keep: Callable[[CallOutcome], None],
    root: Callable[[], Op[object]],
) -> None:
    """The flow of control of the handler."""
    runtime = invocation.loop_runtime
    task = runtime.begin_root()
    keep(await outcome_of(root))
    runtime.end_root(task)
