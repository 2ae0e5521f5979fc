"""What docs/large-payloads.md says to write works, against an S3 over HTTP."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from s3_proxy import BUCKET

from aws_durable_execution_sdk_python._core import limits
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

TEXT = (Path(__file__).parents[2] / "docs" / "large-payloads.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"^```python\n# (\w+)\.py\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))

PROGRAMS = {
    "reports": ({"rows": 20_000}, 20_000, "make_report", "s3"),
    "catalogue": ({}, 100_000, "load", "file"),
    "secrets_kept": ({"card": "4111 0000 1234"}, "1234", "card", "data"),
    "apart": ({}, 300_000, "large", "s3"),
}


@pytest.fixture
def programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, s3: Any, s3_port: int
) -> Iterator[None]:
    """The page's programs, importable, with what they find in the environment."""
    monkeypatch.setenv("BUCKET", BUCKET)
    monkeypatch.setenv("SHARED", str(tmp_path / "shared"))
    monkeypatch.setenv("KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{s3_port}")
    for name, text in BLOCKS.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in BLOCKS:
        sys.modules.pop(name, None)


def test_every_python_block_is_a_program_that_is_run() -> None:
    assert len(BLOCKS) == TEXT.count("```python\n")
    assert set(BLOCKS) == set(PROGRAMS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_its_result_and_records_a_reference(name: str, programs: None) -> None:
    event, expected, step, key = PROGRAMS[name]
    with DurableFunctionTestRunner(importlib.import_module(name).handler) as runner:
        result = runner.run(input=event)
        assert result.result == expected
        payload = result.get_step(step).payload
    assert payload is not None
    recorded = json.loads(payload)
    assert key in recorded
    assert recorded.get("preview") == (
        {"name": "spring", "count": 2, "owner": "***"} if name == "catalogue" else None
    )


@pytest.mark.parametrize(
    "number",
    [
        limits.MAX_STEP_BYTES,
        limits.MAX_PAYLOAD_BYTES,
        limits.MAX_RESULT_BYTES,
        limits.MAX_OPERATIONS,
    ],
)
def test_the_limits_are_those_that_are_kept(number: int) -> None:
    assert f"{number:,}" in TEXT
