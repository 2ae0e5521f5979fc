"""The context object a Lambda function gets, for functions run in process."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from aws_durable_execution_sdk_python import DurableContext

_CLIENT_MEMBERS = (
    "installation_id",
    "app_title",
    "app_version_name",
    "app_version_code",
    "app_package_name",
)


@dataclass(frozen=True, slots=True)
class ClientContext:
    """What a caller says of itself; members it leaves out are None.

    Attributes:
        custom: values of the caller's own.
        env: what the caller runs in.
        client: the application, e.g. `client.app_title`.
    """

    custom: Any = None
    env: Any = None
    client: SimpleNamespace | None = None

    @classmethod
    def read(cls, text: str) -> Self:
        """Take the JSON object a caller has sent."""
        sent = json.loads(text)
        client = sent.get("client")
        return cls(
            custom=sent.get("custom"),
            env=sent.get("env"),
            client=_read_client(client) if isinstance(client, Mapping) else None,
        )


def _read_client(client: Mapping[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{name: client.get(name) for name in _CLIENT_MEMBERS})


class LambdaContext:
    """What Lambda's Python runtime passes as the second argument.

    Parameters:
        function_name: plain name of the function.
        function_arn: its ARN, with the qualifier it was invoked by.
        request_id: id of this invocation.
        timeout: seconds after which the invocation is given up.
        tenant_id: the tenant it runs for, if any.
        client_context: what the caller says of itself, if anything.
    """

    memory_limit_in_mb = "128"
    identity = None

    def __init__(
        self,
        *,
        function_name: str,
        function_arn: str,
        request_id: str,
        timeout: float,
        tenant_id: str | None = None,
        client_context: ClientContext | None = None,
    ) -> None:
        self.aws_request_id = request_id
        self.function_name = function_name
        self.function_version = function_arn.rpartition(":")[2]
        self.invoked_function_arn = function_arn
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = f"local/[{self.function_version}]{request_id}"
        self.tenant_id = tenant_id
        self.client_context = client_context
        self._deadline = time.monotonic() + timeout

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is given up, 0 at the end."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: str) -> None:
        """Print a message, as Lambda puts it into the function's log."""
        print(message)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            hint = ""
            if hasattr(DurableContext, name):
                hint = (
                    ": it is Lambda's own context, not a durable one. Decorate the handler with "
                    "@durable_execution"
                )
            text = f"{type(self).__name__!r} object has no attribute {name!r}{hint}"
            raise AttributeError(text, name=name, obj=self)
