"""The durable operations for async code: the twin of `context.DurableContext`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._context_base import (
    AnyBranch,
    AsyncBranch,
    AsyncCallback,
    BaseContext,
    BlockingBranch,
    durable_operation,
)
from aws_durable_execution_sdk_python._core.completion import BatchResult
from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.loop_runtime import LoopRuntime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._operations import plans
from aws_durable_execution_sdk_python._operations.plans import Plan
from aws_durable_execution_sdk_python.config import (
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
from aws_durable_execution_sdk_python.types import (
    StepContext,
    WaitForCallbackContext,
    WaitForConditionCheckContext,
)
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python.context import DurableContext

T = TypeVar("T")
U = TypeVar("U")
# What a configuration decides, and Any without one.
D = TypeVar("D", default=Any)
Op: TypeAlias = Coroutine[Any, Any, T]


class AsyncDurableContext(BaseContext):
    """The durable operations, for async code. Given to `async def` handlers and functions.

    Each method is the twin of the one of `DurableContext`: same parameters, results and errors.
    It takes its operation's number when it is *called* and returns a coroutine, so
    `asyncio.gather(context.step(a()), context.step(b()))` is safe. One context belongs to one
    task at a time: for concurrent sequences of operations use `run_in_child_context`, `map` or
    `parallel`.
    """

    _kind = Kind.ASYNC

    def __init__(self, position: Position, runtime: LoopRuntime) -> None:
        super().__init__(position)
        self._runtime = runtime

    def _claim(self) -> Position:
        self._position.check()
        self._runtime.check()
        self._position.claim_task()
        return self._position

    def _run(self, plan: Plan) -> Op[Any]:
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
        func: Callable[..., Any],
        name: str | None = None,
        config: StepConfig[Any] | None = None,
    ) -> Op[Any]:
        """Run a function and checkpoint what it returns; see `DurableContext.step`.

        An `async def` function runs on the event loop, a `def` in a worker thread.

        Example:
            >>> payment = await context.step(charge_payment(order_id, amount))
        """
        return self._run(plans.plan_step(self._claim(), func, name, config))

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
        parts = plans.parts(seconds, minutes, hours, days)
        return self._run(plans.plan_wait(self._claim(), duration, name, parts))

    def create_callback(
        self, name: str | None = None, config: CallbackConfig[D] | None = None
    ) -> Op[AsyncCallback[D]]:
        """Create a callback for an external system; see `DurableContext.create_callback`."""
        plan = plans.plan_create_callback(self._claim(), name, config)

        async def create() -> AsyncCallback[D]:
            return AsyncCallback(await self._run(plan), self._position)

        return create()

    def wait_for_callback(
        self,
        submitter: Callable[[str, WaitForCallbackContext], Any] | Callable[[str], Any],
        name: str | None = None,
        config: WaitForCallbackConfig[D] | None = None,
    ) -> Op[D | None]:
        """Hand a callback's id out and wait; see `DurableContext.wait_for_callback`."""
        return self._run(plans.plan_wait_for_callback(self._claim(), submitter, name, config))

    def invoke(
        self,
        function_name: str,
        payload: Any = None,
        name: str | None = None,
        config: InvokeConfig[Any, D] | None = None,
    ) -> Op[D]:
        """Invoke another Lambda function; see `DurableContext.invoke`."""
        return self._run(plans.plan_invoke(self._claim(), function_name, payload, name, config))

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
        func: Callable[[Any], Any],
        name: str | None = None,
        config: ChildConfig[Any] | None = None,
    ) -> Op[Any]:
        """Run a function with a context of its own; see `DurableContext.run_in_child_context`.

        A `def` function gets the blocking context and runs in a worker thread.
        """
        return self._run(plans.plan_child(self._claim(), self._kind, func, name, config))

    def wait_for_condition(
        self,
        check: Callable[[T, WaitForConditionCheckContext], T | Awaitable[T]],
        config: WaitForConditionConfig[T],
        name: str | None = None,
    ) -> Op[T]:
        """Check until a strategy stops; see `DurableContext.wait_for_condition`."""
        return self._run(plans.plan_condition(self._claim(), check, config, name))

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
    def map(
        self,
        inputs: Sequence[Any],
        func: Callable[..., Any],
        name: str | None = None,
        config: MapConfig[Any] | None = None,
    ) -> Op[BatchResult[Any]]:
        """Run a function for every input, concurrently; see `DurableContext.map`."""
        return self._run(plans.plan_map(self._claim(), self._kind, inputs, func, name, config))

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
        config: ParallelConfig[Any] | None = None,
    ) -> Op[BatchResult[Any]]:
        """Run functions concurrently; see `DurableContext.parallel`."""
        functions, name, config = plans.parallel_arguments(branches, functions, name, config)
        return self._run(plans.plan_parallel(self._claim(), self._kind, functions, name, config))

    def _with_retry(
        self, func: Callable[..., Any], name: str | None, config: WithRetryConfig | None
    ) -> Op[Any]:
        return self._run(plans.plan_retry(self._claim(), self._kind, func, name, config))

    def create_child_context(
        self, operation_id: str, *, is_virtual: bool = False
    ) -> AsyncDurableContext:
        """A context for the operations below an operation id; see `DurableContext`."""
        position = self._position.aside(operation_id, is_virtual=is_virtual)
        return AsyncDurableContext(position, self._runtime)
