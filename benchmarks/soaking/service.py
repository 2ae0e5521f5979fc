"""The service, which is killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config
from soaking.functions import HANDLERS
from soaking.host import INVOCATION_THREADS, FunctionHost

from aws_durable_execution_sdk_python._service.model import ensure_durable_operations

REGION = "us-west-2"
_SERVE = "from aws_durable_execution_sdk_python_testing.cli import main; main()"


@dataclass
class Life:
    """From one start of the service to its end."""

    started: float
    seconds_until_ready: float
    peak_rss: int = 0


class ServiceProcess:
    """`durable serve`, again and again on one port and one store."""

    def __init__(self, directory: Path, host: FunctionHost) -> None:
        self._directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._functions = directory / "functions.json"
        arn = f"arn:aws:lambda:{REGION}:123456789012:function"
        self._functions.write_text(
            json.dumps(
                {
                    name: {
                        "FunctionName": name,
                        "FunctionArn": f"{arn}:{name}",
                        "Timeout": 300,
                        "DurableConfig": {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 1},
                    }
                    for name in HANDLERS
                }
            )
        )
        self._endpoint = host.url
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = threading.Event()
        self.url = f"http://127.0.0.1:{self._port}"
        self.client = ensure_durable_operations(
            boto3.client(
                "lambda",
                region_name=REGION,
                endpoint_url=self.url,
                aws_access_key_id="soak",
                aws_secret_access_key="soak",
                config=Config(
                    max_pool_connections=2 * INVOCATION_THREADS,
                    connect_timeout=2,
                    read_timeout=120,
                    retries={"mode": "standard", "total_max_attempts": 4},
                ),
            )
        )
        self.lives: list[Life] = []

    def start(self) -> None:
        """Start it, and wait until it answers."""
        started = time.monotonic()
        log = (self._directory / "service.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _SERVE, "serve", "--port", str(self._port)),
                    *("--lambda-endpoint", self._endpoint, "--functions", self._functions),
                    *("--store", f"sqlite:{self._directory / 'executions.db'}"),
                ],
                stdout=log,
                stderr=log,
            )
        while True:
            if self._process.poll() is not None:
                raise RuntimeError((self._directory / "service.log").read_text())
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port)):
                break
            time.sleep(0.02)
        self.lives.append(Life(started, time.monotonic() - started))
        self._ready.set()

    def kill(self) -> None:
        assert self._process is not None
        self.sample()
        self._ready.clear()
        self._process.kill()
        self._process.wait()

    def sample(self) -> None:
        """Note how much memory it takes."""
        assert self._process is not None
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
            rss = pages * os.sysconf("SC_PAGE_SIZE")
            self.lives[-1].peak_rss = max(self.lives[-1].peak_rss, rss)

    def until_answered(self, call: Callable[..., Any], **request: Any) -> Any:
        """Make a call again and again until the service has answered it."""
        while True:
            self._ready.wait()
            try:
                return call(**request)
            except (
                botocore.exceptions.EndpointConnectionError,
                botocore.exceptions.ConnectionClosedError,
                botocore.exceptions.ReadTimeoutError,
                botocore.exceptions.HTTPClientError,
            ):
                time.sleep(0.05)
