"""The durable context, blocking and async: public methods, nothing of how operations work.

Documented in the seeds (index, steps, best practices). Each operation is written once, in
`operations`, and both contexts run it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, overload

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    DurationLike,
    InvokeConfig,
    MapConfig,
    ParallelBranch,
    ParallelConfig,
    StepConfig,
    WaitForCallbackConfig,
    WithRetryConfig,
)
from aws_durable_execution_sdk_python.core.callables import Kind
from aws_durable_execution_sdk_python.core.completion import BatchResult
from aws_durable_execution_sdk_python.decorators import (
    BoundStep,
    durable_parallel_branch,
    durable_step,
    durable_wait_for_callback,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python.exceptions import ValidationError
from aws_durable_execution_sdk_python.logger import Logger, LoggerInterface, LogInfo
from aws_durable_execution_sdk_python.operations import plans
from aws_durable_execution_sdk_python.operations.callback import CallbackHandle, callback_result
from aws_durable_execution_sdk_python.operations.plans import Plan
from aws_durable_execution_sdk_python.runtime import usage
from aws_durable_execution_sdk_python.runtime.loop import LoopRuntime
from aws_durable_execution_sdk_python.runtime.position import Position
from aws_durable_execution_sdk_python.runtime.thread import ThreadRuntime
from aws_durable_execution_sdk_python.types import (
    StepContext,
    WaitForCallbackContext,
    WaitForConditionCheckContext,
)
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig

__all__ = [
    "AsyncCallback",
    "AsyncDurableContext",
    "Callback",
    "DurableContext",
    "ExecutionContext",
    "durable_parallel_branch",
    "durable_step",
    "durable_wait_for_callback",
    "durable_with_child_context",
]

T = TypeVar("T")
U = TypeVar("U")
# What a configuration decides, and Any without one.
D = TypeVar("D", default=Any)
Op: TypeAlias = Coroutine[Any, Any, T]

# What `parallel` takes. The async form comes first in overloads: an `async def` is also a
# callable whose result is a coroutine.
AsyncBranch: TypeAlias = (
    Callable[["AsyncDurableContext"], Awaitable[T]]
    | BoundStep[Awaitable[T]]
    | ParallelBranch[Awaitable[T]]
)
BlockingBranch: TypeAlias = Callable[["DurableContext"], T] | BoundStep[T] | ParallelBranch[T]
AnyBranch: TypeAlias = AsyncBranch[Any] | BlockingBranch[Any]


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """What is known of the execution."""

    durable_execution_arn: str


class Callback(Generic[D]):
    """A callback that an external system answers by its `callback_id`."""

    def __init__(self, handle: CallbackHandle, runtime: ThreadRuntime) -> None:
        self._handle = handle
        self._runtime = runtime

    @property
    def callback_id(self) -> str:
        """The id to hand to the external system."""
        return self._handle.callback_id

    def result(self) -> D | None:
        """Wait for the answer.

        May be called in a child context or a branch of the context that created the callback.

        Returns:
            The answer: decoded if it is valid JSON, else the text; None if the callback's
            time-out or heartbeat time-out passed (see `CallbackConfig.on_timeout`).

        Raises:
            CallbackExternalError: the external system reported a failure.
            CallbackTimeoutError: it timed out and `on_timeout` is "raise".
        """
        position = usage.current()
        runtime = self._runtime
        if isinstance(position, Position) and isinstance(position.runtime, ThreadRuntime):
            runtime = position.runtime
        elif position is not None:
            raise ValidationError(
                "the result of a callback made with the blocking context was asked for in async "
                "code: create the callback with the AsyncDurableContext there"
            )
        answer: D | None = runtime.drive(callback_result(runtime, self._handle))
        return answer


class AsyncCallback(Generic[D]):
    """A callback made by an async context; `await callback.result()` waits for the answer."""

    def __init__(self, handle: CallbackHandle, runtime: LoopRuntime) -> None:
        self._handle = handle
        self._runtime = runtime

    @property
    def callback_id(self) -> str:
        """The id to hand to the external system."""
        return self._handle.callback_id

    async def result(self) -> D | None:
        """Wait for the answer; see `Callback.result`."""
        usage.current()
        answer: D | None = await callback_result(self._runtime, self._handle)
        return answer


class _Context:
    """What both contexts share: who they are, logging, and the claim on their position."""

    def __init__(self, position: Position) -> None:
        self._position = position

    @property
    def lambda_context(self) -> Any:
        """Lambda's own context object of this invocation."""
        return self._position.invocation.lambda_context

    @property
    def execution_context(self) -> ExecutionContext:
        return ExecutionContext(self._position.invocation.arn)

    @property
    def is_virtual(self) -> bool:
        """Whether this is a child context that leaves no record of its own."""
        return self._position.is_virtual

    @property
    def logger(self) -> Logger:
        """Writes with the execution's ARN, and nothing while finished work is replayed."""
        position = self._position
        info = LogInfo(position.invocation.arn, position.parent_id)
        return Logger(position.underlying_logger, info, position.is_replaying)

    def set_logger(self, logger: LoggerInterface) -> None:
        """Write to this logger from now on, also in operations and child contexts made later."""
        self._position.underlying_logger = logger

    def is_replaying(self) -> bool:
        """Whether the code runs through a part that an earlier invocation has run already."""
        return self._position.is_replaying()


