"""What docs/migrating.md says to write works."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))


def test_every_python_block_is_a_file() -> None:
    assert len(FILES) == TEXT.count("```python\n") == 1


def test_the_handler_below_powertools_decorators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "migrated_orders.py").write_text(FILES["orders"])
    monkeypatch.syspath_prepend(tmp_path)
    module: Any = __import__("migrated_orders")
    try:
        with DurableFunctionTestRunner(module.handler) as runner:
            assert runner.run(input={"id": "7"}).result == "txn-7"
    finally:
        del sys.modules["migrated_orders"]
    written = capsys.readouterr().out
    assert "order 7" in written
    assert '"orders":[1.0]' in written
