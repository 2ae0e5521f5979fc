"""Runs operations for async callers, and moves blocking code into worker threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from aws_durable_execution_sdk_python._core.errors import CANCELLED
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    OperationAction,
    OperationUpdate,
    Status,
)
from aws_durable_execution_sdk_python._core.running import Leaf, Op
from aws_durable_execution_sdk_python._core.user_functions import (
    Kind,
    UserFunction,
    is_async,
    is_awaitable,
)
from aws_durable_execution_sdk_python._kernel import fresh_stack, ownership
from aws_durable_execution_sdk_python._kernel.branches import (
    Branches,
    Parking,
    cancelled_by_batch,
)
from aws_durable_execution_sdk_python._kernel.common_runtime import AT_ONCE, CommonRuntime
from aws_durable_execution_sdk_python._kernel.invocation_task import (
    InvocationTask,
    own_context,
)
from aws_durable_execution_sdk_python._kernel.jobs import Host, outcome_of
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.parked import Pending
from aws_durable_execution_sdk_python._kernel.plugin_bodies import Where
from aws_durable_execution_sdk_python._kernel.plugin_calls import Settle
from aws_durable_execution_sdk_python._kernel.ports import (
    BranchesAsked,
    BranchOutcomes,
    Runtime,
)
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.thread_runtime import ThreadRuntime
from aws_durable_execution_sdk_python.exceptions import (
    DurableOperationError,
    InvocationError,
    RetryableSerDesError,
)

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.invocation import RunningInvocation

T = TypeVar("T")


# States that an operation can fail in, by the service's rules.
_RECORDED_AS_CANCELLED = frozenset({Status.STARTED, Status.READY})


class LoopRuntime(CommonRuntime):
    """Awaits on the event loop. One for all async code of an invocation."""

    def __init__(self, invocation: RunningInvocation) -> None:
        super().__init__(invocation)
        # Errors of branches that call for another invocation, once their siblings are done.
        self.postponed: set[InvocationError] = set()
        self.tuning = invocation.hooks.tuning

    @property
    def unordered(self) -> UnorderedRuntime:
        """The same for what has no order of completion."""
        return UnorderedRuntime(self._invocation)

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

    def is_stray(
        self, error: BaseException | None, requests: int, *, outermost: bool = False
    ) -> bool:
        if not isinstance(error, asyncio.CancelledError):
            return False
        task = asyncio.current_task()
        if task is None or self.is_ending:
            return False
        withdrawn = isinstance(task, InvocationTask) and task.has_withdrawn(error)
        is_asked_for = withdrawn or task.cancelling() > requests
        if is_asked_for and (not outermost or cancelled_by_batch()):
            return False
        while task.cancelling() > requests:
            task.uncancel()
        return True

    def pass_on_cancellation(self, requests: int) -> None:
        if self.cancel_requests() > requests and not (self.is_ending or cancelled_by_batch()):
            raise asyncio.CancelledError

    def has_other_code(self) -> bool:
        is_root, ours = self._invocation.suspension.is_root, asyncio.current_task()
        others = (task for task in self._invocation.loop.tasks_of_invocation() if task is not ours)
        return not all(map(is_root, others))

    def is_alone_in(self, position: Position) -> bool:
        tasks = self._invocation.loop.tasks_of_invocation()
        return all(map(self._invocation.suspension.is_root, tasks))

    def record_cancellation(self, identity: OperationIdentity) -> None:
        if self._invocation.is_ending or cancelled_by_batch():
            return
        operation = self._invocation.journal.get(identity.operation_id)
        if operation is not None and operation.status in _RECORDED_AS_CANCELLED:
            update = identity.update(OperationAction.FAIL, error=CANCELLED)
            self._invocation.checkpointer.submit(update)

    async def cancelled_again(self, operation_id: str) -> None:
        await self._invocation.completions.doom(operation_id)

    def end_in_turn(self, operation_id: str) -> Awaitable[None]:
        completions = self._invocation.completions
        turn = completions.end_of(operation_id) if completions.needs_turn() else AT_ONCE
        return self.told_end(turn, operation_id)

    def reading(self, operation_id: str) -> AbstractContextManager[None]:
        return self._invocation.completions.reading(operation_id)

    def start_in_turn(self, operation_id: str) -> Awaitable[None]:
        completions = self._invocation.completions
        return completions.start_of(operation_id) if completions.needs_turn() else AT_ONCE

    def asking_when_idle(self, hook: Callable[[], bool]) -> AbstractContextManager[None]:
        """Ask a hook, in here, before what decides about suspension is asked."""
        return self._invocation.loop.asking_when_idle(hook, first=True)

    def begin_root(self) -> asyncio.Task[object]:
        """Count the running task as one whose end the invocation waits for, until `end_root`."""
        task = asyncio.current_task(self._invocation.loop)
        assert task is not None
        self._invocation.suspension.add_root(task)
        return task

    def end_root(self, task: asyncio.Task[object]) -> None:
        self._invocation.suspension.drop_root(task)

    def post(self, update: OperationUpdate) -> None:
        self.check()
        self._invocation.checkpointer.submit(update)

    def end(self, update: OperationUpdate) -> Awaitable[None]:
        # Not saved first and its turn awaited then: the task would be woken twice.
        self.check()
        invocation = self._invocation
        turn: asyncio.Future[None] = invocation.loop.create_future()
        saved = partial(invocation.completions.saved, update.operation_id, turn)
        invocation.checkpointer.submit(update, saved)
        return self.told_end(turn, update.operation_id)

    async def save(self, update: OperationUpdate) -> None:
        self.check()
        await self._invocation.checkpointer.save(update)

    async def park(self, pending: Pending) -> None:
        parked = self._invocation.suspension.park((pending,))
        # Inside the body of a step that is only possible where compatibility allows it.
        inside = isinstance(ownership.running_code(), StepBody)
        await (self._invocation.at_rest(parked) if inside else parked)

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

    async def use(
        self, code: Leaf, function: UserFunction[T], *args: object, blocks: bool = False
    ) -> T:
        requests = self.cancel_requests()
        if blocks:
            outcome = await self._invocation.workers.run(partial(code.call, function, *args))
        else:
            make = partial(_await_within, code, function, args)
            task = self._invocation.loop.create_strange_task(outcome_of(make))
            outcome = await self._invocation.await_body(task)
        if self.is_stray(outcome.error, requests):
            raise RetryableSerDesError(f"{code} was cancelled") from outcome.error
        result: T = outcome.get()
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

    def on_fresh_stack(self, make: Callable[[Runtime], Op[T]]) -> Op[T]:
        return fresh_stack.on_fresh_stack(make(self))

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

    def where(self) -> Where:
        requests = self.cancel_requests()
        cut_off = partial(self._is_cut_off, requests)
        return Where(self.settle_in, self.block_on, cut_off)

    def settling(self) -> Settle:
        return partial(self.settle_in, own_context())

    async def settle_in(self, context: Context, given: Awaitable[Any]) -> Any:
        """Wait for what a hook gives that is about a flow of control on the event loop."""
        plugins = self._invocation.plugins
        assert plugins is not None  # else there is no hook
        return await self._invocation.await_body(plugins.settle(context, given))

    def _is_cut_off(self, requests: int, error: BaseException) -> bool:
        if isinstance(error, asyncio.CancelledError):
            return self.is_ending or self.cancel_requests() > requests
        return not isinstance(error, Exception)

    def host(
        self,
        kind: Kind,
        make: Callable[[Runtime], Op[T]],
        identity: OperationIdentity | None = None,
    ) -> Op[T]:
        """The coroutine of an operation around a function of that kind."""
        if kind is Kind.ASYNC:
            return make(self)
        return self.in_thread(make) if identity is None else self._in_thread_in_turn(make, identity)

    async def _in_thread_in_turn(
        self, make: Callable[[Runtime], Op[T]], identity: OperationIdentity
    ) -> T:
        if self.is_settled(identity.operation_id):
            return await make(self)
        try:
            result = await self.in_thread(make)
        except asyncio.CancelledError:
            self.record_cancellation(identity)
            raise
        except DurableOperationError:
            await self.end_in_turn(identity.operation_id)
            raise
        await self.end_in_turn(identity.operation_id)
        return result

    def is_settled(self, operation_id: str) -> bool:
        """Whether a context's outcome is on record, so that no user code will run."""
        operation = self.recorded(operation_id)
        if operation is None or operation.status not in TERMINAL:
            return False
        details = operation.context_details
        return details is None or not details.replay_children

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


class UnorderedRuntime(LoopRuntime):
    """For blocking branches whose results are on record: they have no order among each other."""

    def end_in_turn(self, operation_id: str) -> Awaitable[None]:
        return self.told_end(AT_ONCE, operation_id)


def _call_in_step(body: StepBody, function: Callable[..., T], args: tuple[object, ...]) -> T:
    ownership.enter(body)  # this thread's context is a copy that ends with the call
    return function(*args)


async def _await_within(
    code: Leaf, function: UserFunction[object], args: tuple[object, ...]
) -> object:
    ownership.enter(code)  # in a task of its own
    result = function(*args)
    return await result if is_awaitable(result) else result
