"""The default service client: aioboto3's for everything but the attempts that go well.

An attempt that goes well needs none of what a client does between its method and the wire, so it
is made past the client: a request prepared and signed as botocore does, sent through the client's
own HTTP session. Any other attempt is handed to the client as its first: it reads the error, waits,
tries again or gives up, as it always does.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_durable_execution_sdk_python._core.codec import Wire
from aws_durable_execution_sdk_python._service import wire
from aws_durable_execution_sdk_python._service.aws import AioBoto3Client, by_client

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._service.events import Events
    from aws_durable_execution_sdk_python._service.prepared_request import RequestTemplate
    from aws_durable_execution_sdk_python._service.signing import FrozenCredentials, PreparedSigner
    from aws_durable_execution_sdk_python._service.transport import HttpAnswer, Transport

_logger = logging.getLogger(__name__)

# What a botocore raises whose inner parts have moved; its client works all the same.
_UNFIT = (AttributeError, ImportError, LookupError, TypeError)

# What attempts past the client would leave out, and how a session's configuration asks for it.
_NEEDS_THE_CLIENT: tuple[tuple[str, Callable[[Callable[[str], Any]], object]], ...] = (
    ("the retry mode is adaptive", lambda setting: setting("retry_mode") == "adaptive"),
    ("client-side monitoring is on", lambda setting: setting("csm_enabled")),
    ("there are models of your own", lambda setting: setting("data_path")),
    ("an API version is set", lambda setting: setting("api_versions").get("lambda")),
    ("there are plugins", lambda _: os.environ.get("BOTOCORE_EXPERIMENTAL__PLUGINS")),
)


class _NotPossibleError(Exception):
    """No attempts can be made past the client. The message says why."""


class PreparedClient(AioBoto3Client):
    """Calls the service as `AioBoto3Client` does, for about a quarter of the CPU time.

    Where something wants to be between the client and the wire (the adaptive retry mode,
    client-side monitoring, plugins, handlers of others, models of one's own), or where botocore
    prepares a request in a way that is not known here, the aioboto3 client makes every attempt
    itself, and a warning says why.

    Example:
        client = await PreparedClient().open()
    """

    def __init__(self) -> None:
        super().__init__()
        self._past: _PastClient | None = None

    async def warm_up(self) -> None:
        """See how botocore prepares requests, and connect.

        Raises:
            Exception: as the first call would, which says what it means for the invocation.
        """
        if self._past is None:
            return
        try:
            await self._past.warm_up()
        except _NotPossibleError as error:
            self._leave_to_the_client(error)

    async def aclose(self) -> None:
        """Close the connections. The client can be opened again."""
        self._past = None
        await super().aclose()

    async def _make(self) -> Any:
        try:
            return await self._make_observed()
        except _NotPossibleError as error:
            self._leave_to_the_client(error)
        except _UNFIT as error:
            _logger.debug("botocore does not fit", exc_info=True)
            self._leave_to_the_client(f"botocore has changed ({type(error).__name__})")
        return await super()._make()

    async def _make_observed(self) -> Any:
        """The client, with an HTTP session and events of ours."""
        import aioboto3
        from aiobotocore.session import AioSession

        from aws_durable_execution_sdk_python._service.events import Events, attend
        from aws_durable_execution_sdk_python._service.loader import LeanLoader
        from aws_durable_execution_sdk_python._service.transport import Transport

        made: list[Transport] = []

        class OwnTransport(Transport):
            def __init__(self, **settings: Any) -> None:
                super().__init__(**settings)
                made.append(self)

        events = Events()
        session: Any = AioSession(event_hooks=events)
        for reason, asks_for_it in _NEEDS_THE_CLIENT:
            if asks_for_it(session.get_config_variable):
                raise _NotPossibleError(reason)
        session.register_component("data_loader", LeanLoader())
        own = aioboto3.Session(botocore_session=session)
        client = await self._enter(own, http_session_cls=OwnTransport)
        credentials = await session.get_credentials()
        # Without credentials the client says what is wrong.
        self._past = _PastClient(client, events, made[-1], credentials) if credentials else None
        attend(client)
        return client

    async def _call(
        self, client: Any, operation: wire.ApiOperation, request: dict[str, object]
    ) -> Wire:
        if self._past is None or not operation.accepts(request):
            return await by_client(client, operation, request)
        if operation is wire.CHECKPOINT and "ClientToken" not in request:
            # All attempts, ours and the client's, are one call.
            request["ClientToken"] = str(uuid.uuid4())
        try:
            return await self._past.call(operation, request)
        except _NotPossibleError as error:
            self._leave_to_the_client(error)
            return await by_client(client, operation, request)

    def _leave_to_the_client(self, reason: object) -> None:
        """From here on the client makes all attempts itself."""
        self._past = None
        _logger.warning(
            "every call to the durable execution service goes through the aioboto3 client, "
            "which takes more CPU time: %s. DURABLE_EXECUTION_TRANSPORT=aioboto3 asks for it.",
            reason,
        )


class _PastClient:
    """Makes first attempts past an aioboto3 client."""

    def __init__(self, client: Any, events: Events, transport: Transport, credentials: Any) -> None:
        self._client = client
        self._events = events
        self._transport = transport
        self._credentials = credentials
        self._templates: dict[str, RequestTemplate] = {}
        self._signers: dict[str, tuple[FrozenCredentials, PreparedSigner]] = {}
        self._has_replayed = False

    async def warm_up(self) -> None:
        credentials = await self._credentials.get_frozen_credentials()
        template = await self._template(wire.CHECKPOINT, credentials)
        await self._template(wire.STATE, credentials)
        if template is not None:
            await self._transport.connect_ahead(template.base)

    async def call(self, operation: wire.ApiOperation, request: dict[str, object]) -> Wire:
        """Make the call, with the client if the attempt made past it is no plain success.

        Raises:
            _NotPossibleError: there can be no such attempts. Nothing was sent.
        """
        credentials = await self._credentials.get_frozen_credentials()
        template = await self._template(operation, credentials)
        if template is None:
            return await by_client(self._client, operation, request)
        signer = self._signer(operation, template, credentials)
        prepared = template.request(*operation.write(request), signer)
        try:
            outcome: HttpAnswer | Exception = await self._transport.attempt(prepared)
        except Exception as error:
            outcome = error
        answer = _answer(operation, outcome)
        if answer is None:
            return await self._replay(operation, request, outcome)
        if self._has_replayed:
            await self._report_success(operation, outcome)
        return answer

    async def _replay(
        self,
        operation: wire.ApiOperation,
        request: Wire,
        outcome: HttpAnswer | Exception,
    ) -> Wire:
        from aws_durable_execution_sdk_python._service.events import replaying

        self._has_replayed = True
        with replaying(outcome):
            return await by_client(self._client, operation, request)

    async def _report_success(
        self, operation: wire.ApiOperation, outcome: HttpAnswer | Exception
    ) -> None:
        """The standard retry mode has a budget, which retries use up and successes fill again."""
        await self._client.meta.events.emit(
            f"after-call.lambda.{operation.name}", context={}, http_response=outcome
        )

    async def _template(
        self, operation: wire.ApiOperation, credentials: FrozenCredentials
    ) -> RequestTemplate | None:
        """See, once, what botocore would send, and how to do the same."""
        template = self._templates.get(operation.name)
        if template is not None:
            return template
        captured = await self._capture(operation)
        if await self._credentials.get_frozen_credentials() != credentials:
            # They were refreshed in between: there is no telling which ones signed it.
            return None
        template = self._templates[operation.name] = _learn(operation, captured, credentials)
        return template

    async def _capture(self, operation: wire.ApiOperation) -> Any:
        from aws_durable_execution_sdk_python._service.events import capture

        if others := self._events.of_others():
            raise _NotPossibleError(f"others have handlers of its events, {others[0]} for one")
        return await capture(lambda: by_client(self._client, operation, operation.example))

    def _signer(
        self,
        operation: wire.ApiOperation,
        template: RequestTemplate,
        credentials: FrozenCredentials,
    ) -> PreparedSigner:
        known = self._signers.get(operation.name)
        if known is None or known[0] != credentials:
            known = self._signers[operation.name] = (credentials, template.signer(credentials))
        return known[1]


def _learn(
    operation: wire.ApiOperation, captured: Any, credentials: FrozenCredentials
) -> RequestTemplate:
    from aws_durable_execution_sdk_python._service.prepared_request import (
        UnknownRequestError,
        learn,
    )

    path, body = operation.write(operation.example)
    try:
        template = learn(captured, path, body, credentials)
        template.request(path, body, template.signer(credentials))
    except UnknownRequestError as error:
        raise _NotPossibleError(f"botocore prepares {operation.name} anew: {error}") from error
    except _UNFIT as error:
        raise _NotPossibleError(f"botocore has changed ({type(error).__name__})") from error
    return template


def _answer(operation: wire.ApiOperation, outcome: HttpAnswer | Exception) -> Wire | None:
    if isinstance(outcome, Exception) or not 200 <= outcome.status_code < 300:
        return None
    return operation.read(outcome.body)
