from __future__ import annotations

from collections.abc import Iterator

import pytest
from sandbox_calls import Functions

from aws_durable_execution_sdk_python_testing._sandbox import SandboxInvoker


@pytest.fixture
def functions() -> Iterator[Functions]:
    """The plain functions, each under its own name. None of them calls a service."""
    with SandboxInvoker("http://127.0.0.1:9") as invoker:
        yield Functions(invoker)
