"""Calls of a local service that need no AWS library, credentials or region."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from aws_durable_execution_sdk_python._core.api_paths import EXECUTIONS

_ENDPOINT_VARIABLE = "AWS_DEX_LOCAL_RUNNER_ENDPOINT"
_DEFAULT_ENDPOINT = "http://127.0.0.1:5000"
_TIMEOUT_SECONDS = 60


class DexClientError(Exception):
    """The service cannot be reached, or refused; the message says which."""


class DexClient:
    """Talks to the service at `endpoint`."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        # Straight to the service: a proxy would not find this machine by its loopback address.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @classmethod
    def from_environment(cls) -> DexClient:
        """The client of `AWS_DEX_LOCAL_RUNNER_ENDPOINT`."""
        return cls(os.environ.get(_ENDPOINT_VARIABLE) or _DEFAULT_ENDPOINT)

    def start(self, function_name: str, payload: str, execution_name: str) -> dict[str, Any]:
        """Start an execution; answers `{"ExecutionArn": ...}`."""
        return self._call(
            "POST",
            "/start-durable-execution",
            {
                "AccountId": None,
                "FunctionName": function_name,
                "FunctionQualifier": None,
                "ExecutionName": execution_name,
                "ExecutionTimeoutSeconds": None,
                "ExecutionRetentionPeriodDays": None,
                "Input": payload,
            },
        )

    def execution(self, arn: str) -> dict[str, Any]:
        """GetDurableExecution."""
        return self._call("GET", f"{EXECUTIONS}/{quote(arn, safe='')}")

    def history(self, arn: str) -> dict[str, Any]:
        """GetDurableExecutionHistory, all pages as one."""
        path = f"{EXECUTIONS}/{quote(arn, safe='')}/history"
        events: list[Any] = []
        query: dict[str, str] = {}
        while True:
            page = self._call("GET", f"{path}?{urlencode(query)}")
            events += page["Events"]
            if not page.get("NextMarker"):
                return {"Events": events}
            query = {"Marker": page["NextMarker"]}

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._endpoint + path,
            data=data,
            method=method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except urllib.error.HTTPError as error:
            with error:
                raise DexClientError(_reason(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise DexClientError(f"cannot reach {self._endpoint}: {error}") from error


def _reason(error: urllib.error.HTTPError) -> str:
    code = error.headers.get("x-amzn-errortype") or f"HTTP {error.code}"
    try:
        body = json.load(error)
        return f"{code}: {body.get('Message') or body.get('message')}"
    except (ValueError, AttributeError):
        return str(code)
