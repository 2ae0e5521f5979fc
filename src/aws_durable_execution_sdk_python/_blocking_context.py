"""The durable operations for code that blocks: the twin of `_async_context.AsyncDurableContext`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from types import UnionType
from typing import Any, overload

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._async_context import AsyncDurableContext
from aws_durable_execution_sdk_python._context_base import (
    AnyBranch,
    AsyncBranch,
    BaseContext,
    BlockingBranch,
    Callback,
    perform,
)
from aws_durable_execution_sdk_python._core.completion import BatchResult
from aws_durable_execution_sdk_python._core.running import Op
from aws_durable_execution_sdk_python._core.user_functions import Kind, UserFunction
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.thread_runtime import ThreadRuntime
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

T = TypeVar("T")
U = TypeVar("U")
B = TypeVar("B")
# What a configuration decides, and Any without one.
D = TypeVar("D", default=Any)


class DurableContext(BaseContext):
    """The durable operations, for code that blocks. Given to `def` handlers and functions.

    Operation names are None or 1 to 256 printable ASCII characters. Every method raises
    `ValidationError` for arguments outside their limits, before anything is checkpointed, and
    `NonDeterministicExecutionError` when another operation is on record at this position.
    """

    _kind = Kind.BLOCKING
    durable_role = Kind.BLOCKING.value

    def __init__(self, position: Position, runtime: ThreadRuntime) -> None:
        super().__init__(position)
        self._runtime = runtime

    def _claim(self) -> Position:
        self._position.check()
        self._runtime.check()
        return self._position

    def _at_once(self, ask: Callable[[Runtime, Position], Op[T]]) -> T:
        return perform(self._position, ask(self._runtime, self._claim()))

    def _run(self, plan: Plan[T]) -> T:
        return perform(self._position, plan.make(self._runtime))

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
        func: UserFunction[T],
        name: str | None = None,
        config: StepConfig[T] | None = None,
    ) -> T:
        """Run a function and checkpoint what it returns; a completed step never runs again.

        Parameters:
            func: takes a `StepContext`, or nothing. `@durable_step` makes such functions; they
                give the step its name. It may be async.
            name: the step's name.
            config: retry strategy, semantics, serialisation and time-out.

        Returns:
            What the function returned, as it is read back from its checkpoint.

        Raises:
            StepError: the function raised, and there is no retry strategy or it gave up. The
                error is an instance of the original exception's class as well.
            StepTimeoutError: likewise, when the last attempt outlived `StepConfig(timeout=...)`.

        Example:
            >>> payment = context.step(charge_payment(order_id, amount))
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
        parts = parts_given(seconds, minutes, hours, days)
        self._run(plan_wait(self._claim(), duration, name, parts))

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
        position = self._claim()
        handle = self._run(plan_create_callback(position, name, config))
        return Callback(handle, position)

    def wait_for_callback(
        self,
        submitter: Callable[[str, WaitForCallbackContext], object] | Callable[[str], object],
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
        return self._run(plan_wait_for_callback(self._claim(), submitter, name, config))

    @overload
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, D] | None = None,
    ) -> D: ...
    @overload
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, Any] | None = None,
        *,
        result_type: type[T],
    ) -> T: ...
    @overload
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, Any] | None = None,
        *,
        result_type: UnionType,
    ) -> Any: ...
    def invoke(
        self,
        function_name: str,
        payload: object = None,
        name: str | None = None,
        config: InvokeConfig[Any, Any] | None = None,
        *,
        result_type: object = None,
    ) -> Any:
        """Invoke another Lambda function and wait for its result.

        Parameters:
            function_name: name, `name:alias` or ARN. On AWS a durable function needs a version,
                an alias or `$LATEST`.
            payload: what the function gets, as JSON.
            result_type: what the result is read as: a class, `list[...]` and so on; see
                docs/values.md. By default it is what its JSON says.

        Raises:
            InvokeError: the function failed, timed out or was stopped.
            SerDesError: the result is not of the `result_type`; the message names the place.

        Example:
            >>> quote = context.invoke("quotes", order, result_type=Quote)
        """
        position = self._claim()
        plan: Plan[Any] = plan_invoke(position, function_name, payload, name, config, result_type)
        return self._run(plan)

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
        func: UserFunction[T],
        name: str | None = None,
        config: ChildConfig[T] | None = None,
    ) -> T:
        """Run a function with a context of its own: a group of operations with one result.

        A result over 256 KiB is not stored: the function runs again on replay to rebuild it.

        Raises:
            ChildContextError: the function raised; also an instance of the original class.

        Example:
            >>> enriched = context.run_in_child_context(validate_and_enrich(data), name="prepare")
        """
        return self._run(plan_child(self._claim(), self._kind, func, name, config))

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
        return self._run(plan_condition(self._claim(), check, config, name))

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
    ) -> BatchResult[T]: ...
    @overload
    def map(
        self,
        inputs: Sequence[U],
        func: Callable[[DurableContext, BatchedInput[B, U], int, Sequence[BatchedInput[B, U]]], T],
        name: str | None = None,
        *,
        config: MapConfig[T, B],
    ) -> BatchResult[T]: ...
    def map(
        self,
        inputs: Sequence[U],
        func: UserFunction[T],
        name: str | None = None,
        config: MapConfig[T, object] | None = None,
    ) -> BatchResult[T]:
        """Run a function for every input, concurrently, each in a context of its own.

        Parameters:
            inputs: the items; the map works on a copy of the sequence, as it is at the call. The
                items themselves are not copied: a function that changes one (a dict, say) changes
                it for those that get it later, but not on a replay in which it has ended already.
            func: takes `(context, item, index, inputs)`. `inputs` is a list of the call's own:
                what it writes into it no other call sees.
            config: concurrency, when to stop, names and serialisation.

        Returns:
            The results in input order; nothing is raised before `throw_if_error()` or the
            access to a failed item.

        Example:
            >>> totals = context.map(orders, lambda ctx, order, i, all: ctx.step(price(order)))
        """
        return self._run(plan_map(self._claim(), self._kind, inputs, func, name, config))

    @overload
    def parallel(
        self,
        functions: Sequence[AsyncBranch[T]],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[BlockingBranch[T]],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        functions: Sequence[AnyBranch],
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> BatchResult[Any]: ...
    @overload
    def parallel(
        self,
        *branches: AsyncBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        *branches: BlockingBranch[T],
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]: ...
    @overload
    def parallel(
        self,
        *branches: AnyBranch,
        name: str | None = None,
        config: ParallelConfig[Any] | None = None,
    ) -> BatchResult[Any]: ...
    # The positional name and config after a list are unpacked from `branches`.
    def parallel(  # pyright: ignore[reportInconsistentOverload]
        self,
        *branches: Any,
        functions: Sequence[Any] | None = None,
        name: str | None = None,
        config: ParallelConfig[T] | None = None,
    ) -> BatchResult[T]:
        """Run functions concurrently, each in a context of its own.

        Parameters:
            branches: one list of branches, or the branches as arguments. A branch is a
                function that takes a context, a bound `@durable_step`, or a `ParallelBranch`.
                After a list, `name` and `config` may follow as positional arguments.
            functions: the list of branches, if it is given by keyword.
            config: concurrency, when to stop, and serialisation.

        Returns:
            The results in branch order, as for `map`.

        Example:
            >>> results = context.parallel(fetch_user(user_id), fetch_orders(user_id))
            >>> user, orders = results
        """
        position = self._claim()
        functions, name, config = parallel_arguments(branches, functions, name, config)
        return self._run(plan_parallel(position, self._kind, functions, name, config))

    def _with_retry(
        self, func: UserFunction[T], config: WithRetryConfig | None, name: str | None
    ) -> T:
        return self._run(plan_retry(self._claim(), self._kind, func, name, config))

    def create_child_context(
        self, operation_id: str, *, is_virtual: bool = False
    ) -> DurableContext:
        """A context for the operations below an operation id, without an operation of its own."""
        position = self._position.aside(operation_id, is_virtual=is_virtual)
        return DurableContext(position, self._runtime)
