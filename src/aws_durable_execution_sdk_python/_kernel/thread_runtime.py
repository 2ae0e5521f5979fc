"""Runs operations for blocking callers: the calling thread drives the operation's coroutine.

A replayed operation and a step's body never leave the user's thread; only what must be saved or
scheduled crosses to the event loop.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar, cast

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import OperationUpdate
from aws_durable_execution_sdk_python._core.running import Leaf, Op, drive
from aws_durable_execution_sdk_python._core.user_functions import Kind, UserFunction, is_awaitable
from aws_durable_execution_sdk_python._core.validation import kind_of
from aws_durable_execution_sdk_python._kernel import ownership
from aws_durable_execution_sdk_python._kernel.common_runtime import AT_ONCE, CommonRuntime
from aws_durable_execution_sdk_python._kernel.jobs import (
    HOSTS,
    CallOutcome,
    Host,
    Job,
    outcome_of,
)
from aws_durable_execution_sdk_python._kernel.origin import context_of
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.parked import Pending, pending_state
from aws_durable_execution_sdk_python._kernel.plugin_bodies import Where
from aws_durable_execution_sdk_python._kernel.plugin_calls import Settle
from aws_durable_execution_sdk_python._kernel.ports import (
    BranchesAsked,
    BranchOutcomes,
    Runtime,
)
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python.exceptions import (
    OrphanedChildException,
    SuspendExecution,
    ValidationError,
)

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.invocation import RunningInvocation

T = TypeVar("T")


class ThreadRuntime(CommonRuntime):
    """One run of blocking user code in one thread.

    Attributes:
        parked_on: set once the code has to wait for the service. From then on its stack is
            being unwound: every durable call refuses, and its outcome is not used. The code
            runs again when one of these operations has moved on.
        job: what the code runs as. Once that is abandoned, every durable call refuses too.
    """

    def __init__(self, invocation: RunningInvocation) -> None:
        super().__init__(invocation)
        self.parked_on: tuple[Pending, ...] | None = None
        self.job = Job()
        self._thread: int | None = None

    def run(self, make: Callable[[Runtime], Op[T]]) -> T:
        """Run an operation on this thread, the only one from now on that may use this runtime."""
        self._thread = threading.get_ident()
        return drive(make(self))

    def check(self) -> None:
        if threading.get_ident() != self._thread:
            ownership.refuse_thread()
        self.check_wanted()

    def check_wanted(self) -> None:
        if self.parked_on is not None:
            raise SuspendExecution("this branch is suspended")
        self._invocation.check()
        if self.job.abandoned:
            raise OrphanedChildException("nobody waits for this code any more")

    def post(self, update: OperationUpdate) -> None:
        self.check()
        self._invocation.inbox.put(self._submit, update)

    async def end(self, update: OperationUpdate) -> None:
        await self.save(update)
        await self.told_end(AT_ONCE, update.operation_id)

    async def save(self, update: OperationUpdate) -> None:
        # Also here: a context's function that swallowed the suspension has no result to save.
        self.check()
        host = Host(self.job)
        self._invocation.inbox.put(self._save, host, update)
        host.wait()

    async def before_body(self) -> None:
        if self._invocation.deadline.holds_body():
            await self._invocation.deadline.hold(self)

    async def before_context(self) -> None:
        if self._invocation.deadline.is_near():
            await self._invocation.deadline.hold(self)

    def cancel_requests(self) -> int:
        return 0

    def is_stray(
        self, error: BaseException | None, requests: int, *, outermost: bool = False
    ) -> bool:
        # A thread cannot be cancelled: whatever comes as a CancelledError is the code's own.
        return isinstance(error, asyncio.CancelledError) and not self._invocation.is_ending

    def pass_on_cancellation(self, requests: int) -> None:
        """A thread cannot be cancelled."""

    async def park(self, pending: Pending) -> None:
        operation = self._invocation.journal.get(pending.operation_id)
        if pending_state(operation, pending.operation_id) is not None:
            self._unwind((pending,))

    def _unwind(self, pending: tuple[Pending, ...]) -> NoReturn:
        self.parked_on = pending
        raise SuspendExecution("waiting for the service")

    def has_other_code(self) -> bool:
        return False  # nobody but its thread may use a blocking context

    def is_alone_in(self, position: Position) -> bool:
        return position.runtime is self

    def end_in_turn(self, operation_id: str) -> Awaitable[None]:
        """Blocking code waits for one operation at a time, and blocking branches have no order."""
        return self.told_end(AT_ONCE, operation_id)

    def start_in_turn(self, operation_id: str) -> Awaitable[None]:
        return AT_ONCE

    def reading(self, operation_id: str) -> AbstractContextManager[None]:
        return nullcontext()

    def record_cancellation(self, identity: OperationIdentity) -> None:
        """A thread cannot be cancelled."""

    async def cancelled_again(self, operation_id: str) -> None:
        """A thread cannot be cancelled: there, the operation has failed."""

    async def call(self, body: StepBody, function: UserFunction[T], *args: object) -> T:
        token = ownership.enter(body)
        try:
            result = function(*args)
            return self._await_body(result) if is_awaitable(result) else result
        finally:
            ownership.leave(token)

    async def call_within(
        self, seconds: float, body: StepBody, function: UserFunction[T], *args: object
    ) -> T:
        # Not on this thread, which must go on when the time is up.
        return self._on_loop(partial(self._invocation.call_within, seconds, body, function, args))

    async def use(
        self, code: Leaf, function: UserFunction[T], *args: object, blocks: bool = False
    ) -> T:
        if blocks:
            return cast(T, code.call(function, *args))
        return self._on_loop(partial(self._invocation.loop_runtime.use, code, function, *args))

    def where(self) -> Where:
        settle = self._invocation.loop_runtime.settle_in
        return Where(settle, self.block_on, self._is_cut_off, self._thread, finish=self._await_body)

    def settling(self) -> Settle:
        return partial(self.block_on, context_of(None))

    def _is_cut_off(self, error: BaseException) -> bool:
        if isinstance(error, asyncio.CancelledError):
            return self._is_given_up
        return not isinstance(error, Exception)

    def _await_body(self, body: Awaitable[T]) -> T:
        try:
            return self._on_loop(partial(self._invocation.await_body, body))
        finally:
            if inspect.iscoroutine(body):
                body.close()  # it never began if the invocation was ending

    async def enter(
        self, kind: Kind, position: Position, function: UserFunction[T], *args: object
    ) -> T:
        if kind is Kind.ASYNC:
            asynchronous = self._invocation.loop_runtime
            return self._on_loop(partial(asynchronous.enter, kind, position, function, *args))
        with position.entered(self):
            result = function(self._invocation.blocking_context(position, self), *args)
        if is_awaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise ValidationError(
                f"{kind_of(inspect.unwrap(function))} was given the blocking context but returned "
                "an awaitable: declare it `async def`, or annotate its parameter as "
                "AsyncDurableContext"
            )
        return result

    def host(
        self,
        kind: Kind,
        make: Callable[[Runtime], Op[T]],
        identity: OperationIdentity | None = None,
    ) -> Op[T]:
        return make(self)

    async def on_fresh_stack(self, make: Callable[[Runtime], Op[T]]) -> T:
        return self._on_loop(partial(self._invocation.loop_runtime.in_thread, make))

    async def branches(self, branches: BranchesAsked[T]) -> BranchOutcomes[T]:
        host = Host(self.job)
        run = partial(self._invocation.loop_runtime.run_branches, branches, host)
        outcome: BranchOutcomes[T] | tuple[Pending, ...] = self._on_loop(run, host)
        if not isinstance(outcome, BranchOutcomes):
            self._unwind(outcome)
        return outcome

    def _on_loop(self, make: Callable[[], Op[T]], host: Host | None = None) -> T:
        """Block this thread while the event loop runs a coroutine in this thread's context.

        Meanwhile it runs what is below the coroutine and finds no other thread.
        """
        host = host or Host(self.job)
        context = contextvars.copy_context()
        context.run(HOSTS.set, (host, *HOSTS.get()))
        self._invocation.inbox.put(self._start, host, make, context)
        result: T = host.wait()
        return result

    # -- on the event loop ------------------------------------------------------------------

    def _submit(self, update: OperationUpdate) -> None:
        if not self.job.abandoned:
            self._invocation.checkpointer.submit(update)

    def _save(self, host: Host, update: OperationUpdate) -> None:
        workers = self._invocation.workers
        if self._refused(host):
            return
        workers.paused(self.job)
        self._invocation.checkpointer.submit(update, partial(workers.release, host))

    def _start(self, host: Host, make: Callable[[], Op[object]], context: Context) -> None:
        if self._refused(host):
            return
        self._invocation.workers.blocked(self.job)
        task = self._invocation.spawn(outcome_of(make), context)
        self.job.serving = task
        task.add_done_callback(partial(self._served, host))

    def _served(self, host: Host, task: asyncio.Task[CallOutcome]) -> None:
        self.job.serving = None
        outcome = CallOutcome(asyncio.CancelledError()) if task.cancelled() else task.result()
        if isinstance(outcome.error, asyncio.CancelledError) and self._is_given_up:
            outcome = CallOutcome(SuspendExecution("what this code waits for was cancelled"))
        self._invocation.workers.release(host, *outcome)

    @property
    def _is_given_up(self) -> bool:
        return self.job.abandoned or self._invocation.is_ending

    def _refused(self, host: Host) -> bool:
        """Whether the thread is let go at once: its code was given up since it called."""
        try:
            self.check_wanted()
        except (SuspendExecution, OrphanedChildException) as refusal:
            self._invocation.workers.release(host, refusal)
            return True
        return False
