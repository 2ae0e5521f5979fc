"""What the operations of one invocation share, put together; `course` says how it goes.

Once `is_ending`, nothing that user code does counts any more, and every durable call is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import NamedTuple, TypeVar

from aws_durable_execution_sdk_python._core.arns import execution_id
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import UserFunction
from aws_durable_execution_sdk_python._kernel.checkpointer import Checkpointer
from aws_durable_execution_sdk_python._kernel.clock import Clock, SystemClock
from aws_durable_execution_sdk_python._kernel.completion_order import CompletionOrder
from aws_durable_execution_sdk_python._kernel.deadline import Deadline
from aws_durable_execution_sdk_python._kernel.ending import Flows
from aws_durable_execution_sdk_python._kernel.event_loop import running_loop
from aws_durable_execution_sdk_python._kernel.failure_log import FailureLog
from aws_durable_execution_sdk_python._kernel.hooks import Hooks
from aws_durable_execution_sdk_python._kernel.inbox import Inbox
from aws_durable_execution_sdk_python._kernel.invocation_workers import Workers
from aws_durable_execution_sdk_python._kernel.loop_runtime import LoopRuntime
from aws_durable_execution_sdk_python._kernel.ownership import InvocationScope, StepBody
from aws_durable_execution_sdk_python._kernel.plugins import Plugins
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._kernel.suspension import Suspension
from aws_durable_execution_sdk_python._kernel.thread_runtime import ThreadRuntime
from aws_durable_execution_sdk_python._kernel.time_limit import TimeLimits
from aws_durable_execution_sdk_python._kernel.tuning import Tuning
from aws_durable_execution_sdk_python._kernel.workers import ThreadPool
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import (
    InvocationError,
    SuspendExecution,
    UnrecoverableError,
)
from aws_durable_execution_sdk_python.serdes import SerDesDefaults

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
        *,
        contexts: ContextFactories,
        hooks: Hooks,
        threads: ThreadPool,
        lambda_context: object = None,
        compat_aws: bool = False,
        deadline_margin: float | None = None,
        serdes: SerDesDefaults | None = None,
    ) -> None:
        self.arn = arn
        self.compat_aws = compat_aws
        self.hooks = hooks
        self._contexts = contexts
        # None without plugins, which is all that they cost then.
        self.plugins: Plugins | None = None
        self.loop = running_loop()
        self.journal = Journal(execution_id(arn), hooks.recall)
        self.deadline = Deadline(lambda_context, deadline_margin, self.journal)
        self.failures = FailureLog()
        self.root_position: Position | None = None
        self.scope = InvocationScope(
            arn,
            lambda_context,
            self.journal,
            self.loop,
            serdes or SerDesDefaults(),
            compat_aws=compat_aws,
            had_ended=hooks.had_ended,
        )
        self.is_ending = False
        # Resolved when that becomes so.
        self.ending: asyncio.Future[None] = self.loop.create_future()
        self._bodies = 0
        self.flows = Flows(self.loop, self.deadline.seconds_left)
        self.inbox = Inbox(self.loop)
        self.workers = Workers(threads, self.inbox, tuning=hooks.tuning, on_failure=self._fail)
        clock: Clock = hooks.clock or SystemClock()
        # Bodies take real time, by whatever clock the timers run; a clock may have its own idea.
        self.limits = TimeLimits(self.workers, getattr(clock, "sleep", asyncio.sleep))
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
            on_end=lambda _: self.end(),
        )

    # -- what operations use ----------------------------------------------------------------

    def check(self) -> None:
        """Refuse durable calls once the invocation is ending.

        Raises:
            SuspendExecution: it is; whatever the code does now changes nothing.
        """
        if self.is_ending:
            raise SuspendExecution("the invocation is ending")

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
        return await self.await_body(self.limits.call(seconds, body, function, args))

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
        if wake_up is None or self.is_ending:
            self.end()
        else:
            self.checkpointer.submit(wake_up, lambda _: self.end())

    def _refuse(self, error: UnrecoverableError) -> None:
        """The execution fails with this error, whatever its code waits for."""
        if self.root_position is not None:
            self.root_position.refuse(error)
            self.end()

    def _fail(self, error: InvocationError) -> None:
        """The invocation ends with this error, whatever user code makes of it."""
        self.checkpointer.fail(error)

    def end(self) -> None:
        """Nothing that user code does from now on counts."""
        self.is_ending = True
        if not self.ending.done():
            self.ending.set_result(None)
