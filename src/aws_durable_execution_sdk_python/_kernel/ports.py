"""What an operation may ask of the world. Two runtimes answer: the event loop's and a thread's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from aws_durable_execution_sdk_python._core.completion import CompletionReason, CompletionTracker
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import ErrorObject, Operation, OperationUpdate
from aws_durable_execution_sdk_python._core.running import Leaf, Op
from aws_durable_execution_sdk_python._core.user_functions import Kind, UserFunction
from aws_durable_execution_sdk_python._kernel.failure_log import UserFailure
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.parked import Pending
from aws_durable_execution_sdk_python._kernel.position import Position
from aws_durable_execution_sdk_python.exceptions import DurableOperationError

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])


class Branch(NamedTuple, Generic[T]):
    """One branch: its id, which kind of code it runs, how to make its operation for a runtime."""

    operation_id: str
    kind: Kind
    make: Callable[[Runtime], Op[T]]


@dataclass(frozen=True, slots=True)
class BranchesAsked(Generic[T]):
    """The branches as a map or parallel asks for them.

    Attributes:
        kinds: which kind of code each branch runs.
        make: gives the branch of an index. Each is made when it starts and forgotten when it has
            ended, so that of many branches few are in memory.
        tracker: says when the batch is decided.
        max_concurrency: the most that may have begun and not ended; None for no limit.
    """

    kinds: Sequence[Kind]
    make: Callable[[int], Branch[T]]
    tracker: CompletionTracker
    max_concurrency: int | None


@dataclass(slots=True)
class BranchOutcomes(Generic[T]):
    """How the branches stood when the batch was decided, by index.

    Branches that had started and are in neither mapping were still running.
    """

    results: dict[int, T]
    errors: dict[int, DurableOperationError]
    reason: CompletionReason


class Runtime(Protocol):
    """Every await of an operation is one of these.

    On the event loop they are real awaits. In a thread they block and never yield, so that an
    operation's coroutine runs to its end on the stack of the code that called it.
    """

    # -- what is known --------------------------------------------------------------------

    @property
    def arn(self) -> str:
        """Of the execution."""
        ...

    @property
    def compat_aws(self) -> bool:
        """Whether the defaults are the official SDK's."""
        ...

    def find(self, identity: OperationIdentity) -> Operation | None:
        """What is known of the operation that the code asks for; None if it is new.

        Raises:
            NonDeterministicExecutionError: something else is recorded at this position.
            OrphanedChildException: it is new, and the context around it has completed.
        """
        ...

    def recorded(self, operation_id: str) -> Operation | None:
        """What is known of an operation, asked for or not."""
        ...

    def left_out(self, parent_id: str | None) -> Operation | None:
        """The first operation right below this one that an earlier invocation asked for only."""
        ...

    def lies_ahead(self, parent_id: str | None) -> set[str]:
        """What is right below this one on record that the code has not asked for; no markers."""
        ...

    def reopen(self, identity: OperationIdentity) -> None:
        """Say that a context which an earlier invocation began is entered again."""
        ...

    def pass_over(self, identity: OperationIdentity) -> None:
        """Say that a context has ended before, and that its function does not run again."""
        ...

    @property
    def operation_count(self) -> int:
        """How many operations are on record, the execution itself not counted."""
        ...

    def has_other_code(self) -> bool:
        """Whether other tasks of the user's are alive than run functions with a context."""
        ...

    def is_alone_in(self, position: Position) -> bool:
        """Whether no other code than this, its branches aside, can be at work in a context now."""
        ...

    def warn(self, message: str) -> None:
        """Log what may be wrong with the user's program."""
        ...

    def report(self, position: Position, failure: UserFailure) -> None:
        """Log that a function of the user's has failed, by the logger of a context.

        Not if nobody waits for what runs here, and what it came to does not count.
        """
        ...

    # -- what plugins are told ------------------------------------------------------------

    def resumes(self, operation_id: str) -> Awaitable[None]:
        """Tell them that the code has come to an operation that has begun before, and not ended."""
        ...

    def context_body(
        self,
        identity: OperationIdentity,
        make: Callable[[], Awaitable[T]],
        *,
        is_replay_children: bool = False,
    ) -> Awaitable[T]:
        """What runs inside a context, of whose beginning and end plugins are told."""
        ...

    def has_run(
        self, identity: OperationIdentity, error: ErrorObject | None, *, is_replayed: bool = False
    ) -> Awaitable[None]:
        """Tell them that a context has ended of which nothing is recorded now."""
        ...

    async def trace_for(self, identity: OperationIdentity, function_name: str) -> str | None:
        """The trace header for a function that is invoked for the first time."""
        ...

    # -- order of completion --------------------------------------------------------------

    def end_in_turn(self, operation_id: str) -> Awaitable[None]:
        """Wait until everything that ended before this operation has been made known.

        What runs concurrently learns of ends one by one, in the order of the record, on the first
        run as on replay. Every end that user code learns of passes here, or `end`.
        """
        ...

    def start_in_turn(self, operation_id: str) -> Awaitable[None]:
        """Likewise, for an operation that has begun."""
        ...

    def reading(self, operation_id: str) -> AbstractContextManager[None]:
        """A block in which what an operation has left is fetched, before its end is made known.

        Nothing that ended later is made known meanwhile, and the user's time does not pass if it
        is a replay: how long reading takes is not the same each time.
        """
        ...

    def record_cancellation(self, identity: OperationIdentity) -> None:
        """Record, where the service can hold it, that user code cancels an operation.

        Not if its batch, or the end of the invocation, cancels it.
        """
        ...

    async def cancelled_again(self, operation_id: str) -> None:
        """Wait to be cancelled, as user code did when the operation ran.

        Returns at once where nothing can be cancelled.
        """
        ...

    # -- what is to be done ---------------------------------------------------------------

    def check(self) -> None:
        """Refuse to go on when this code is being unwound.

        Raises:
            SuspendExecution: the invocation, or this branch of it, is ending.
        """
        ...

    def post(self, update: OperationUpdate) -> None:
        """Queue an update without waiting for it; order is kept."""
        ...

    def begin(self, start: OperationUpdate) -> Awaitable[None]:
        """Queue the START of an operation, or of an attempt of it, once plugins are told of it."""
        ...

    def end(self, update: OperationUpdate) -> Awaitable[None]:
        """Save an operation's end, and learn of it in turn."""
        ...

    async def commit(self, update: OperationUpdate) -> Operation | None:
        """Save an update, plugins told of it first if it is a START.

        Returns:
            The operation as it then is.
        """
        ...

    async def park(self, pending: Pending) -> None:
        """Wait until the service has moved an operation on."""
        ...

    async def before_body(self) -> None:
        """Hold the operation back if no body of a step or check may begin any more."""
        ...

    async def before_context(self) -> None:
        """Hold the operation back if the invocation's time is nearly gone."""
        ...

    def body(
        self,
        identity: OperationIdentity,
        attempt: int,
        function: F,
        *,
        at_most_once: bool = False,
    ) -> F:
        """What to run in an attempt of a step: its function, or what stands in for it."""
        ...

    def cancel_requests(self) -> int:
        """How many cancellations of the flow that runs this are being answered."""
        ...

    def is_stray(
        self, error: BaseException | None, requests: int, *, outermost: bool = False
    ) -> bool:
        """Whether an error is a CancelledError, and a failure of the code like any other error.

        It is unless someone asked for it: the batch or the invocation, or user code that
        cancelled the task which runs the operation.

        Parameters:
            error: what the code raised.
            requests: what `cancel_requests` said when the code began.
            outermost: whether the code is all that its task runs, so that nobody outside it can
                have asked but the engine. What it asked of its own task is withdrawn.
        """
        ...

    def pass_on_cancellation(self, requests: int) -> None:
        """Go on with a cancellation that the code has kept to itself.

        A replay has no code that could do so again: there the cancellation reaches who waits.

        Parameters:
            requests: what `cancel_requests` said when the code began.

        Raises:
            CancelledError: user code cancelled the task since, and nothing took that back.
        """
        ...

    async def call(self, body: StepBody, function: UserFunction[T], *args: object) -> T:
        """Run a step's body, blocking or async."""
        ...

    async def call_within(
        self, seconds: float, body: StepBody, function: UserFunction[T], *args: object
    ) -> T:
        """Run a step's body for at most that long.

        Raises:
            StepTimeoutError: it took longer.
        """
        ...

    async def use(
        self, code: Leaf, function: UserFunction[T], *args: object, blocks: bool = False
    ) -> T:
        """Call a function of the user's in which no operation may be called: that of a serdes.

        An async one runs on the event loop, in real time, whoever calls.

        Parameters:
            blocks: whether it is not async and may not run on the event loop.
        """
        ...

    async def enter(
        self, kind: Kind, position: Position, function: UserFunction[T], *args: object
    ) -> T:
        """Run a function of the user's that takes a durable context of that kind."""
        ...

    def host(
        self,
        kind: Kind,
        make: Callable[[Runtime], Op[T]],
        identity: OperationIdentity | None = None,
    ) -> Op[T]:
        """The coroutine of an operation around a function of that kind, run where it belongs.

        Parameters:
            identity: the operation's, if it leaves a record and its end is to come in turn.
        """
        ...

    def on_fresh_stack(self, make: Callable[[Runtime], Op[T]]) -> Op[T]:
        """The coroutine of an operation, on a stack that holds nothing of what is around it.

        Parameters:
            make: makes it, for the runtime that it is then given; more than once if it has to
                be run again.
        """
        ...

    async def branches(self, branches: BranchesAsked[T]) -> BranchOutcomes[T]:
        """Run the branches of a map or parallel."""
        ...
