"""Every example runs by the command its docstring gives, and gives the result it should."""

from __future__ import annotations

import ast
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aws_durable_execution_sdk_python_testing.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

ORDER = {
    "status": "completed",
    "order_id": "order-1",
    "transaction_id": "txn-order-1",
    "tracking_number": "TRK-order-1",
}
CANCELLED_TRIP = {
    "status": "cancelled",
    "reason": "no room in Nowhere",
    "compensated": ["cancelled car-t-1", "cancelled flight-t-1"],
}
APPROVED = {"status": "approved", "by": "kim"}
QUOTED = {"status": "quoted", "price": "10.0 NOK"}
PARCEL = {"order_id": "o-4", "parcel": "parcel of 2"}
INSPECTION = {"sensor": "cellar", "inspection": "Saturday, 01 February"}
SHIPPED = ["o-5-reserved", "o-5-shipped"]

RESULTS: dict[str, Any] = {
    "approval": APPROVED,
    "approval_async": APPROVED,
    "child_context": PARCEL,
    "child_context_async": PARCEL,
    "fan_out_map": {
        "completion": "ALL_COMPLETED",
        "thumbnails": ["a-small.png", "b-small.png", "c-small.png"],
        "failed": ["broken.gif"],
    },
    "fan_out_map_async": ["Oslo: 14 degrees", "Lima: 14 degrees", "Pune: 14 degrees"],
    "gather_async": {"user": "user u-1", "summary": "2 orders"},
    "invoke": QUOTED,
    "invoke_async": QUOTED,
    "order_processing": ORDER,
    "order_processing_async": ORDER,
    "own_types": INSPECTION,
    "own_types_async": INSPECTION,
    "parallel_branches": {"id": "u-7", "name": "Jane Doe", "balance": 12.5, "language": "en"},
    "parallel_branches_async": {"mirror": "near", "answer": "DURABLE"},
    "polling": "job-9 is READY",
    "polling_async": "job-9 is READY",
    "saga": CANCELLED_TRIP,
    "saga_async": CANCELLED_TRIP,
    "step_retries": "charged 22.00",
    "step_retries_async": "charged 22.00",
    "tracing": SHIPPED,
    "tracing_async": SHIPPED,
    "wait_for_callback": "fine",
    "wait_for_callback_async": {"legal": "fine", "finance": "too dear"},
    "with_retry": "paid 12A-hold-2",
    "with_retry_async": "paid 12A-hold-2",
}


def command_of(example: Path) -> list[str]:
    """The arguments of the `durable` command in an example's docstring."""
    text = ast.get_docstring(ast.parse(example.read_text())) or ""
    lines = text.replace("\\\n", " ").splitlines()
    (command,) = [line for line in lines if line.startswith("    durable run ")]
    return shlex.split(command)[1:]


@pytest.fixture
def durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs the `durable` command in this process; answers with the line of the result."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(*arguments: str) -> Any:
        store = str(tmp_path / "store.db")
        options = ["--skip-time", "--json", "--store", store]
        outcome = CliRunner().invoke(main, [*arguments, *options])
        assert outcome.exit_code == 0, outcome.output
        return json.loads(outcome.stdout.splitlines()[-1])

    yield run
    for example in EXAMPLES:
        sys.modules.pop(example.stem, None)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_by_its_own_command(example: Path, durable: Any) -> None:
    command = command_of(example)
    assert command[1].partition(":")[0] == f"examples/{example.name}"
    assert durable(*command)["result"] == RESULTS[example.stem]


def test_every_operation_has_a_blocking_and_an_async_example() -> None:
    names = {path.stem for path in EXAMPLES}
    blocking = {name for name in names if not name.endswith("_async")}
    only_async = {"gather_async"}
    assert names == blocking | {f"{name}_async" for name in blocking} | only_async
    assert names == set(RESULTS)


@pytest.mark.parametrize("name", ["order_processing", "order_processing_async"])
def test_an_invalid_order_is_refused(name: str, durable: Any) -> None:
    event = json.dumps({"order_id": "order-2", "amount": 0})
    end = durable("run", f"examples/{name}.py", "--event", event)
    assert end["result"] == {"status": "failed", "reason": "invalid_order"}


@pytest.mark.parametrize("name", ["approval", "approval_async"])
def test_an_approval_that_nobody_gives_expires(name: str, durable: Any) -> None:
    event = json.dumps({"amount": 1200})
    end = durable("run", f"examples/{name}.py", "--event", event)
    assert end["result"] == {"status": "expired"}


@pytest.mark.parametrize("name", ["saga", "saga_async"])
def test_a_trip_with_a_room_is_booked(name: str, durable: Any) -> None:
    event = json.dumps({"trip": "t-2", "city": "Oslo"})
    end = durable("run", f"examples/{name}.py", "--event", event)
    assert end["result"] == {"status": "booked", "bookings": ["flight-t-2", "car-t-2", "hotel-t-2"]}


@pytest.mark.parametrize("name", ["invoke", "invoke_async"])
def test_a_refused_invoke_gives_the_reason(name: str, durable: Any) -> None:
    event = json.dumps({"weight": 101})
    end = durable("run", f"examples/{name}.py:handler", "--event", event)
    assert end["result"] == {"status": "refused", "reason": "too heavy"}


def test_a_batch_with_too_many_failures_stops(durable: Any) -> None:
    event = json.dumps({"images": ["a.gif", "b.gif", "c.png", "d.png"]})
    end = durable("run", "examples/fan_out_map.py", "--event", event)
    assert end["result"]["completion"] == "FAILURE_TOLERANCE_EXCEEDED"
