"""What the blocking and the async durable context share, and the callbacks they make."""

from __future__ import annotations

from abc import abstractmethod
from asyncio import CancelledError, get_running_loop, sleep
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias

from typing_extensions import TypeVar

from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.running import Op, drive
from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.loop_runtime import LoopRuntime
from aws_durable_execution_sdk_python._kernel.ownership import ContextUse, refuse_loop
from aws_durable_execution_sdk_python._kernel.ports import Runtime
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._kernel.thread_runtime import ThreadRuntime
from aws_durable_execution_sdk_python._operations.callback import CallbackHandle, callback_result
from aws_durable_execution_sdk_python._operations.patch import is_patched, mention_patch
from aws_durable_execution_sdk_python.config import ParallelBranch
from aws_durable_execution_sdk_python.decorators import BoundStep
from aws_durable_execution_sdk_python.exceptions import UnrecoverableError, ValidationError
from aws_durable_execution_sdk_python.logger import Logger, LoggerInterface, LogInfo
from aws_durable_execution_sdk_python.serdes import AnySerDes, SerDesDefaults
from aws_durable_execution_sdk_python.state import ExecutionState

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._async_context import AsyncDurableContext
    from aws_durable_execution_sdk_python._blocking_context import DurableContext

T = TypeVar("T")
# What a configuration decides, and Any without one.
D = TypeVar("D", default=Any)

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


def perform(position: ContextUse, operation: Op[T]) -> T:
    """Run an operation called on a blocking context: each one passes here."""
    try:
        return drive(operation)
    except UnrecoverableError as error:
        position.refuse(error)
        raise


async def durable_operation(
    position: ContextUse,
    runtime: LoopRuntime,
    kind: Kind,
    make: Callable[[Runtime], Op[T]],
    identity: OperationIdentity | None = None,
) -> T:
    """Run an operation called on an async context: each one passes here.

    It may be awaited long after the call, and elsewhere, so all is asked again. The name is what
    Python tells of one that is never awaited.
    """
    if get_running_loop() is not position.scope.loop:
        refuse_loop()
    position.check()
    if runtime.cancel_requests():
        # Where the code cancels its own task, that comes before the operation begins.
        await sleep(0)
    try:
        result: T = await runtime.host(kind, make, identity)
    except CancelledError:
        position.cut_short()
        raise
    except UnrecoverableError as error:
        position.refuse(error)
        raise
    return result


class Callback(Opaque, Generic[D]):
    """A callback that an external system answers by its `callback_id`."""

    def __init__(self, handle: CallbackHandle[D], position: Position) -> None:
        self._handle = handle
        self._position = position

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
        position = self._position.current()
        runtime = position.runtime
        if not isinstance(runtime, ThreadRuntime):
            raise ValidationError(
                "the result of a callback made with the blocking context was asked for in async "
                "code: create the callback with the AsyncDurableContext there"
            )
        position.check_refusal()
        operation = callback_result(runtime, self._handle, self._position)
        return perform(position, operation)


class AsyncCallback(Opaque, Generic[D]):
    """A callback made by an async context; `await callback.result()` waits for the answer."""

    def __init__(self, handle: CallbackHandle[D], position: Position, runtime: LoopRuntime) -> None:
        self._handle = handle
        self._position = position
        self._runtime = runtime

    @property
    def callback_id(self) -> str:
        """The id to hand to the external system."""
        return self._handle.callback_id

    async def result(self) -> D | None:
        """Wait for the answer; see `Callback.result`."""
        position = self._position.current()
        ask = partial(callback_result, handle=self._handle, position=self._position)
        answer: D | None = await durable_operation(position, self._runtime, Kind.ASYNC, ask)
        return answer


class BaseContext:
    """What both contexts share: who they are, logging, and the claim on their position."""

    def __init__(self, position: Position) -> None:
        self._position = position

    @property
    def lambda_context(self) -> Any:
        """Lambda's own context object of this invocation."""
        return self._position.scope.lambda_context

    @property
    def execution_context(self) -> ExecutionContext:
        return ExecutionContext(self._position.scope.arn)

    @property
    def state(self) -> ExecutionState:
        """What is on record of the execution, to be read."""
        return ExecutionState(self._position)

    @property
    def is_virtual(self) -> bool:
        """Whether this is a child context that leaves no record of its own."""
        return self._position.is_virtual

    @property
    def logger(self) -> Logger:
        """Writes with the execution's ARN, and nothing while finished work is replayed."""
        position = self._position
        info = LogInfo(position.scope.arn, position.parent_id)
        return Logger(position.underlying_logger, info, position.is_replaying)

    def set_logger(self, new_logger: LoggerInterface) -> None:
        """Write to this logger from now on, also in operations and child contexts made later."""
        self._position.underlying_logger = new_logger

    def configure_serdes(self, serdes: AnySerDes[Any] | SerDesDefaults | None) -> None:
        """Store values so from now on, also in operations and child contexts made later.

        What an operation's own configuration says comes first. Call it at the same place of the
        program each time: a replay has to read with what has written.

        Parameters:
            serdes: stores what the operations leave; `SerDesDefaults` sets what invokes and
                callbacks use as well; None for JSON, the default.

        Raises:
            ValidationError: it is no serdes.

        Example:
            >>> context.configure_serdes(S3SerDes("my-bucket"))
        """
        self._position.serdes = SerDesDefaults.of(serdes)

    def patched(self, name: str) -> bool:
        """Whether to run the code as it is after a change; executions under way keep the old code.

        The first call with a name decides for its context, and the answer is the same on every
        replay. What this context has on record beyond this point was recorded without the change:
        False. Where nothing is, or the change was made: True, which is recorded with the next
        checkpoint. It takes no number, so neither way shifts the operations after it.

        Every context decides for itself: child contexts and branches, too. In a loop the first
        round decides for all; give each round a name or a child context of its own to change
        between two of them.

        Parameters:
            name: of the change, 1 to 256 printable ASCII characters.

        Returns:
            Whether the new code is to run. A plain bool, in async code as well: nothing is awaited.

        Raises:
            ValidationError: no such name is possible.
            NestedOperationError: called inside a step.

        Example:
            >>> if context.patched("fraud check"):
            ...     context.step(check_fraud(order))  # awaited, in async code
        """
        return self._at_once(partial(is_patched, name=name))

    def deprecate_patch(self, name: str) -> None:
        """Say that only the code after a change is left, for executions that recorded the patch.

        Takes the place of `patched` once every execution from before the change has ended. Nothing
        is recorded. The call itself may go when no execution has the patch on record any more:
        one that has, and whose code no longer mentions it, fails.

        Parameters:
            name: of the change.

        Raises:
            ValidationError: no such name is possible.
            NestedOperationError: called inside a step.

        Example:
            >>> context.deprecate_patch("fraud check")
            >>> context.step(check_fraud(order))
        """
        self._at_once(partial(mention_patch, name=name))

    @abstractmethod
    def _at_once(self, ask: Callable[[Runtime, Position], Op[T]]) -> T:
        """Do what awaits nothing, here and now."""

    def is_replaying(self) -> bool:
        """Whether the code runs through a part that an earlier invocation has run already."""
        return self._position.is_replaying()
