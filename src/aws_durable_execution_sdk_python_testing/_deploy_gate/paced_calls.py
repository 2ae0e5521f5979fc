"""A client of Lambda's API that stays below a rate, and gives way when it is throttled.

Invariant: however many threads call, a call begins no sooner than its turn, and after an answer
that says "slower" nobody's turn comes before the pause is over. The pauses double from one refusal
of a call to the next; a call that is refused too often raises what it was refused with.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python._service.classification import is_later

# Lists and histories are limited to 15 calls a second each, for everybody in the account together.
CALLS_ON_AWS = 10.0
_MOST_TRIES = 8
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 20.0
_SERVER_ERROR = 500


class Pace:
    """Turns, handed out to threads.

    Parameters:
        per_second: how many at most; None for no limit.
        now, sleep: the time in seconds, and how it passes.
    """

    def __init__(
        self,
        per_second: float | None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = 0.0 if per_second is None else 1 / per_second
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = now()

    def wait(self) -> None:
        """Return when it is the caller's turn."""
        with self._lock:
            turn = max(self._now(), self._next)
            self._next = turn + self._interval
            left = turn - self._now()
        if left > 0:
            self._sleep(left)

    def pause(self, seconds: float) -> None:
        """Nobody's turn is sooner than that."""
        with self._lock:
            self._next = max(self._next, self._now() + seconds)


class PacedClient:
    """The calls of a boto3 client, each in its turn."""

    def __init__(self, client: Any, pace: Pace) -> None:
        self._client = client
        self._pace = pace

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._client, name)

        def paced(**request: Any) -> Any:
            return self._call(call, request)

        return paced

    def _call(self, call: Callable[..., Any], request: dict[str, Any]) -> Any:
        from botocore.exceptions import ClientError, HTTPClientError

        pause = _FIRST_PAUSE
        for _ in range(_MOST_TRIES - 1):
            self._pace.wait()
            try:
                return call(**request)
            except ClientError as error:
                if not _passes(error.response):
                    raise
            except HTTPClientError:
                pass  # no answer came
            self._pace.pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        self._pace.wait()
        return call(**request)


def _passes(response: Any) -> bool:
    """Whether the same call may be answered later."""
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = response.get("Error", {}).get("Code")
    return status >= _SERVER_ERROR or is_later(code, status)
