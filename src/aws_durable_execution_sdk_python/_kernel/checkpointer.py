"""The async queue consumer that saves updates: one task, one request in flight.

Rules that everything else relies on:

- `submit` writes an update into the journal and queues it in one section of the loop's thread:
  whoever reads afterwards, in whatever run of the code, reads what was asked.
- The same update is sent once. Whoever asks again waits for the first.
- Updates are sent in the order in which they were queued, whoever waits for which.
- One request is in flight, and while it is, the next batch builds up (group commit). An answer with
  all its pages is merged, see `token_chain`, before anybody is released.
- An update somebody waits for is sent once nothing else is ready to run, so that siblings share the
  request, or once the request is full. One that nobody waits for rides with the next that somebody
  does, or goes alone after `Tuning.lazy_seconds`. There is no polling and no lingering: the
  consumer sleeps on its stream until there is something to send. The timer for that is left
  running when the update has gone: it is set once in so many seconds, not once for each update.

The queue is an anyio memory object stream of groups of entries: an update nobody waits for must not
wake the consumer, so it is handed over together with the next one that somebody waits for. What
shares a request is decided without input or output, in `_core.batching`. The consumer waits by a
future of its own: the stream's `receive` makes another pass of the loop, an event and an exception
first: 21 us of the 345 of a blocking step, network included.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from functools import partial

import anyio

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
from aws_durable_execution_sdk_python._kernel.event_loop import running_loop
from aws_durable_execution_sdk_python._kernel.reachability import Opaque
from aws_durable_execution_sdk_python._kernel.token_chain import TokenChain
from aws_durable_execution_sdk_python._kernel.tuning import Tuning
from aws_durable_execution_sdk_python._kernel.unsaved import (
    Ended,
    Queued,
    Release,
    nobody,
    resolve,
)
from aws_durable_execution_sdk_python._service.protocol import DurableServiceClient
from aws_durable_execution_sdk_python.exceptions import (
    CheckpointError,
    OrphanedChildException,
)
from aws_durable_execution_sdk_python.plugin import ServiceCallInfo


class Checkpointer(Opaque):
    """Saves the updates of one invocation."""

    def __init__(
        self,
        client: DurableServiceClient,
        arn: str,
        token: str,
        journal: Journal,
        *,
        tuning: Tuning,
        catch_up: Callable[[], Awaitable[None]],
        on_change: Callable[[Iterable[str]], None],
        on_end: Callable[[Ended], None],
    ) -> None:
        self._chain = TokenChain(client, arn, token, journal)
        self._journal = journal
        self._catch_up = catch_up
        self._on_merge: Callable[[list[str]], None] | None = None
        self._on_change = on_change
        self._on_end = on_end
        self._loop = running_loop()
        self._tuning = tuning
        self._gathering: asyncio.Future[None] | None = None
        self._sender, self._receiver = anyio.create_memory_object_stream[list[Queued]](math.inf)
        self._handed_over: asyncio.Future[None] | None = None
        self._begin: Callable[[], object] | None = None
        # Nobody waits for these yet.
        self._lazy: list[Queued] = []
        self._lazy_since = 0.0
        self._lazy_timer: asyncio.TimerHandle | None = None
        # Handed over, and not sent yet.
        self._batch: deque[Queued] = deque()
        self._unsaved: dict[str, Queued] = {}
        self._queued = 0
        self._queued_bytes = 0
        # How many groups of entries were handed over and not received.
        self._groups = 0
        # Whether the consumer will look at what is queued without being told.
        self._is_awake = False
        self.in_flight = False
        self.ended: Ended | None = None

    def observe(
        self,
        on_call: Callable[[ServiceCallInfo], None],
        on_merge: Callable[[list[str]], None],
    ) -> None:
        """Tell of each call, and of what an answer has brought before anybody is released."""
        self._chain.observe(on_call)
        self._on_merge = on_merge

    @property
    def idle(self) -> bool:
        """Nothing queued and nothing in flight."""
        return not self._queued and not self.in_flight

    @property
    def unsaved(self) -> list[OperationUpdate]:
        """What is queued or in flight."""
        return [entry.update for entry in self._unsaved.values() if entry.update is not None]

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
        elif self._journal.is_closed(update.parent_id) or (
            self._journal.has_given_up and self._journal.is_given_up(update.operation_id)
        ):
            self._refuse(release, OrphanedChildException("the enclosing operation has completed"))
        elif self._journal.ask(update):
            if is_context and update.action is not OperationAction.START:
                self._journal.close_context(update.operation_id)
            self._enqueue(
                Queued(update, encoded_size(update), [] if release is None else [release])
            )
        elif release is not None:
            self._wait_for_the_first(update, release)

    def _wait_for_the_first(self, update: OperationUpdate, release: Release) -> None:
        first = self._unsaved.get(update.operation_id)
        if first is None:
            release(None)
        else:
            first.waiting.append(release)
            self.flush()

    async def save(self, update: OperationUpdate) -> None:
        """Queue an update and wait until it is saved."""
        saved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.submit(update, partial(resolve, saved))
        await saved

    def refresh(self, release: Release | None = None) -> None:
        """Ask for the latest state; several requests at once cost one empty checkpoint."""
        if self.ended is not None:
            self._refuse(release, self.ended.signal())
            return
        self._enqueue(Queued(None, 0, [release or nobody]))

    def flush(self) -> bool:
        """Hand over what is queued without waiting for its time; False if that is so already."""
        if not self._lazy:
            return False
        handed_over, self._lazy = self._lazy, []
        self._sender.send_nowait(handed_over)
        self._groups += 1
        self._is_awake = True
        self._wake_consumer()
        if self._begin is not None:
            begin, self._begin = self._begin, None
            begin()
        return True

    def _enqueue(self, entry: Queued) -> None:
        self._begin_lazy()
        self._lazy.append(entry)
        self._queued += 1
        self._queued_bytes += entry.size
        if entry.update is not None:
            self._unsaved[entry.update.operation_id] = entry
        if entry.waiting:
            if not self._is_awake:
                self.flush()
        elif self._lazy_timer is None:
            self._set_lazy_timer(self._tuning.lazy_seconds)
        if self._gathering is not None and self._full:
            resolve(self._gathering, None)

    def _begin_lazy(self) -> None:
        if not self._lazy:
            self._lazy_since = time.monotonic()

    def _wake_consumer(self) -> None:
        if self._handed_over is not None:
            resolve(self._handed_over, None)

    def _set_lazy_timer(self, seconds: float) -> None:
        self._lazy_timer = self._loop.engine_call_later(seconds, self._look_at_lazy)

    def _look_at_lazy(self) -> None:
        self._lazy_timer = None
        if self._lazy:
            left = self._lazy_since + self._tuning.lazy_seconds - time.monotonic()
            if left > 0:
                self._set_lazy_timer(left)
            else:
                self.flush()

    @staticmethod
    def _refuse(release: Release | None, signal: BaseException) -> None:
        if release is not None:
            release(signal)

    # -- the consumer -----------------------------------------------------------------------

    def consume_in(self, group: asyncio.TaskGroup) -> None:
        """Consume in a task of this group, which begins when there is something to send."""
        context = copy_context()  # the engine's, whoever hands over what comes first

        def begin() -> None:
            consumer = group.create_task(self.run(), context=context)
            consumer.add_done_callback(self._consumed)

        self._begin = begin

    async def run(self) -> None:
        """Send batches until closed, or the token chain ends."""
        while self.ended is None:
            if not (self._batch or self._groups):
                await self._wait_for_a_group()
            else:
                await self._next_batch()

    def _consumed(self, _: object) -> None:
        """The consumer has ended; too early if all tasks were cancelled, by user code say."""
        self.fail(CheckpointError("the task that saves was cancelled", retryable=True))
        self.close()

    async def _next_batch(self) -> None:
        if not self._full:
            await self._gather()
            await self._catch_up()
        if self.ended is None:
            self._receive_waiting()
            await self._send(self._take_batch())
            self._keep_lazy()

    async def _wait_for_a_group(self) -> None:
        self._is_awake = False
        self._handed_over = self._loop.create_future()
        await self._handed_over

    def _receive_waiting(self) -> None:
        """Take what was handed over, and what nobody waits for with it."""
        while self._groups:
            self._batch.extend(self._receiver.receive_nowait())
            self._groups -= 1
        if self._lazy:
            self._batch.extend(self._lazy)
            self._lazy.clear()

    def _keep_lazy(self) -> None:
        """If nobody waits for what is queued by now, it goes on riding with others.

        All of it, in its order: what was handed over meanwhile stands behind what did not fit.
        """
        self._receive_waiting()
        if self._batch and not any(entry.waiting for entry in self._batch):
            self._begin_lazy()
            self._lazy.extend(self._batch)
            self._batch.clear()
            if self._lazy_timer is None:
                self._set_lazy_timer(self._tuning.lazy_seconds)

    async def _gather(self) -> None:
        """Let what is ready to run add to the request, until that is full.

        Siblings, and those whom the last answer has just released, share it. With nothing ready
        this is one pass of the scheduler.
        """
        self._gathering = self._loop.rest(self._tuning.gather_seconds)
        await self._gathering
        self._gathering = None

    @property
    def _full(self) -> bool:
        return self._queued >= MAX_UPDATES or self._queued_bytes >= MAX_BYTES

    def _take_batch(self) -> list[Queued]:
        batch = take_batch(self._batch)
        self._queued -= len(batch)
        self._queued_bytes -= sum(entry.size for entry in batch)
        return batch

    async def _send(self, batch: list[Queued]) -> None:
        updates = [entry.update for entry in batch if entry.update is not None]
        self.in_flight = True
        try:
            changed = await self._chain.exchange(updates)
        except BaseException as error:
            self._end(Ended(error), batch)
            return
        finally:
            self.in_flight = False
        if self._chain.is_over:
            if not any(each.operation_type is OperationType.EXECUTION for each in updates):
                self._end(Ended(), batch)
                return
            self.ended = Ended(orderly=True)
        if self._on_merge is not None:
            self._on_merge(changed)
        for entry in batch:
            self._settle(entry, None)
        self._on_change(changed)

    def _settle(self, entry: Queued, error: BaseException | None) -> None:
        if entry.update is not None and self._unsaved.get(entry.update.operation_id) is entry:
            del self._unsaved[entry.update.operation_id]
        for release in entry.waiting:
            release(error)

    async def load(self, state: StateOutput) -> None:
        """Merge the invocation's initial state and its pages, before any user code runs."""
        await self._chain.merge(state)

    def close(self) -> None:
        """Accept nothing more. A request in flight is let finish, what is queued is dropped."""
        if self.ended is None:
            self.ended = Ended(orderly=True)
        self._drop(self.ended, [])
        if self._lazy_timer is not None:
            self._lazy_timer.cancel()
        self._sender.close()
        self._receiver.close()
        self._wake_consumer()

    def fail(self, error: BaseException) -> None:
        """Accept nothing more: the invocation has failed."""
        if self.ended is None:
            self._end(Ended(error), [])

    def _end(self, ended: Ended, batch: list[Queued]) -> None:
        self.ended = ended
        self._on_end(ended)
        self._drop(ended, batch)

    def _drop(self, ended: Ended, batch: list[Queued]) -> None:
        if self._queued:
            self._receive_waiting()
        dropped = [*batch, *self._batch]
        self._batch.clear()
        self._queued = self._queued_bytes = 0
        for entry in dropped:
            self._settle(entry, ended.signal())
