"""What is queued to be saved, who waits for it, and why nothing more can be saved."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from aws_durable_execution_sdk_python._core.model import OperationUpdate
from aws_durable_execution_sdk_python.exceptions import BackgroundThreadError, SuspendExecution

Release = Callable[[BaseException | None], object]


@dataclass(eq=False, slots=True)
class Queued:
    """An update, or a mere wish for fresh state, and who waits until it is saved."""

    update: OperationUpdate | None
    size: int
    waiting: list[Release]


@dataclass(frozen=True, slots=True)
class Ended:
    """Why no further checkpoint can be made.

    A call failed (`error`), the invocation or the execution is over (`orderly`), or the token was
    withdrawn.
    """

    error: BaseException | None = None
    orderly: bool = False

    def signal(self) -> BaseException:
        """What passes through user code that waits for, or tries, another checkpoint."""
        if self.error is None:
            return SuspendExecution("no further checkpoint is possible in this invocation")
        signal = BackgroundThreadError(f"checkpointing failed: {self.error}")
        signal.__cause__ = self.error
        return signal


def resolve(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def nobody(_: BaseException | None) -> None:
    """Who waits for a state that is asked for to be fresh, without waiting for it."""
