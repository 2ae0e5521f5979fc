"""What an operation may ask of the world. Two runtimes answer: the event loop's and a thread's."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from aws_durable_execution_sdk_python._core.model import Operation, OperationUpdate
from aws_durable_execution_sdk_python._core.user_functions import Kind
from aws_durable_execution_sdk_python._kernel.ownership import StepBody
from aws_durable_execution_sdk_python._kernel.suspension import Pending

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._kernel.branches import Branches, BranchOutcomes
    from aws_durable_execution_sdk_python._kernel.invocation import Invocation
    from aws_durable_execution_sdk_python._kernel.position import Position


class Runtime(Protocol):
    """Every await of an operation is one of these.

    On the event loop they are real awaits. In a thread they block and never yield, so that an
    operation's coroutine runs to its end on the stack of the code that called it.
    """

    @property
    def invocation(self) -> Invocation: ...

    def check(self) -> None:
        """Refuse to go on when this code is being unwound.

        Raises:
            SuspendExecution: the invocation, or this branch of it, is ending.
        """
        ...

    def post(self, update: OperationUpdate) -> None:
        """Queue an update without waiting for it; order is kept."""
        ...

    async def save(self, update: OperationUpdate) -> None:
        """Queue an update and wait until it is saved."""
        ...

    async def commit(self, update: OperationUpdate) -> Operation | None:
        """Save an update; returns the operation as it then is."""
        ...

    async def park(self, pending: Pending) -> None:
        """Wait until the service has moved an operation on."""
        ...

    async def call(self, body: StepBody, function: Callable[..., Any], *args: Any) -> Any:
        """Run a step's body, blocking or async."""
        ...

    async def call_within(
        self, seconds: float, body: StepBody, function: Callable[..., Any], *args: Any
    ) -> Any:
        """Run a step's body for at most that long.

        Raises:
            StepTimeoutError: it took longer.
        """
        ...

    async def enter(
        self, kind: Kind, position: Position, function: Callable[..., Any], *args: Any
    ) -> Any:
        """Run a function of the user's that takes a durable context of that kind."""
        ...

    def host(
        self, kind: Kind, make: Callable[[Runtime], Coroutine[Any, Any, Any]]
    ) -> Coroutine[Any, Any, Any]:
        """The coroutine of an operation around a function of that kind, run where it belongs."""
        ...

    async def branches(self, branches: Branches) -> BranchOutcomes:
        """Run the branches of a map or parallel."""
        ...