class _Claimed:
    """A blocking call's claim on its context, held until the operation is done."""

    __slots__ = ("_position", "_runtime")

    def __init__(self, position: Position, runtime: ThreadRuntime) -> None:
        self._position = position
        self._runtime = runtime

    def __enter__(self) -> Position:
        self._position.check_not_nested()
        self._runtime.check()
        self._position.claim_thread()
        return self._position

    def __exit__(self, *_: object) -> None:
        self._position.release_thread()


class DurableContext(_Context):
    """The durable operations, for code that blocks. Given to `def` handlers and functions.

    Operation names are None or 1 to 256 printable ASCII characters. Every method raises
    `ValidationError` for arguments outside their limits, before anything is checkpointed, and
    `NonDeterministicExecutionError` when another operation is on record at this position.
    """

    _kind = Kind.BLOCKING

    def __init__(self, position: Position, runtime: ThreadRuntime) -> None:
        super().__init__(position)
        self._runtime = runtime
        self._claimed = _Claimed(position, runtime)

    def _run(self, plan: Plan) -> Any:
        return self._runtime.drive(plan.make(self._runtime))

    @overload
    def step(
        self,
        func: Callable[[StepContext], Awaitable[T]],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> T: ...
    @overload
    def step(
        self,
        func: Callable[[StepContext], T],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> T: ...
    @overload
    def step(
        self,
        func: Callable[[], Awaitable[T]],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> T: ...
    @overload
    def step(
        self,
        func: Callable[[], T],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> T: ...
    def step(
        self,
        func: Callable[..., Any],
        name: str | None = None,
        config: StepConfig[Any] | None = None,
    ) -> Any:
        """Run a function and checkpoint what it returns; a completed step never runs again.

        Source: seeds/steps.md, "Method signature".

        Parameters:
            func: takes a `StepContext`, or nothing. `@durable_step` makes such functions; they
                give the step its name. It may be async.
            name: the step's name.
            config: retry strategy, semantics and serialisation.

        Returns:
            What the function returned, as it is read back from its checkpoint.

        Raises:
            StepError: the function raised, and there is no retry strategy or it gave up. The
                error is an instance of the original exception's class as well.

        Example:
            >>> payment = context.step(charge_payment(order_id, amount))
        """
        with self._claimed as position:
            return self._run(plans.plan_step(position, func, name, config))

    def wait(
        self,
        duration: DurationLike | None = None,
        name: str | None = None,
        *,
        seconds: float | None = None,
        minutes: float | None = None,
        hours: float | None = None,
        days: float | None = None,
    ) -> None:
        """Let time pass; the invocation ends meanwhile if nothing else runs.

        Parameters:
            duration: a `Duration`, a `timedelta` or whole seconds; at least 1 s, at most
                366 days.
            name: the wait's name.
            seconds, minutes, hours, days: instead of `duration`; they add up.

        Example:
            >>> context.wait(seconds=5)
            >>> context.wait(Duration.from_minutes(30), name="cool_down")
        """
        parts = plans.parts(seconds, minutes, hours, days)
        with self._claimed as position:
            self._run(plans.plan_wait(position, duration, name, parts))

    def create_callback(
        self, name: str | None = None, config: CallbackConfig[D] | None = None
    ) -> Callback[D]:
        """Create a callback for an external system to answer.

        Returns:
            The callback: hand out its `callback_id`, then wait for `result()`.

        Example:
            >>> callback = context.create_callback(name="approval")
            >>> context.step(send_mail(callback.callback_id))
            >>> answer = callback.result()
        """
        with self._claimed as position:
            handle = self._run(plans.plan_create_callback(position, name, config))
        return Callback(handle, self._runtime)

    def wait_for_callback(
        self,
        submitter: Callable[[str, WaitForCallbackContext], Any] | Callable[[str], Any],
        name: str | None = None,
        config: WaitForCallbackConfig[D] | None = None,
    ) -> D | None:
        """Create a callback, hand its id to a submitter function, and wait for the answer.

        Parameters:
            submitter: runs as a step with the callback's id and a `WaitForCallbackContext`.
            name: the operation's name.
            config: time-outs, serialisation, and the submitter's retry strategy.

        Returns:
            The answer, as `Callback.result` gives it.

        Raises:
            CallbackSubmitterError: the submitter failed.
            CallbackExternalError, CallbackTimeoutError: as `Callback.result`.
        """
        with self._claimed as position:
            plan = plans.plan_wait_for_callback(position, submitter, name, config)
            answer: D | None = self._run(plan)
            return answer

    def invoke(
        self,
        function_name: str,
        payload: Any = None,
        name: str | None = None,
        config: InvokeConfig[Any, D] | None = None,
    ) -> D:
        """Invoke another Lambda function and wait for its result.

        Parameters:
            function_name: name, `name:alias` or ARN.
            payload: what the function gets, as JSON.

        Raises:
            InvokeError: the function failed, timed out or was stopped.
        """
        with self._claimed as position:
            result: D = self._run(plans.plan_invoke(position, function_name, payload, name, config))
            return result

    @overload
    def run_in_child_context(
        self,
        func: Callable[[AsyncDurableContext], Awaitable[T]],
        name: str | None = None,
        config: ChildConfig[T] | None = None,
    ) -> T: ...
    @overload
    def run_in_child_context(
        self,
        func: Callable[[DurableContext], T],
        name: str | None = None,
        config: ChildConfig[T] | None = None,
    ) -> T: ...
    def run_in_child_context(
        self,
        func: Callable[[Any], Any],
        name: str | None = None,
        config: ChildConfig[Any] | None = None,
    ) -> Any:
        """Run a function with a context of its own: a group of operations with one result.

        A result over 256 KiB is not stored: the function runs again on replay to rebuild it.

        Raises:
            ChildContextError: the function raised; also an instance of the original class.

        Example:
            >>> enriched = context.run_in_child_context(validate_and_enrich(data), name="prepare")
        """
        with self._claimed as position:
            return self._run(plans.plan_child(position, self._kind, func, name, config))

    def wait_for_condition(
        self,
        check: Callable[[T, WaitForConditionCheckContext], T | Awaitable[T]],
        config: WaitForConditionConfig[T],
        name: str | None = None,
    ) -> T:
        """Call a check again and again, waiting durably in between, until a strategy stops it.

        Parameters:
            check: takes the state and a context, returns the new state.
            config: the first state, and the strategy that decides after each check.

        Returns:
            The last state.

        Raises:
            WaitForConditionError: the check raised, or the strategy's attempts are used up.
        """
        with self._claimed as position:
            state: T = self._run(plans.plan_condition(position, check, config, name))
            return state

    @overload
    def map(
        self,
        inputs: Sequence[U],
        func: Callable[[AsyncDurableContext, U, int, Sequence[U]], Awaitable[T]],
        name: str | None = None,
        config: MapConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def map(
        self,
        inputs: Sequence[U],
        func: Callable[[DurableContext, U, int, Sequence[U]], T],
        name: str | None = None,
        config: MapConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    def map(
        self,
        inputs: Sequence[Any],
        func: Callable[..., Any],
        name: str | None = None,
        config: MapConfig[Any] | None = None,
    ) -> BatchResult[Any]:
        """Run a function for every input, concurrently, each in a context of its own.

        Parameters:
            inputs: the items.
            func: takes `(context, item, index, inputs)`.
            config: concurrency, when to stop, names and serialisation.

        Returns:
            The results in input order; nothing is raised before `throw_if_error()` or the
            access to a failed item.

        Example:
            >>> totals = context.map(orders, lambda ctx, order, i, all: ctx.step(price(order)))
        """
        with self._claimed as position:
            plan = plans.plan_map(position, self._kind, inputs, func, name, config)
            result: BatchResult[Any] = self._run(plan)
            return result

    @overload
    def parallel(
        self,
        functions: Sequence[AsyncBranch[T]],
        /,
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[BlockingBranch[T]],
        /,
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[AnyBranch],
        /,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> BatchResult[Any]: ...
    @overload
    def parallel(
        self,
        *functions: AsyncBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        *functions: BlockingBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        *functions: AnyBranch,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> BatchResult[Any]: ...
    # The positional name and config after a list are unpacked from `functions`.
    def parallel(  # pyright: ignore[reportInconsistentOverload]
        self,
        *functions: Any,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> BatchResult[Any]:
        """Run functions concurrently, each in a context of its own.

        Parameters:
            functions: one list of branches, or the branches as arguments. A branch is a
                function that takes a context, a bound `@durable_step`, or a `ParallelBranch`.
                After a list, `name` and `config` may follow as positional arguments.
            config: concurrency, when to stop, and serialisation.

        Returns:
            The results in branch order, as for `map`.

        Example:
            >>> results = context.parallel(fetch_user(user_id), fetch_orders(user_id))
            >>> user, orders = results
        """
        with self._claimed as position:
            branches, name, config = plans.parallel_arguments(functions, name, config)
            plan = plans.plan_parallel(position, self._kind, branches, name, config)
            result: BatchResult[Any] = self._run(plan)
            return result

    def _with_retry(
        self, func: Callable[..., Any], name: str | None, config: WithRetryConfig | None
    ) -> Any:
        with self._claimed as position:
            return self._run(plans.plan_retry(position, self._kind, func, name, config))

    def create_child_context(
        self, operation_id: str, *, is_virtual: bool = False
    ) -> DurableContext:
        """A context for the operations below an operation id, without an operation of its own."""
        position = self._position.aside(operation_id, is_virtual=is_virtual)
        return DurableContext(position, self._runtime)


class AsyncDurableContext(_Context):
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
        self._position.check_not_nested()
        self._runtime.check()
        self._position.claim_task()
        return self._position

    def _run(self, plan: Plan) -> Op[Any]:
        return self._runtime.host(plan.kind or Kind.ASYNC, plan.make)

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
            return AsyncCallback(await self._run(plan), self._runtime)

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
        /,
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[BlockingBranch[T]],
        /,
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[AnyBranch],
        /,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> Op[BatchResult[Any]]: ...
    @overload
    def parallel(
        self,
        *functions: AsyncBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        *functions: BlockingBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> Op[BatchResult[T]]: ...
    @overload
    def parallel(
        self,
        *functions: AnyBranch,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> Op[BatchResult[Any]]: ...
    # The positional name and config after a list are unpacked from `functions`.
    def parallel(  # pyright: ignore[reportInconsistentOverload]
        self,
        *functions: Any,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> Op[BatchResult[Any]]:
        """Run functions concurrently; see `DurableContext.parallel`."""
        branches, name, config = plans.parallel_arguments(functions, name, config)
        return self._run(plans.plan_parallel(self._claim(), self._kind, branches, name, config))

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
