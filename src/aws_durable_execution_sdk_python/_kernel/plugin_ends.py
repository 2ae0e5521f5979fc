"""Which ends of operations plugins are still to be told of.

- Whoever observes an end tells it, once; a second observer waits until the first has told.
- Ends that nobody has observed are told with the end of a context around them, the innermost first,
  or at the end of the invocation.
- Operations run in several threads: what is told is decided under a lock, and told outside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Future

from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import (
    TERMINAL,
    Operation,
    OperationSubType,
    OperationType,
)
from aws_durable_execution_sdk_python._kernel.plugin_calls import (
    HookCancelled,
    HookGivenUp,
    Settle,
)

# What is no operation of the code, and has no beginning to tell of: the wake-up an invocation
# leaves when its time is gone, and the markers of patches.
_OWN = (OperationSubType.INVOCATION_DEADLINE, OperationSubType.PATCH)


class UntoldEnds:
    """The ends of one invocation.

    Parameters:
        journal: what is known of the execution.
        tell: tells plugins of one.
    """

    def __init__(
        self, journal: Journal, tell: Callable[[Operation, Settle], Awaitable[None]]
    ) -> None:
        self._journal = journal
        self._tell = tell
        self._lock = threading.Lock()
        # Not to be told again; and those of them that are being told.
        self._told: set[str] = set()
        self._telling: dict[str, Future[None]] = {}
        # Ended, and not told yet: which those are, and for each context which are inside it.
        self._ended: dict[str, None] = {}
        self._inside: dict[str, list[str]] = {}

    def are_old(self, operation_ids: Iterable[str]) -> None:
        """These had ended before this invocation."""
        self._told.update(operation_ids)

    def add(self, operation: Operation) -> None:
        """This one has ended."""
        if operation.operation_type is OperationType.EXECUTION or operation.sub_type in _OWN:
            return
        with self._lock:
            if operation.operation_id in self._told:
                return
            self._ended[operation.operation_id] = None
            for context_id in self._around(operation):
                self._inside.setdefault(context_id, []).append(operation.operation_id)

    async def observed(self, operation_id: str, settle: Settle) -> None:
        """The program is about to learn of an operation's end."""
        operation = self._journal.confirmed(operation_id)
        if operation is None or operation.status not in TERMINAL:
            return
        if operation_id in self._told and operation_id not in self._telling:
            return
        await self.tell_inside(operation_id, settle)
        await self._tell_once(operation_id, settle)

    async def tell_inside(self, context_id: str, settle: Settle) -> None:
        """Tell what has ended inside a context that ends now."""
        with self._lock:
            inside = self._inside.pop(context_id, ())
        await self._tell_all(inside, settle)

    async def tell_rest(self, settle: Settle) -> None:
        """Tell whatever has ended."""
        with self._lock:
            rest = [*self._ended]
        await self._tell_all(rest, settle)

    async def _tell_all(self, operation_ids: Iterable[str], settle: Settle) -> None:
        depths = {each: len(self._around(self._journal.confirmed(each))) for each in operation_ids}
        for operation_id in sorted(depths, key=lambda each: -depths[each]):
            await self._tell_once(operation_id, settle)

    def _around(self, operation: Operation | None) -> list[str]:
        """The contexts around an operation, the innermost first."""
        around: list[str] = []
        while operation is not None and operation.parent_id is not None:
            around.append(operation.parent_id)
            operation = self._journal.confirmed(operation.parent_id)
        return around

    async def _tell_once(self, operation_id: str, settle: Settle) -> None:
        mine: Future[None] | None = None
        with self._lock:
            others = self._telling.get(operation_id)
            if operation_id not in self._told:
                self._told.add(operation_id)
                self._ended.pop(operation_id, None)
                mine = self._telling[operation_id] = Future()
        if mine is not None:
            try:
                operation = self._journal.confirmed(operation_id)
                if operation is not None:
                    await self._tell(operation, settle)
            finally:
                del self._telling[operation_id]
                mine.set_result(None)
        elif others is not None:
            # Who tells is the one to say when it takes too long.
            with contextlib.suppress(HookCancelled, HookGivenUp):
                await settle(_done(others))


async def _done(told: Future[None]) -> None:
    await asyncio.wrap_future(told)
