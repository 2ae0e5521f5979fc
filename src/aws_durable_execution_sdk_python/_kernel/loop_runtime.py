"""Runs operations for async callers, and moves blocking code into worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from aws_durable_execution_sdk_python._core.model import Operation, OperationUpdate
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import (
    Kind,
    UserFunction,
    is_async,
    is_awaitable,
)
from aws_durable_execution_sdk_python._kernel import ownership
from aws_durable_execution_sdk_python._kernel.branches import Branches, Cancelling, Parking
from aws_durable_execution_sdk_python._kernel.common_runtime import CommonRuntime
from aws_durable_execution_sdk_python._kernel.jobs import Host
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.ports import (
    BranchesAsked,
    BranchOutcomes,
    Runtime,
)
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.suspension import Pending
from aws_durable_execution_sdk_python._kernel.thread_runtime import ThreadRuntime
from aws_durable_execution_sdk_python.exceptions import InvocationError

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.invocation import RunningInvocation

T = TypeVar("T")


class LoopRuntime(CommonRuntime):
    """Awaits on the event loop. One for all async code of an invocation."""

    def __init__(self, invocation: RunningInvocation) -> None:
        super().__init__(invocation)
        # Errors of branches that call for another invocation, once their siblings are done.
        self.postponed: set[InvocationError] = set()
        self.tuning = invocation.hooks.tuning
        self._batches: dict[asyncio.Task[object], Cancelling] = {}

    def check(self) -> None:
        self._invocation.check()

    async def before_body(self) -> None:
        if self._invocation.deadline.holds_body():
            await self._invocation.deadline.hold(self)

    async def before_context(self) -> None:
        if self._invocation.deadline.is_near():
            await self._invocation.deadline.hold(self)

    def give_up(self, operation_ids: Iterable[str]) -> None:
        """Refuse from here on whatever comes from inside these branches."""
        for operation_id in operation_ids:
            self._invocation.journal.give_up(operation_id)

    @property
    def is_ending(self) -> bool:
        """Whether the invocation is."""
        return self._invocation.is_ending

    def cancel_requests(self) -> int:
        task = asyncio.current_task()
        return 0 if task is None else task.cancelling()

    def is_stray(self, requests: int, *, outermost: bool = False) -> bool:
        task = asyncio.current_task()
        if task is None or self.is_ending:
            return False
        if task.cancelling() > requests:
            batch = self._batches.get(task)
            if not outermost or (batch is not None and batch.over):
                return False
        while task.cancelling() > requests:
            task.uncancel()
        return True

    def asking_when_idle(self, hook: Callable[[], bool]) -> AbstractContextManager[None]:
        """Ask a hook, in here, before what decides about suspension is asked."""
        return self._invocation.loop.asking_when_idle(hook, first=True)

    def begin_root(self, batch: Cancelling | None = None) -> asyncio.Task[object]:
        """Count the running task as one whose end the invocation waits for, until `end_root`.

        Parameters:
            batch: whose branch it runs, which may cancel it.
        """
        task = asyncio.current_task(self._invocation.loop)
        assert task is not None
        self._invocation.suspension.add_root(task)
        if batch is not None:
            self._batches[task] = batch
        return task

    def end_root(self, task: asyncio.Task[object]) -> None:
        self._batches.pop(task, None)
        self._invocation.suspension.drop_root(task)

    def post(self, update: OperationUpdate) -> None:
        self.check()
        self._invocation.checkpointer.submit(update)

    async def save(self, update: OperationUpdate) -> None:
        self.check()
        await self._invocation.checkpointer.save(update)

    async def commit(self, update: OperationUpdate) -> Operation | None:
        await self.save(update)
        return self._invocation.journal.get(update.operation_id)

    async def park(self, pending: Pending) -> None:
        await self._invocation.suspension.park((pending,))

    async def call(self, body: StepBody, function: UserFunction[T], *args: object) -> T:
        if is_async(function):
            token = ownership.enter(body)
            try:
                return await self._invocation.await_body(function(*args))
            finally:
                ownership.leave(token)
        outcome = await self._invocation.workers.run(partial(_call_in_step, body, function, args))
        result: Awaitable[T] | T = outcome.get()
        if is_awaitable(result):
            token = ownership.enter(body)
            try:
                return await self._invocation.await_body(result)
            finally:
                ownership.leave(token)
        return result

    async def call_within(
        self, seconds: float, body: StepBody, function: UserFunction[T], *args: object
    ) -> T:
        return await self._invocation.call_within(seconds, body, function, args)

    async def enter(
        self, kind: Kind, position: Position, function: UserFunction[T], *args: object
    ) -> T:
        with position.entered(self):
            result = function(self._invocation.async_context(position), *args)
            return await result if is_awaitable(result) else result

    async def branches(self, branches: BranchesAsked[T]) -> BranchOutcomes[T]:
        outcome = await self.run_branches(branches, None)
        assert isinstance(outcome, BranchOutcomes)  # only a blocked host is told to unwind
        return outcome

    async def run_branches(
        self, branches: BranchesAsked[T], host: Host | None
    ) -> BranchOutcomes[T] | tuple[Pending, ...]:
        """Run a batch for whoever calls; the branches are roots of their own."""
        with self._invocation.suspension.waiting_for_engine():
            return await Branches(self, branches).run(host)

    def host(self, kind: Kind, make: Callable[[Runtime], Op[T]]) -> Op[T]:
        """The coroutine of an operation around a function of that kind."""
        return make(self) if kind is Kind.ASYNC else self.in_thread(make)

    async def in_thread(
        self,
        make: Callable[[Runtime], Op[T]],
        parking: Parking | None = None,
    ) -> T:
        """Run an operation in a worker thread, again each time what it parked on has moved on.

        Cancelled, it ends at once: durable calls in the thread refuse from then on.

        Parameters:
            make: makes the operation's coroutine anew for each run.
            parking: told what the operation is parked on, and None when it resumes.
        """
        while True:
            runtime = ThreadRuntime(self._invocation)
            run = partial(runtime.run, make)
            with self._invocation.suspension.waiting_for_engine(runtime):
                outcome = await self._invocation.workers.run(run, runtime.job)
            if runtime.parked_on is None:
                result: T = outcome.get()
                return result
            if parking is not None:
                parking(runtime.parked_on)
            await self._invocation.suspension.park(runtime.parked_on)
            # Where that had nothing to wait for: a cancellation comes before the code runs again.
            await asyncio.sleep(0)
            if parking is not None:
                parking(None)


def _call_in_step(body: StepBody, function: Callable[..., T], args: tuple[object, ...]) -> T:
    ownership.enter(body)  # this thread's context is a copy that ends with the call
    return function(*args)
