"""Calls plain functions in sandboxes as a local service would."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from aws_durable_execution_sdk_python_testing._engine import InvokeFunction
from aws_durable_execution_sdk_python_testing._functions.contracts import (
    FunctionResult,
    HandlerService,
)
from aws_durable_execution_sdk_python_testing._sandbox import SandboxFunction, SandboxInvoker

DIRECTORY = Path(__file__).parent / "functions"
ACCOUNT = "arn:aws:lambda:eu-north-1:111122223333:function"
CALLER = f"{ACCOUNT}:caller:$LATEST/durable-execution/run/one"


@dataclass
class Settings:
    """The part of a service that an invoker reads."""

    invocation_timeout: float = 60.0


class Functions:
    """Calls functions by name; those of `plain_functions` need no `add`."""

    def __init__(self, invoker: SandboxInvoker) -> None:
        self.invoker = invoker
        self.settings = Settings()
        self._known: set[str] = set()

    def add(self, name: str, handler: str | None = None, **options: Any) -> None:
        """Register a handler, by default one of `plain_functions`, under a name."""
        settings = {"handler": handler or f"plain_functions.{name}", "task_root": DIRECTORY}
        self.invoker.register(name, SandboxFunction(**{**settings, **options}))
        self._known.add(name)

    def call(self, name: str, event: Any = None, **members: Any) -> FunctionResult:
        """Call it once; `members` are those of `InvokeFunction`."""
        self._know(name)
        call = InvokeFunction(CALLER, "op", name, json.dumps(event), **members)
        return self.invoker.call(call, cast(HandlerService, self.settings))

    def result(self, name: str, event: Any = None, **members: Any) -> Any:
        """The value it returns."""
        answer = self.call(name, event, **members)
        assert answer.error is None, answer.error
        return json.loads(answer.result or "")

    def error(self, name: str, event: Any = None) -> Mapping[str, Any]:
        """The error it fails with."""
        answer = self.call(name, event)
        assert answer.error is not None, answer.result
        return answer.error

    def results(self, name: str, events: list[Any]) -> list[Any]:
        """What it returns for several events at once."""
        self._know(name)
        with ThreadPoolExecutor(len(events)) as threads:
            return list(threads.map(lambda event: self.result(name, event), events))

    def _know(self, name: str) -> None:
        if not self._known & {name, name.partition(":")[0]}:
            self.add(name)

    def texts(self, **query: Any) -> list[str]:
        """The text of log lines."""
        return [line.text for line in self.invoker.logs.read(**query)]
