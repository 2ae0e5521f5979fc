"""The async queue consumer that saves updates: one task, one request in flight.

An update somebody waits for is sent once nothing else is ready to run, so that siblings share
the request, or once the request is full; while a request is under way the next batch builds up
(group commit). An update nobody waits for rides with the next request, or goes alone once
`LAZY_SECONDS` have passed. There is no polling and no lingering: with nothing to send, the task
sleeps.

All methods run on the event loop's thread, which makes check-and-enqueue one atomic section.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial

from aws_durable_execution_sdk_python._core.batching import (
    MAX_BYTES,
    MAX_UPDATES,
    encoded_size,
    take_batch,
)
from aws_durable_execution_sdk_python._core.journal import Journal
from aws_durable_execution_sdk_python._core.model import (
    OperationAction,
    OperationType,
    OperationUpdate,
    StateOutput,
)
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import (
    BackgroundThreadError,
    CheckpointError,
    OrphanedChildException,
    SuspendExecution,
)

LAZY_SECONDS = 0.005
# How long work that is ready to run, and may add to a request, can hold the request up.
GATHER_SECONDS = 0.005
PAGE_ITEMS = 1000

Release = Callable[[BaseException | None], object]


@dataclass(slots=True)
class _Entry:
    update: OperationUpdate | None
    size: int
    release: Release | None


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


class Checkpointer:
    """Owns the token chain of one invocation."""

    def __init__(
        self,
        client: DurableServiceClient,
        arn: str,
        token: str,
        journal: Journal,
        *,
        others_ready: Callable[[], bool],
        catch_up: Callable[[], Awaitable[None]],
        on_change: Callable[[Iterable[str]], None],
        on_end: Callable[[Ended], None],
    ) -> None:
        self._client = client
        self._arn = arn
        self._token = token
        self._journal = journal
        self._others_ready = others_ready
        self._catch_up = catch_up
        self._on_change = on_change
        self._on_end = on_end
        self._queue: deque[_Entry] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._lazy_timer: asyncio.TimerHandle | None = None
        self.in_flight = False
        self.ended: Ended | None = None

    @property
    def idle(self) -> bool:
        """Nothing queued and nothing in flight."""
        return not self._queue and not self.in_flight

    # -- producers --------------------------------------------------------------------------

    def submit(self, update: OperationUpdate, release: Release | None = None) -> None:
        """Queue an update. `release`, if given, is called once it is saved, or with why not.

        Work below a closed context is refused here, in the same step that would queue it. So is
        what a replay of one comes upon that was left unfinished, by a cancellation say.
        """
        is_context = update.operation_type is OperationType.CONTEXT
        if is_context and update.action is OperationAction.START:
            # Also of one that is refused: by this, what comes from inside it is refused as well.
            self._journal.open_context(update.operation_id, update.parent_id)
        if self.ended is not None:
            self._refuse(release, self.ended.signal())
        elif self._journal.is_closed(update.parent_id):
            self._refuse(release, OrphanedChildException("the enclosing operation has completed"))
        else:
            if is_context and update.action is not OperationAction.START:
                self._journal.close_context(update.operation_id)
            self._enqueue(update, release)

    async def save(self, update: OperationUpdate) -> None:
        """Queue an update and wait until it is saved."""
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.submit(update, partial(_resolve, saved))
        await saved

    def refresh(self, release: Release | None = None) -> None:
        """Ask for the latest state; several requests at once cost one empty checkpoint."""
        if self.ended is not None:
            self._refuse(release, self.ended.signal())
            return
        self._queue.append(_Entry(None, 0, release))
        self._wake.set()

    def flush(self) -> None:
        """Send what is queued without waiting for its time."""
        if self._queue:
            self._wake.set()

    def _enqueue(self, update: OperationUpdate, release: Release | None) -> None:
        entry = _Entry(update, encoded_size(update), release)
        self._queue.append(entry)
        self._queued_bytes += entry.size
        if release is not None:
            self._wake.set()
        elif self._lazy_timer is None:
            loop = asyncio.get_running_loop()
            self._lazy_timer = loop.call_later(LAZY_SECONDS, self._lazy_time_is_up)

    def _lazy_time_is_up(self) -> None:
        self._lazy_timer = None
        self.flush()

    @staticmethod
    def _refuse(release: Release | None, signal: BaseException) -> None:
        if release is not None:
            release(signal)

    # -- the consumer -----------------------------------------------------------------------

    async def run(self) -> None:
        """Send batches until cancelled or until the token chain ends."""
        try:
            while self.ended is None:
                await self._wake.wait()
                if not self._full:
                    await self._gather()
                    await self._catch_up()
                self._wake.clear()
                await self._send(self._take_batch())
                if self._queue and (self._lazy_timer is None or self._awaited()):
                    self._wake.set()
        finally:
            if self._lazy_timer is not None:
                self._lazy_timer.cancel()

    async def _gather(self) -> None:
        """Let what is ready to run add to the request, until that is full.

        Siblings, and those whom the last answer has just released, share it. With nothing ready
        this is one pass of the scheduler.
        """
        loop = asyncio.get_running_loop()
        latest = loop.time() + GATHER_SECONDS
        await asyncio.sleep(0)
        # Each sleep is a pass of the scheduler, not a delay.
        while not self._full and self._others_ready() and loop.time() < latest:  # noqa: ASYNC110
            await asyncio.sleep(0)

    @property
    def _full(self) -> bool:
        return len(self._queue) >= MAX_UPDATES or self._queued_bytes >= MAX_BYTES

    def _awaited(self) -> bool:
        """Whether somebody waits for an update that is still queued."""
        return any(entry.release is not None for entry in self._queue)

    def _take_batch(self) -> list[_Entry]:
        batch = take_batch(self._queue)
        self._queued_bytes -= sum(entry.size for entry in batch)
        return batch

    async def _send(self, batch: list[_Entry]) -> None:
        if self._lazy_timer is not None and not self._queue:
            self._lazy_timer.cancel()
            self._lazy_timer = None
        if not batch:
            return
        self.in_flight = True
        try:
            changed = await self._exchange([e.update for e in batch if e.update is not None])
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._end(Ended(error), batch)
            return
        finally:
            self.in_flight = False
        if changed is None:
            self._end(Ended(), batch)
            return
        for entry in batch:
            if entry.release is not None:
                entry.release(None)
        self._on_change(changed)

    async def _exchange(self, updates: list[OperationUpdate]) -> list[str] | None:
        """One call and all pages of its answer, merged. None: the token was withdrawn."""
        if not self._token:
            raise CheckpointError("the checkpoint token is empty", retryable=True)
        output = await self._client.checkpoint(self._arn, self._token, updates, None)
        ends_execution = any(u.operation_type is OperationType.EXECUTION for u in updates)
        token = output.checkpoint_token
        if token:
            self._token = token
        changed = await self._merge(output.new_execution_state, paged=bool(token))
        if not token:
            if not ends_execution:
                return None
            self.ended = Ended(orderly=True)
        return changed

    async def _merge(self, state: StateOutput, *, paged: bool) -> list[str]:
        changed = self._journal.merge(state.operations)
        while paged and state.next_marker:
            state = await self._client.get_execution_state(
                self._arn, self._token, state.next_marker, PAGE_ITEMS
            )
            changed += self._journal.merge(state.operations)
        return changed

    async def load(self, state: StateOutput) -> None:
        """Merge the invocation's initial state and its pages, before any user code runs."""
        await self._merge(state, paged=True)

    def close(self) -> None:
        """Accept nothing more. A request in flight is let finish, what is queued is dropped."""
        if self.ended is None:
            self.ended = Ended(orderly=True)
        self._drop(self.ended, [])
        self._wake.set()

    def fail(self, error: BaseException) -> None:
        """Accept nothing more: the invocation has failed."""
        if self.ended is None:
            self._end(Ended(error), [])
            self._wake.set()

    def _end(self, ended: Ended, batch: list[_Entry]) -> None:
        self.ended = ended
        self._on_end(ended)
        self._drop(ended, batch)

    def _drop(self, ended: Ended, batch: list[_Entry]) -> None:
        waiting = [*batch, *self._queue]
        self._queue.clear()
        for entry in waiting:
            self._refuse(entry.release, ended.signal())


def _resolve(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
