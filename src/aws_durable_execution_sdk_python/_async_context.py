"""The durable operations for async code: the twin of `_blocking_context.DurableContext`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Any, overload

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._context_base import (
    AnyBranch,
    AsyncBranch,
    AsyncCallback,
    BaseContext,
    BlockingBranch,
    durable_operation,
    perform,
)
from aws_durable_execution_sdk_python._core.completion import BatchResult
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import Kind, UserFunction
from aws_durable_execution_sdk_python._kernel.loop_runtime import LoopRuntime
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operation_contexts import (
    StepContext,
    WaitForCallbackContext,
    WaitForConditionCheckContext,
)
from aws_durable_execution_sdk_python._operations.callback import (
    plan_create_callback,
    plan_wait_for_callback,
)
from aws_durable_execution_sdk_python._operations.child import plan_child
from aws_durable_execution_sdk_python._operations.condition import plan_condition
from aws_durable_execution_sdk_python._operations.invoke import plan_invoke
from aws_durable_execution_sdk_python._operations.map import plan_map
from aws_durable_execution_sdk_python._operations.parallel import parallel_arguments, plan_parallel
from aws_durable_execution_sdk_python._operations.planning import Plan
from aws_durable_execution_sdk_python._operations.retry import plan_retry
from aws_durable_execution_sdk_python._operations.step import plan_step
from aws_durable_execution_sdk_python._operations.wait import parts_given, plan_wait
from aws_durable_execution_sdk_python.config import (
    BatchedInput,
    CallbackConfig,
    ChildConfig,
    DurationLike,
    InvokeConfig,
    MapConfig,
    ParallelConfig,
    StepConfig,
    WaitForCallbackConfig,
    WithRetryConfig,
)
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._blocking_context import DurableContext

T = TypeVar("T")
U = TypeVar("U")
B = TypeVar("B")
# What a configuration decides, and Any without one.
D = TypeVar("D", default=Any)


class AsyncDurableContext(BaseContext):
    """The durable operations, for async code. Given to `async def` handlers and functions.

    Each method is the twin of the one of `DurableContext`: same parameters, results and errors.
    It takes its operation's number when it is *called* and returns a coroutine, so
    `asyncio.gather(context.step(a()), context.step(b()))` is safe. One context belongs to one
    task at a time: for concurrent sequences of operations use `run_in_child_context`, `map` or
    `parallel`.
    """

    _kind = Kind.ASYNC
    durable_role = Kind.ASYNC.value

    def __init__(self, position: Position, runtime: LoopRuntime) -> None:
        super().__init__(position)
        self._runtime = runtime

    def _claim(self) -> Position:
        self._position.check()
        self._runtime.check()
        self._position.claim_task()
        return self._position

    def _at_once(self, ask: Callable[[Runtime, Position], Op[T]]) -> T:
        return perform(self._position, ask(self._runtime, self._claim()))

    def _run(self, plan: Plan[T]) -> Op[T]:
        kind, identity = plan.kind or Kind.ASYNC, plan.identity
        return durable_operation(self._position, self._runtime, kind, plan.make, identity)

    @overload
    def step(
        self,
        func: Callable[[StepContext], Awaitable[T]],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> Op[T]: ...
    @overload
    def step(
        self,
        func: Callable[[StepContext], T],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> Op[T]: ...
    @overload
    def step(
        self,
        func: Callable[[], Awaitable[T]],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> Op[T]: ...
    @overload
    def step(
        self,
        func: Callable[[], T],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> Op[T]: ...
    def step(
        self,
        func: UserFunction[T],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> Op[T]:
        """Run a function and checkpoint what it returns; see `DurableContext.step`.

        An `async def` function runs on the event loop, a `def` in a worker thread.

        Example:
            >>> payment = await context.step(charge_payment(order_id, amount))
        """
        return self._run(plan_step(self._claim(), func, name, config))

    def wait(
        self,
        duration: DurationLike | None = None,
        name: str | None = None,
        *,
        seconds: float | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        days: float | None = None,
    ) -> Op[None]:
        """Let time pass; see `DurableContext.wait`."""
        parts = parts_given(seconds, minutes, hours, days)
        return self._run(plan_wait(self._claim(), duration, name, parts))

    def create_callback(
        self, name: str | None = None, config: CallbackConfig[D] | None = None
    ) -> Op[AsyncCallback[D]]:
        """Create a callback for an external system; see `DurableContext.create_callback`."""
        plan = plan_create_callback(self._claim(), name, config)

        async def create() -> AsyncCallback[D]:
            return AsyncCallback(await self._run(plan), self._position, self._runtime)

        return create()

    def wait_for_callback(
        self,
        submitter: Callable[[str, WaitForCallbackContext], object] | Callable[[str], object],
        name: str | None = None,
        config: WaitForCallbackConfig[D] | None = None,
    ) -> Op[D | None]:
        """Hand a callback's id out and wait; see `DurableContext.wait_for_callback`."""
        return self._run(plan_wait_for_callback(self._claim(), submitter, name, config))

    @overload
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, D] | None = None,
    ) -> Op[D]: ...
    @overload
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, Any] | None = None,
        *,
        result_type: type[T],
    ) -> Op[T]: ...
    @overload
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, Any] | None = None,
        *,
        result_type: UnionType,
    ) -> Op[Any]: ...
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, Any] | None = None,
        *,
        result_type: object = None,
    ) -> Op[Any]:
        """Invoke another Lambda function; see `DurableContext.invoke`."""
        position = self._claim()
        plan: Plan[Any] = plan_invoke(position, function_name, payload, name, config, result_type)
        return self._run(plan)

    @overload
    def run_in_child_context(
        self,
        func: Callable[[AsyncDurableContext], Awaitable[T]],
        name: str | None = None,
        config: ChildConfig[T] | None = None,
    ) -> Op[T]: ...
    @overload
    def run_in_child_context(
        self,
        func: Callable[[DurableContext], T],
        name: str | None = None,
        config: ChildConfig[T] | None = None,
    ) -> Op[T]: ...
    def run_in_child_context(
        self,
        func: UserFunction[T],
        name: str | None = None,
        config: ChildConfig[T] | None = None,
    ) -> Op[T]:
        """Run a function with a context of its own; see `DurableContext.run_in_child_context`.

        A `def` function gets the blocking context and runs in a worker thread.
        """
        return self._run(plan_child(self._claim(), self._kind, func, name, config))

    def wait_for_condition(
        self,
        check: Callable[[T, WaitForConditionCheckContext], T | Awaitable[T]],
        config: WaitForConditionConfig[T],
        name: str | None = None,
    ) -> Op[T]:
        """Check until a strategy stops; see `DurableContext.wait_for_condition`."""
        return self._run(plan_condition(self._claim(), check, config, name))

    @overload
    def map(
        self,
        inputs: Sequence[U],
        func: Callable[[AsyncDurableContext, U, int, Sequence[U]], Awaitable[T]],
        name: str | None = None,
        config: MapConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def map(
        self,
        inputs: Sequence[U],
        func: Callable[[DurableContext, U, int, Sequence[U]], T],
        name: str | None = None,
        config: MapConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def map(
        self,
        inputs: Sequence[U],
        func: Callable[
            [AsyncDurableContext, BatchedInput[B, U], int, Sequence[BatchedInput[B, U]]],
            Awaitable[T],
        ],
        name: str | None = None,
        *,
        config: MapConfig[T, B],
    ) -> Op[BatchResult[T]]: ...
    @overload
    def map(
        self,
        inputs: Sequence[U],
        func: Callable[[DurableContext, BatchedInput[B, U], int, Sequence[BatchedInput[B, U]]], T],
        name: str | None = None,
        *,
        config: MapConfig[T, B],
    ) -> Op[BatchResult[T]]: ...
    def map(
        self,
        inputs: Sequence[U],
        func: UserFunction[T],
        name: str | None = None,
        config: MapConfig[T, object] | None = None,
    ) -> Op[BatchResult[T]]:
        """Run a function for every input, concurrently; see `DurableContext.map`."""
        return self._run(plan_map(self._claim(), self._kind, inputs, func, name, config))

    @overload
    def parallel(
        self,
        functions: Sequence[AsyncBranch[T]],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[BlockingBranch[T]],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[AnyBranch],
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> Op[BatchResult[Any]]: ...
    @overload
    def parallel(
        self,
        *branches: AsyncBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        *branches: BlockingBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        *branches: AnyBranch,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> Op[BatchResult[Any]]: ...
    # The positional name and config after a list are unpacked from `branches`.
    def parallel(  # pyright: ignore[reportInconsistentOverload]
        self,
        *branches: Any,
        functions: Sequence[Any] | None = None,
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]:
        """Run functions concurrently; see `DurableContext.parallel`."""
        functions, name, config = parallel_arguments(branches, functions, name, config)
        return self._run(plan_parallel(self._claim(), self._kind, functions, name, config))

    def _with_retry(
        self, func: UserFunction[T], config: WithRetryConfig | None, name: str | None
    ) -> Op[T]:
        return self._run(plan_retry(self._claim(), self._kind, func, name, config))

    def create_child_context(
        self, operation_id: str, *, is_virtual: bool = False
    ) -> AsyncDurableContext:
        """A context for the operations below an operation id; see `DurableContext`."""
        position = self._position.aside(operation_id, is_virtual=is_virtual)
        return AsyncDurableContext(position, self._runtime)
