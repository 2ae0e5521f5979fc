"""A server with the settings the emulator's image is started with."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from aws_durable_execution_sdk_python_testing._declarations.declaration_files import read_mapping
from aws_durable_execution_sdk_python_testing._engine import Limits
from aws_durable_execution_sdk_python_testing._engine.arn_defaults import DEFAULT_REGION
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import (
    MAX_REQUEST_BYTES,
    ServerSettings,
    StoreType,
    open_store,
)
from aws_durable_execution_sdk_python_testing._time.time_limits import MAX_INVOCATION_SECONDS


@dataclass(frozen=True, kw_only=True)
class WebServiceConfig:
    """Where the service listens.

    Attributes:
        host, port: what to listen at; port 0 takes a free one.
        log_level: of Python's `logging`.
        max_request_size: bytes; larger request bodies are answered with 413.
    """

    host: str = "localhost"
    port: int = 5000
    log_level: int = logging.INFO
    max_request_size: int = MAX_REQUEST_BYTES


@dataclass(frozen=True, kw_only=True)
class WebRunnerConfig:
    """Settings of a `WebRunner`.

    Attributes:
        web_service: where it listens.
        lambda_endpoint: the Lambda-compatible endpoint that runs the functions.
        local_runner_endpoint: accepted for compatibility: functions are told by whoever runs
            them where the service is.
        local_runner_region: region in ARNs.
        local_runner_mode: accepted for compatibility.
        store_type, store_path: where executions are kept.
        invocation_timeout_seconds: real seconds after which an invocation is given up.
        skip_time: skip time nobody is busy in.
        max_invocation_page_bytes: size of the state an invocation starts with, in bytes;
            default 5 MiB.
        function_configs: the functions that chained invokes and Invoke find, by name, each
            with an optional `DurableConfig`; see `DeclaredFunction.read` for what else.
    """

    web_service: WebServiceConfig = field(default_factory=WebServiceConfig)
    lambda_endpoint: str = "http://127.0.0.1:3001"
    local_runner_endpoint: str = "http://127.0.0.1:5000"
    local_runner_region: str = DEFAULT_REGION
    local_runner_mode: Literal["local"] = "local"
    store_type: StoreType = StoreType.MEMORY
    store_path: str | Path | None = None
    invocation_timeout_seconds: int = MAX_INVOCATION_SECONDS
    skip_time: bool = False
    max_invocation_page_bytes: int | None = None
    function_configs: Mapping[str, Mapping[str, Any]] | None = None


class WebRunner:
    """Serves durable executions of functions that run behind a Lambda endpoint.

    Parameters:
        config: its settings.

    Example:
        ```python
        with WebRunner(WebRunnerConfig(lambda_endpoint="http://127.0.0.1:3001")) as runner:
            runner.serve_forever()
        ```
    """

    def __init__(self, config: WebRunnerConfig) -> None:
        self._config = config
        self._server: DurableServer | None = None

    @property
    def url(self) -> str:
        """Where the service can be reached; empty before `start`."""
        return self._server.url if self._server else ""

    def start(self) -> None:
        """Listen, and take up what the store holds. Returns once requests are answered.

        Raises:
            DeclarationError: `function_configs` declares something impossible.
            OSError: the address cannot be listened at.
            StoreError: the store cannot be used.
        """
        if self._server is None:
            logging.getLogger("aws_durable_execution_sdk_python_testing").setLevel(
                self._config.web_service.log_level
            )
            server = self._make_server()
            server.start()
            self._server = server

    def serve_forever(self) -> None:
        """Start if need be, and return when `stop` is called, from another thread or a signal."""
        self.start()
        server = self._server
        if server is not None:  # else it was stopped already
            server.serve_forever()

    def stop(self) -> None:
        """Stop serving. Idempotent."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _make_server(self) -> DurableServer:
        config, web = self._config, self._config.web_service
        page_bytes = config.max_invocation_page_bytes
        settings = ServerSettings(
            # One address, so that port 0 is one port.
            host="127.0.0.1" if web.host == "localhost" else web.host,
            port=web.port,
            lambda_endpoint=config.lambda_endpoint,
            skip_time=config.skip_time,
            invocation_timeout=config.invocation_timeout_seconds,
            region=config.local_runner_region,
            limits=Limits() if page_bytes is None else Limits(page_bytes=page_bytes),
            max_request_bytes=web.max_request_size,
            allow_unqualified=True,
            api_rates=False,
        )
        functions = read_mapping(config.function_configs or {})
        return DurableServer(functions, settings, open_store(config.store_type, config.store_path))
