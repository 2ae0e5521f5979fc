"""One HTTP connection on the event loop, for requests that follow one another.

A general HTTP client costs more CPU time than all the rest of a checkpoint. The calls made here
need little of it: one origin, answers read whole, connections kept alive.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aws_durable_execution_sdk_python._service.http1 import (
    AnswerParser,
    BadAnswerError,
    HttpAnswer,
)


class ConnectionLostError(Exception):
    """The connection ended before the answer did.

    `answer_begun` tells whether any of it had arrived.
    """

    def __init__(self, message: str, *, answer_begun: bool) -> None:
        super().__init__(message)
        self.answer_begun = answer_begun


class HttpConnection(asyncio.Protocol):
    """One connection; requests one after the other.

    Parameters:
        read_timeout: seconds without a byte of an awaited answer.
    """

    def __init__(self, read_timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._read_timeout = read_timeout
        self._transport: Any = None
        self._parser: AnswerParser | None = None
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self._last_heard = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._reusable = False
        self._idle_since = 0.0

    async def exchange(self, request: bytes) -> HttpAnswer:
        """Send a request, head and body, and wait for the whole answer.

        Raises:
            TimeoutError: nothing arrived for the read time-out.
            ConnectionLostError, BadAnswerError, OSError: no answer, or none that can be read.
        """
        self._parser = AnswerParser()
        answer: asyncio.Future[HttpAnswer] = self._loop.create_future()
        self._answer = answer
        self._reusable = False
        self._last_heard = self._loop.time()
        if self._watch is None:
            self._watch = self._loop.call_later(self._read_timeout, self._check_silence)
        try:
            if self._transport.is_closing():
                # Its end was told before there was anybody to tell.
                raise ConnectionLostError("the connection is closed", answer_begun=False)
            self._transport.write(request)
            return await answer
        except BaseException:
            # Cancelled, perhaps with the answer there already: nobody will take it from here.
            self._reusable = False
            raise
        finally:
            self._answer = None
            self._idle_since = self._loop.time()
            if not self._reusable:
                self.close()

    def rest(self) -> None:
        """Keep a connection that nothing was sent over yet."""
        self._reusable = True
        self._idle_since = self._loop.time()

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._reusable and not self._transport.is_closing()

    def rested_at_most(self, seconds: float) -> bool:
        """Whether another request may be sent, the last having ended so recently."""
        return self.reusable and self._loop.time() - self._idle_since < seconds

    def close(self) -> None:
        """End it at once: nothing that matters is under way, and the loop may be about to close."""
        self._reusable = False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._parser is None or self._answer.done():
            # Bytes that nobody asked for: a late answer, or a server that is out of step.
            self.close()
            return
        self._last_heard = self._loop.time()
        try:
            answer = self._parser.feed(data)
        except BadAnswerError as error:
            self._answer.set_exception(error)
            return
        if answer is not None:
            # An answer may come before all of its request is written: an early refusal.
            written = not self._transport.get_write_buffer_size()
            self._reusable = written and self._parser.keep_alive
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        self._reusable = False
        if self._answer is None or self._parser is None or self._answer.done():
            return
        answer = self._parser.eof() if exc is None else None
        if answer is not None:
            self._answer.set_result(answer)
            return
        lost = ConnectionLostError(
            str(exc or "the connection was closed without an answer"),
            answer_begun=self._parser.begun,
        )
        lost.__cause__ = exc
        self._answer.set_exception(lost)

    def _check_silence(self) -> None:
        """One timer for all exchanges: re-armed when it fires, not at each request."""
        self._watch = None
        if self._answer is None or self._answer.done():
            return
        left = self._last_heard + self._read_timeout - self._loop.time()
        if left > 0:
            self._watch = self._loop.call_later(left, self._check_silence)
        else:
            self._answer.set_exception(TimeoutError(f"no answer in {self._read_timeout} s"))
