"""botocore's events: how a request is caught, and how an attempt already made is handed over.

botocore emits `before-send` for each attempt of a client. A handler that returns a response, or
raises, has made the attempt: nothing is sent. `capture` thus sees what the client would send, and
`replaying` hands the client the outcome of an attempt made past it.

What others have registered on a client would be left out by attempts past it: `Events` knows
whether there is any such handler. Those of Powertools are none: importing it has each session name
it in the User-Agent, always in the same words, and so it is in the request that is caught.

Importing this module imports aiobotocore; nothing does before a client is opened.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

from aiobotocore.hooks import AioHierarchicalEmitter

from aws_durable_execution_sdk_python._service.transport import ClientRequest, HttpAnswer

_OWNERS = frozenset({"aiobotocore", "aioboto3", "boto3", "botocore"})
# Whose handlers of an event do the same to every request.
_CONSTANT = frozenset({("request-created", "aws_lambda_powertools")})
# It has to be one that botocore can read; what it reads goes nowhere.
_NOTHING = HttpAnswer(200, {"content-type": "application/json"}, b"{}")


class Events(AioHierarchicalEmitter):  # type: ignore[misc]
    """The event system of a session and its clients, which knows who registers handlers."""

    def __init__(self) -> None:
        super().__init__()
        # Copies share it: botocore copies a session's events for each of its clients.
        self._registered: list[tuple[str, object]] = []

    def register(self, event_name: str, handler: object, *args: Any, **kwargs: Any) -> None:
        self._registered.append((event_name, handler))
        super().register(event_name, handler, *args, **kwargs)

    def register_first(self, event_name: str, handler: object, *args: Any, **kwargs: Any) -> None:
        self._registered.append((event_name, handler))
        super().register_first(event_name, handler, *args, **kwargs)

    def register_last(self, event_name: str, handler: object, *args: Any, **kwargs: Any) -> None:
        self._registered.append((event_name, handler))
        super().register_last(event_name, handler, *args, **kwargs)

    def of_others(self) -> list[str]:
        """The handlers that are not botocore's, of the libraries over it, or constant.

        What cannot be told counts as another's: the client then makes all calls itself.
        """
        others = (handler for event, handler in self._registered if not _is_known(event, handler))
        return [getattr(handler, "__qualname__", str(handler)) for handler in others]


def _is_known(event: str, handler: object) -> bool:
    module: str = getattr(handler, "__module__", None) or ""
    owner = module.partition(".")[0]
    return handler is _meet or owner in _OWNERS or (event, owner) in _CONSTANT


class _Capture:
    """Catches the request of an attempt."""

    def __init__(self) -> None:
        self.request: ClientRequest | None = None

    def meet(self, request: ClientRequest) -> object:
        self.request = request
        return _NOTHING.for_client(request.url)


class _Made:
    """An attempt already made, to be met once."""

    def __init__(self, outcome: HttpAnswer | Exception) -> None:
        self._outcome: HttpAnswer | Exception | None = outcome

    def meet(self, request: ClientRequest) -> object:
        outcome, self._outcome = self._outcome, None
        if isinstance(outcome, Exception):
            raise outcome
        return None if outcome is None else outcome.for_client(request.url)


_first: ContextVar[_Capture | _Made | None] = ContextVar("first", default=None)


def attend(client: Any) -> None:
    """Let `capture` and `replaying` work with this client."""
    client.meta.events.register_first("before-send.lambda", _meet)


async def capture(call: Callable[[], Awaitable[object]]) -> ClientRequest | None:
    """The request that a call of the client's would send. None if it would send none."""
    caught = _Capture()
    with _meeting(caught):
        await call()
    return caught.request


@contextlib.contextmanager
def replaying(outcome: HttpAnswer | Exception) -> Iterator[None]:
    """Within it the first attempt of a call of the client ends as given, and nothing is sent.

    What follows is botocore's business: whether and when to try again, or which error to raise.
    """
    with _meeting(_Made(outcome)):
        yield


@contextlib.contextmanager
def _meeting(first: _Capture | _Made) -> Iterator[None]:
    token = _first.set(first)
    try:
        yield
    finally:
        _first.reset(token)


def _meet(request: ClientRequest, **_: object) -> object:
    first = _first.get()
    return None if first is None else first.meet(request)
