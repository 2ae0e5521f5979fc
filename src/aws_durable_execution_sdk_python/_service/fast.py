"""The default service client: aioboto3's for everything but the attempts that go well.

An attempt that goes well needs none of what a client does between its method and the wire, so it
is made past the client: a request prepared as botocore does, signed by botocore's signer, sent
through the client's own HTTP session. Any other attempt is handed to the client as its first: it
reads the error, waits, tries again or gives up, as it always does.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aws_durable_execution_sdk_python._service import calls
from aws_durable_execution_sdk_python._service.aws import AioBoto3Client, by_client

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python._service.http1 import HttpAnswer
    from aws_durable_execution_sdk_python._service.prepared import Template
    from aws_durable_execution_sdk_python._service.signing import PreparedSigner
    from aws_durable_execution_sdk_python._service.transport import Transport

_logger = logging.getLogger(__name__)

# What a botocore raises whose inner parts have moved; its client works all the same.
_UNFIT = (AttributeError, ImportError, LookupError, TypeError)


class FastClient(AioBoto3Client):
    """Calls the service as `AioBoto3Client` does, for about a quarter of the CPU time.

    Where the environment asks for something between the client and the wire (the adaptive retry
    mode, client-side monitoring, plugins, models of one's own), or where botocore prepares a
    request in a way that is not known here, the aioboto3 client makes every attempt itself.

    Example:
        client = await FastClient().open()
    """

    def __init__(self) -> None:
        super().__init__()
        self._past: _PastClient | None = None

    async def warm_up(self) -> None:
        """See how botocore prepares requests, and connect.

        Raises:
            Exception: as the first call would, which says what it means for the invocation.
        """
        if self._past is not None:
            await self._past.warm_up()

    async def aclose(self) -> None:
        """Close the connections. The client can be opened again."""
        self._past = None
        await super().aclose()

    async def _make(self) -> Any:
        from aiobotocore.session import get_session

        session: Any = get_session()
        if _wants_the_client(session):
            return await super()._make()
        try:
            return await self._make_lean(session)
        except _UNFIT:
            _logger.debug("no attempts past the aioboto3 client", exc_info=True)
            return await super()._make()

    async def _make_lean(self, session: Any) -> Any:
        import aioboto3

        from aws_durable_execution_sdk_python._service.loader import LeanLoader
        from aws_durable_execution_sdk_python._service.transport import Transport

        made: list[Transport] = []

        class OwnTransport(Transport):
            def __init__(self, **settings: Any) -> None:
                super().__init__(**settings)
                made.append(self)

        session.register_component("data_loader", LeanLoader())
        own = aioboto3.Session(botocore_session=session)
        client = await self._enter(own, http_session_cls=OwnTransport)
        credentials = await session.get_credentials()
        # Without credentials the client says what is wrong.
        self._past = _PastClient(client, made[-1], credentials) if credentials else None
        return client

    async def _call(
        self, client: Any, call: calls.Call, request: dict[str, Any]
    ) -> Mapping[str, Any]:
        if self._past is None or not call.accepts(request):
            return await by_client(client, call, request)
        if call is calls.CHECKPOINT and "ClientToken" not in request:
            # All attempts, ours and the client's, are one call.
            request["ClientToken"] = str(uuid.uuid4())
        return await self._past.call(call, request)


class _PastClient:
    """Makes first attempts past an aioboto3 client."""

    def __init__(self, client: Any, transport: Transport, credentials: Any) -> None:
        self._client = client
        self._transport = transport
        self._credentials = credentials
        self._templates: dict[str, Template | None] = {}
        self._signers: dict[str, tuple[Any, PreparedSigner]] = {}
        self._has_replayed = False

    async def warm_up(self) -> None:
        credentials = await self._credentials.get_frozen_credentials()
        templates = [
            await self._template(call, credentials) for call in (calls.CHECKPOINT, calls.STATE)
        ]
        if templates[0] is not None:
            await self._transport.connect_ahead(templates[0].base)

    async def call(self, call: calls.Call, request: dict[str, Any]) -> Mapping[str, Any]:
        credentials = await self._credentials.get_frozen_credentials()
        template = await self._template(call, credentials)
        if template is None:
            return await by_client(self._client, call, request)
        signer = self._signer(call, template, credentials)
        prepared = template.request(*call.write(request), signer)
        try:
            outcome: HttpAnswer | Exception = await self._transport.attempt(prepared)
        except Exception as error:
            outcome = error
        answer = _answer(call, outcome)
        if answer is None:
            return await self._replay(call, request, outcome)
        if self._has_replayed:
            await self._report_success(call, outcome)
        return answer

    async def _replay(
        self, call: calls.Call, request: Mapping[str, Any], outcome: HttpAnswer | Exception
    ) -> Mapping[str, Any]:
        from aws_durable_execution_sdk_python._service.transport import replaying

        self._has_replayed = True
        with replaying(outcome):
            return await by_client(self._client, call, request)

    async def _report_success(self, call: calls.Call, outcome: HttpAnswer | Exception) -> None:
        """The standard retry mode has a budget, which retries use up and successes fill again."""
        await self._client.meta.events.emit(
            f"after-call.lambda.{call.operation}", context={}, http_response=outcome
        )

    async def _template(self, call: calls.Call, credentials: Any) -> Template | None:
        """See, once, what botocore would send, and how to do the same."""
        if call.method in self._templates:
            return self._templates[call.method]
        captured = await self._capture(call)
        if await self._credentials.get_frozen_credentials() != credentials:
            # They were refreshed in between: there is no telling which ones signed it.
            return None
        template = _learn(call, captured, credentials)
        self._templates[call.method] = template
        return template

    async def _capture(self, call: calls.Call) -> Any:
        from aws_durable_execution_sdk_python._service.transport import RequestCaptured, capturing

        try:
            with capturing():
                await by_client(self._client, call, call.example)
        except RequestCaptured as captured:
            return captured.request
        return None

    def _signer(self, call: calls.Call, template: Template, credentials: Any) -> PreparedSigner:
        known = self._signers.get(call.method)
        if known is None or known[0] != credentials:
            known = self._signers[call.method] = (credentials, template.signer(credentials))
        return known[1]


def _learn(call: calls.Call, captured: Any, credentials: Any) -> Template | None:
    from aws_durable_execution_sdk_python._service.prepared import learn

    path, body = call.write(call.example)
    try:
        template = None if captured is None else learn(captured, path, credentials)
        if template is not None:
            template.request(path, body, template.signer(credentials))
    except _UNFIT:
        _logger.debug("%s cannot be prepared", call.operation, exc_info=True)
        return None
    return template


def _answer(call: calls.Call, outcome: HttpAnswer | Exception) -> Mapping[str, Any] | None:
    if isinstance(outcome, Exception) or not 200 <= outcome.status_code < 300:
        return None
    return call.read(outcome.body)


def _wants_the_client(session: Any) -> bool:
    """Whether the configuration asks for something that attempts past the client leave out."""
    setting = session.get_config_variable
    return bool(
        setting("retry_mode") == "adaptive"
        or setting("csm_enabled")
        or setting("data_path")
        or setting("api_versions").get("lambda")
        or os.environ.get("BOTOCORE_EXPERIMENTAL__PLUGINS")
    )
