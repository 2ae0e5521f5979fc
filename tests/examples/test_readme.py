"""What the README says to type and to write works."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from written_tests import passed

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing.lint import lint_source

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
RESULTS: dict[str, Any] = {
    "order": {"transaction_id": "txn-7", "tracking_number": "TRK-7"},
    "order_async": {"transaction_id": "txn-7", "stock": 3},
    "migrated": "retried up to 6 times",
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with the README's Python files, importable."""
    for name, text in BLOCKS:
        monkeypatch.delitem(sys.modules, Path(name).stem, raising=False)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name, _ in BLOCKS:
        sys.modules.pop(Path(name).stem, None)


def test_every_python_block_is_a_file() -> None:
    assert len(BLOCKS) == README.count("```python\n")
    assert {name for name, _ in BLOCKS} == {*(f"{name}.py" for name in RESULTS), "test_order.py"}


@pytest.mark.parametrize("name", RESULTS)
def test_a_handler_of_the_readme_gives_its_result(name: str, program: Path) -> None:
    handler = importlib.import_module(name).handler
    with DurableFunctionTestRunner(handler) as runner:
        result = runner.run(input={"order_id": "7", "amount": 20})
    assert result.result == RESULTS[name]


def test_the_tests_of_the_readme_pass(program: Path) -> None:
    assert passed(program) == 2


def test_the_lint_has_nothing_against_it() -> None:
    assert [finding for name, text in BLOCKS for finding in lint_source(text, name)] == []


def test_its_figures_are_those_of_the_benchmarks() -> None:
    figures = re.search(r"official SDK\n(.*?)\n\| And ", README, re.DOTALL)
    assert figures
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    cells = re.findall(r"[\d.]+ (?:ms|us|s|MB)\b", figures[1].partition("|---|")[2])
    assert len(cells) > 20
    assert [cell for cell in cells if f" {cell} " not in measured and cell != "5 ms"] == []
