"""How a server is set up."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_durable_execution_sdk_python._core.limits import MIB
from aws_durable_execution_sdk_python_testing._engine import Limits
from aws_durable_execution_sdk_python_testing._faults import Faults
from aws_durable_execution_sdk_python_testing._server.endpoints import ENDPOINT_MARGIN_SECONDS
from aws_durable_execution_sdk_python_testing._time.time_limits import MAX_INVOCATION_SECONDS
from aws_durable_execution_sdk_python_testing.stores import (
    EventStore,
    InMemoryExecutionStore,
    SQLiteExecutionStore,
)
from aws_durable_execution_sdk_python_testing.stores.filesystem import FileSystemExecutionStore

RuntimeName = Literal["inprocess", "lambda"]

MAX_REQUEST_BYTES = 10 * MIB


class StoreType(enum.StrEnum):
    """Where executions are kept."""

    MEMORY = "memory"
    FILESYSTEM = "filesystem"
    SQLITE = "sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Settings of a `DurableServer`.

    Attributes:
        host, port: what to listen at; port 0 takes a free one.
        lambda_endpoint: the Lambda-compatible endpoint of functions that are not hosted here.
        runtime: what runs functions that are: "inprocess" or "lambda", real runtime processes.
        skip_time: skip time nobody is busy in.
        invocation_timeout: real seconds after which an invocation is given up.
        endpoint_margin: real seconds an endpoint may take to answer beyond the function's own
            time-out, or that of invocations: a container may have to start.
        region, account_id: what ARNs are made of; None takes those of the first declared ARN.
        limits: limits of the service.
        max_request_bytes: larger request bodies are answered with 413.
        allowed_hosts: public names the service is reached by, besides addresses and local names.
        allow_unqualified: let durable functions be invoked without version or alias, by
            `Invoke` or by `context.invoke`, which Lambda refuses.
        api_rates: refuse calls of the API over the quotas of a Region.
        faults: what is to go wrong between handlers and service.
    """

    host: str = "127.0.0.1"
    port: int = 0
    lambda_endpoint: str | None = None
    runtime: RuntimeName = "inprocess"
    skip_time: bool = False
    invocation_timeout: float = MAX_INVOCATION_SECONDS
    endpoint_margin: float = ENDPOINT_MARGIN_SECONDS
    region: str | None = None
    account_id: str | None = None
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    max_request_bytes: int = MAX_REQUEST_BYTES
    allowed_hosts: Collection[str] = ()
    allow_unqualified: bool = False
    api_rates: bool = True
    faults: Faults | None = None


def open_store(kind: StoreType, path: str | Path | None) -> EventStore:
    """Open a store.

    Parameters:
        kind: which one.
        path: its file or directory; None takes the store's default. Memory has none.

    Raises:
        StoreError: it cannot be used.
    """
    place = [] if path is None else [path]
    match kind:
        case StoreType.MEMORY:
            return InMemoryExecutionStore()
        case StoreType.FILESYSTEM:
            return FileSystemExecutionStore.create(*place)
        case StoreType.SQLITE:
            return SQLiteExecutionStore.create_and_initialize(*place)
