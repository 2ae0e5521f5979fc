"""What docs/deploy.md and docs/production.md say to write works."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

DOCS = Path(__file__).parents[2] / "docs"
TEXT = "\n".join(
    (DOCS / name).read_text(encoding="utf-8") for name in ("deploy.md", "production.md")
)
PYTHON = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
YAML = dict(re.findall(r"^```yaml\n# (\w+\.yaml)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_every_block_is_a_file() -> None:
    assert len(PYTHON) == TEXT.count("```python\n") == 4
    assert len(YAML) == TEXT.count("```yaml\n") == 6


def test_the_templates_are_valid(tmp_path: Path) -> None:
    for name, text in YAML.items():
        (tmp_path / name).write_text(text)
    # Its list of IAM's actions is older than pausing (W3037).
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--ignore-checks", "W3037", "--"]
    command += YAML
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_the_stack_is_python() -> None:
    compile(PYTHON["stack"], "stack.py", "exec")


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> Iterator[DurableServer]:
    """A service with the durable function `orders`, to which clients are led."""

    @durable_execution
    def handler(event: Any, context: DurableContext) -> Any:
        return context.step(lambda _: event, name="keep")

    function = DeclaredFunction(name="orders", handler=handler, durable=DurableTarget())
    with DurableServer([function], ServerSettings()) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-2")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("DURABLE_FUNCTION", "orders:live")
        yield server


def load(name: str) -> Any:
    module = ModuleType(name)
    exec(compile(PYTHON[name], f"{name}.py", "exec"), module.__dict__)
    return module


def test_an_order_is_started_once(orders: DurableServer) -> None:
    start_order = load("starting").start_order
    arn = start_order({"id": 7, "amount": 20})
    assert start_order({"id": 7, "amount": 20}) == arn
    assert "/order-7/" in arn
    with pytest.raises(Exception, match="DurableExecutionAlreadyStarted"):
        start_order({"id": 7, "amount": 30})


def test_a_message_that_comes_twice_starts_one_execution(orders: DurableServer) -> None:
    handler = load("starter").handler
    batch = {"Records": [{"messageId": f"m-{n}", "body": json.dumps(n)} for n in (1, 2)]}
    assert handler(batch, None) == handler(batch, None) == {"batchItemFailures": []}
    assert orders.service is not None
    changed = {"Records": [{"messageId": "m-1", "body": "3"}, {"messageId": "m-3", "body": "3"}]}
    assert handler(changed, None) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


def test_the_costs_are_those_of_the_example() -> None:
    load("cost").test_a_million_claims_of_four_operations_that_wait_for_a_week()
