"""One invocation: from the recorded state to the response for Lambda."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextvars import Context
from functools import partial
from typing import Any, NamedTuple, TypeVar

from aws_durable_execution_sdk_python._core import compat
from aws_durable_execution_sdk_python._core.arns import execution_id
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import (
    StateOutput,
)
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import AnyFunction, Kind, UserFunction
from aws_durable_execution_sdk_python._core.values.boundary import HandlerValues
from aws_durable_execution_sdk_python._kernel.checkpointer import Checkpointer
from aws_durable_execution_sdk_python._kernel.clock import Clock, SystemClock
from aws_durable_execution_sdk_python._kernel.completeness import asking_for_all
from aws_durable_execution_sdk_python._kernel.completion_order import CompletionOrder
from aws_durable_execution_sdk_python._kernel.deadline import Deadline
from aws_durable_execution_sdk_python._kernel.ending import Flows
from aws_durable_execution_sdk_python._kernel.event_loop import running_loop
from aws_durable_execution_sdk_python._kernel.failure_log import FailureLog, UserFailure
from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python._kernel.inbox import Inbox
from aws_durable_execution_sdk_python._kernel.invocation_workers import Workers
from aws_durable_execution_sdk_python._kernel.jobs import CallOutcome, outcome_of
from aws_durable_execution_sdk_python._kernel.loop_runtime import LoopRuntime
from aws_durable_execution_sdk_python._kernel.ownership import InvocationScope, StepBody
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
from aws_durable_execution_sdk_python._kernel.suspension import Suspension
from aws_durable_execution_sdk_python._kernel.thread_runtime import ThreadRuntime
from aws_durable_execution_sdk_python._kernel.time_limit import TimeLimits
from aws_durable_execution_sdk_python._kernel.tuning import Tuning
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import (
    ExecutionError,
    InvocationError,
    SuspendExecution,
    UnrecoverableError,
)
from aws_durable_execution_sdk_python.logger import LogInfo
from aws_durable_execution_sdk_python.plugin import (
    DurableInstrumentationPluginFactory,
)
from aws_durable_execution_sdk_python.serdes import SerDesDefaults

_log = logging.getLogger(__name__)

T = TypeVar("T")


class ContextFactories(NamedTuple):
    """Make the public context objects, which this layer does not know."""

    blocking: Callable[[Position, ThreadRuntime], object]
    asynchronous: Callable[[Position, LoopRuntime], object]


class RunningInvocation(Opaque):
    """Everything the operations of one invocation share."""

    def __init__(
        self,
        client: DurableServiceClient,
        arn: str,
        token: str,
        initial: StateOutput,
        *,
        contexts: ContextFactories,
        hooks: Hooks,
        threads: ThreadPool,
        lambda_context: object = None,
        compat_aws: bool = False,
        deadline_margin: float | None = None,
        serdes: SerDesDefaults | None = None,
        plugins: Sequence[DurableInstrumentationPluginFactory] = (),
        updated: Iterable[str] = (),
    ) -> None:
        self.arn = arn
        self.compat_aws = compat_aws
        self.hooks = hooks
        self._contexts = contexts
        self._plugin_factories = plugins
        self._updated = updated
        # None without plugins, which is all that they cost then.
        self.plugins: Plugins | None = None
        self.loop = running_loop()
        self.journal = Journal(execution_id(arn), hooks.recall)
        self._initial = initial
        self.deadline = Deadline(lambda_context, deadline_margin, self.journal)
        self.failures = FailureLog()
        self._root_position: Position | None = None
        self.scope = InvocationScope(
            arn,
            lambda_context,
            self.journal,
            self.loop,
            serdes or SerDesDefaults(),
            compat_aws=compat_aws,
            had_ended=hooks.had_ended,
        )
        self._ended = False
        self._ending: asyncio.Future[None] = self.loop.create_future()
        self._bodies = 0
        self._handler_ended: CallOutcome | None = None
        self._flows = Flows(self.loop, self.deadline.seconds_left)
        self.inbox = Inbox(self.loop)
        self.workers = Workers(threads, self.inbox, tuning=hooks.tuning, on_failure=self._fail)
        clock: Clock = hooks.clock or SystemClock()
        # Bodies take real time, by whatever clock the timers run; a clock may have its own idea.
        self._limits = TimeLimits(self.workers, getattr(clock, "sleep", asyncio.sleep))
        self.completions = CompletionOrder(
            self.loop,
            self.journal,
            work_in_hand=self._work_in_hand,
            sleep=lambda: self.suspension,
        )
        self.loop_runtime = LoopRuntime(self)
        self.suspension = self._make_suspension(clock)
        self.checkpointer = self._make_checkpointer(client, token, hooks.tuning)
        self.suspension.checkpointer = self.checkpointer

    def _make_suspension(self, clock: Clock) -> Suspension:
        return Suspension(
            self.loop,
            self.journal,
            clock,
            powers={self.loop_runtime},
            work_in_hand=lambda: self._work_in_hand() or self.completions.has_waiting,
            doomed=self.completions.doomed,
            rescue=self.workers.rescue,
            out_of_time=self.deadline.has_come,
            seconds_left=self.deadline.seconds_left,
            suspend=self._suspend,
            refuse=self._refuse,
        )

    def _make_checkpointer(
        self, client: DurableServiceClient, token: str, tuning: Tuning
    ) -> Checkpointer:
        return Checkpointer(
            client,
            self.arn,
            token,
            self.journal,
            tuning=tuning,
            catch_up=self.workers.catch_up,
            on_change=self.suspension.changed,
            on_end=lambda _: self._end(),
        )

    # -- what operations use ----------------------------------------------------------------

    def check(self) -> None:
        """Refuse durable calls once the invocation is ending.

        Raises:
            SuspendExecution: it is; whatever the code does now changes nothing.
        """
        if self._ended:
            raise SuspendExecution("the invocation is ending")

    @property
    def is_ending(self) -> bool:
        """Whether nothing that user code does counts any more."""
        return self._ended

    def blocking_context(self, position: Position, runtime: ThreadRuntime) -> object:
        """The context object to hand to a blocking function."""
        return self._contexts.blocking(position, runtime)

    def async_context(self, position: Position) -> object:
        """The context object to hand to an async function."""
        return self._contexts.asynchronous(position, self.loop_runtime)

    def spawn(self, coroutine: Op[T], context: Context | None = None) -> asyncio.Task[T]:
        """Start a task that runs a function of the user's."""
        task = self.loop.create_task(coroutine, context=context)
        self.suspension.add_root(task)
        task.add_done_callback(self.suspension.drop_root)
        return task

    async def await_body(self, body: Awaitable[T]) -> T:
        """Await a step's async body; the invocation is not suspended meanwhile."""
        self._bodies += 1
        try:
            return await body
        finally:
            self._bodies -= 1

    async def call_within(
        self, seconds: float, body: StepBody, function: UserFunction[T], args: tuple[object, ...]
    ) -> T:
        """Run a step's function for at most that long; it counts as work meanwhile."""
        return await self.await_body(self._limits.call(seconds, body, function, args))

    async def at_rest(self, wait: Awaitable[None]) -> None:
        """Let a step's async body wait for the service: it does not count as work meanwhile."""
        self._bodies -= 1
        try:
            await wait
        finally:
            self._bodies += 1

    def _work_in_hand(self) -> bool:
        """Threads that run, and bodies that may come to their end."""
        return self.workers.busy or (self._bodies > 0 and not self.deadline.is_last_moment)

    def _suspend(self) -> None:
        """Nothing can run in this invocation any more."""
        wake_up = self.deadline.wake_up()
        if wake_up is None or self._ended:
            self._end()
        else:
            self.checkpointer.submit(wake_up, lambda _: self._end())

    def _refuse(self, error: UnrecoverableError) -> None:
        """The execution fails with this error, whatever its code waits for."""
        if self._root_position is not None:
            self._root_position.refuse(error)
            self._end()

    def _fail(self, error: InvocationError) -> None:
        """The invocation ends with this error, whatever user code makes of it."""
        self.checkpointer.fail(error)

    def _end(self) -> None:
        """Nothing that user code does from now on counts."""
        self._ended = True
        if not self._ending.done():
            self._ending.set_result(None)

    # -- the course of an invocation --------------------------------------------------------

    async def run(self, handler: AnyFunction, kind: Kind, values: HandlerValues) -> Response:
        """Load the state, run the handler, and give the response for Lambda.

        Raises:
            Whatever makes the service invoke again: a retryable service error, a crash.
        """
        mode = compat.enter_mode(self.compat_aws)
        try:
            try:
                await self.checkpointer.load(self._initial)
                self.journal.begin()
            except InvocationError as error:
                return failed_unless_retryable(error, self._report)
            root = partial(self._root, handler, kind, values, self._input())
            # The handler's flow of control, and what comes of it, is the user's.
            context = self._flows.context()
            respond = partial(self._respond, root, values, context)
            return await (self._observed(respond, context) if self._plugin_factories else respond())
        finally:
            self.checkpointer.close()
            self.scope.over = True
            compat.leave_mode(mode)

    def _observed(
        self, respond: Callable[[], Awaitable[Response]], context: Context
    ) -> Awaitable[Response]:
        """The response, with plugins told when the invocation begins and ends."""
        plugins = self.plugins = Plugins(
            self.arn,
            getattr(self.scope.lambda_context, "aws_request_id", None),
            self.journal,
            self.loop,
            self.inbox,
            context=context,
            seconds_left=self.deadline.seconds_left,
            updated=self._updated,
        )
        self.checkpointer.observe(plugins.called, plugins.merged)
        return plugins.around(self._plugin_factories, self._input(), respond)

    async def _respond(
        self, root: Callable[[], Op[object]], values: HandlerValues, context: Context
    ) -> Response:
        try:
            raised, response = await self._course(root, values, context)
        finally:
            self.checkpointer.close()
        if raised is not None:
            raise raised
        ended = self.checkpointer.ended
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
        async with asyncio.TaskGroup() as group:
            self.checkpointer.consume_in(group)
            # Not in the group, which would wait for good for a handler that resists its end.
            handler = self.loop.create_task(_outcome(self, root), context=context)
            handler.add_done_callback(lambda _: self._end())
            try:
                with (
                    self.completions.releasing(),
                    self.suspension.watching(),
                    self.deadline.watching(self.loop),
                ):
                    await self._ending
                raised, response = await self._conclusion(values)
            finally:
                await self._close(crashed=not isinstance(raised, Exception | None))
        if handler.done() and not handler.cancelled():
            handler.result()  # of ours, if it raises
        return raised, response

    def _keep(self, outcome: CallOutcome) -> None:
        """The handler has come to its end, which counts if it comes first."""
        if not self._ended:
            self._handler_ended = outcome
            self._end()

    async def _conclusion(self, values: HandlerValues) -> tuple[BaseException | None, Response]:
        outcome = self._handler_ended
        if outcome is None and (refusal := self._refusal()) is not None:
            outcome = CallOutcome(refusal)
        if outcome is None:
            return None, PENDING
        try:
            return None, await response_to(
                self.checkpointer, *outcome, to_text=values.result_text, report=self._report
            )
        except BaseException as error:
            return error, PENDING

    def _report(self, error: BaseException) -> None:
        """Log the failure that ends the execution."""
        position = self._root_position
        logger = logging.getLogger() if position is None else position.underlying_logger
        self.failures.log(logger, UserFailure("the handler", error, LogInfo(self.arn).extra()))

    def _refusal(self) -> Exception | None:
        """Why this invocation must not end as suspended: an error that is on its way up."""
        if self.checkpointer.ended is not None:
            return None
        errors = (
            *self.loop_runtime.postponed,
            *(context.refusal for context in tuple(self.scope.refused)),
        )
        return next(filter(None, errors), None)

    def _input(self) -> Any:
        payload = self.journal.execution_input()
        if payload is None:
            raise ExecutionError(
                f"the state of {self.arn} has no EXECUTION operation: is the function configured "
                "as a durable function?"
            )
        return json.loads(payload) if payload.strip() else {}

    def _root(
        self, handler: AnyFunction, kind: Kind, values: HandlerValues, event: object
    ) -> Op[object]:
        @functools.wraps(handler)
        def call(context: object) -> object:
            return handler(values.event(event), context)

        async def run(runtime: Runtime) -> object:
            position = self._root_position = Position(self.scope)
            return await asking_for_all(runtime, position, runtime.enter(kind, position, call))

        return self.loop_runtime.host(kind, run)

    async def _close(self, *, crashed: bool) -> None:
        """Leave nothing behind for the next invocation: no task, no thread, no open request."""
        self._end()
        try:
            await self._flows.end(self._join, busy=self.workers.has_jobs, crashed=crashed)
        finally:
            self.checkpointer.close()  # where threads were not waited for
            self.workers.close()

    async def _join(self) -> None:
        self.checkpointer.close()
        await self._limits.close()
        await self.workers.join()


async def _outcome(invocation: RunningInvocation, root: Callable[[], Op[object]]) -> None:
    """The flow of control of the handler."""
    runtime = invocation.loop_runtime
    task = runtime.begin_root()
    invocation._keep(await outcome_of(root))
    runtime.end_root(task)
