"""Runs operations for async callers, and moves blocking code into worker threads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_durable_execution_sdk_python._core.model import Operation, OperationUpdate
from aws_durable_execution_sdk_python._core.user_functions import Kind, is_async
from aws_durable_execution_sdk_python._kernel import ownership
from aws_durable_execution_sdk_python._kernel.branches import Branches, BranchOutcomes
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.suspension import Pending
from aws_durable_execution_sdk_python._kernel.thread_runtime import ThreadRuntime
from aws_durable_execution_sdk_python._kernel.workers import Host

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.invocation import Invocation
    from aws_durable_execution_sdk_python._kernel.ports import Runtime
    from aws_durable_execution_sdk_python._kernel.position import Position

Parking = Callable[[tuple[Pending, ...] | None], object]


class LoopRuntime:
    """Awaits on the event loop. One for all async code of an invocation."""

    def __init__(self, invocation: Invocation) -> None:
        self.invocation = invocation

    def check(self) -> None:
        self.invocation.check()

    def post(self, update: OperationUpdate) -> None:
        self.check()
        self.invocation.checkpointer.submit(update)

    async def save(self, update: OperationUpdate) -> None:
        self.check()
        await self.invocation.checkpointer.save(update)

    async def commit(self, update: OperationUpdate) -> Operation | None:
        await self.save(update)
        return self.invocation.journal.get(update.operation_id)

    async def park(self, pending: Pending) -> None:
        await self.invocation.suspension.park((pending,))

    async def call(self, body: StepBody, function: Callable[..., Any], *args: Any) -> Any:
        if is_async(function):
            token = ownership.enter(body)
            try:
                return await self.invocation.await_body(function(*args))
            finally:
                ownership.leave(token)
        result = await self.invocation.workers.run(partial(_call_in_step, body, function, args))
        if inspect.isawaitable(result):
            token = ownership.enter(body)
            try:
                return await self.invocation.await_body(result)
            finally:
                ownership.leave(token)
        return result

    async def call_within(
        self, seconds: float, body: StepBody, function: Callable[..., Any], *args: Any
    ) -> Any:
        return await self.invocation.call_within(seconds, body, function, args)

    async def enter(
        self, kind: Kind, position: Position, function: Callable[..., Any], *args: Any
    ) -> Any:
        with position.entered(self):
            result = function(self.invocation.async_context(position), *args)
            return await result if inspect.isawaitable(result) else result

    async def branches(self, branches: Branches) -> BranchOutcomes:
        outcome = await branches.run(None)
        assert isinstance(outcome, BranchOutcomes)  # only a blocked host is told to unwind
        return outcome

    def host(
        self, kind: Kind, make: Callable[[Runtime], Coroutine[Any, Any, Any]]
    ) -> Coroutine[Any, Any, Any]:
        """The coroutine of an operation around a function of that kind."""
        return make(self) if kind is Kind.ASYNC else self.in_thread(make)

    async def in_thread(
        self,
        make: Callable[[Runtime], Coroutine[Any, Any, Any]],
        host: Host | None = None,
        parking: Parking | None = None,
    ) -> Any:
        """Run an operation in a worker thread, again each time what it parked on has moved on.

        Parameters:
            make: makes the operation's coroutine anew for each run.
            host: the blocked thread this work is below, if any.
            parking: told what the operation is parked on, and None when it resumes.
        """
        while True:
            runtime = ThreadRuntime(self.invocation)
            try:
                value = await self.invocation.workers.run(
                    partial(runtime.run, make), host, runtime.stretch
                )
            except BaseException:
                if runtime.parked_on is None:
                    raise
            else:
                if runtime.parked_on is None:
                    return value
            if parking is not None:
                parking(runtime.parked_on)
            await self.invocation.suspension.park(runtime.parked_on)
            if parking is not None:
                parking(None)


def _call_in_step(body: StepBody, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    ownership.enter(body)  # this thread's context is a copy that ends with the call
    return function(*args)
