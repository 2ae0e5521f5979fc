"""The fake service of the benchmarks refuses what the real one refuses, and counts the rest."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from benchmarks.fake.execution import Execution, RejectedError
from benchmarks.fake.http import Request
from benchmarks.fake.service import Service

Wire = dict[str, Any]


def step(key: str, action: str, **more: Any) -> Wire:
    return {"Id": key, "Type": "STEP", "SubType": "Step", "Name": "work", "Action": action, **more}


def context(key: str, action: str, **more: Any) -> Wire:
    return {"Id": key, "Type": "CONTEXT", "SubType": "Map", "Action": action, **more}


def send(execution: Execution, *updates: Wire, token: str | None = None) -> Wire:
    body = {
        "CheckpointToken": execution.token if token is None else token,
        "ClientToken": f"call-{execution.counters.calls}",
        "Updates": list(updates),
    }
    return execution.checkpoint(body, len(json.dumps(body)))


@pytest.fixture
def execution() -> Execution:
    return Execution(1, 0.0, "null")


def test_a_step_starts_and_ends_in_one_call(execution: Execution) -> None:
    answer = send(execution, step("1", "START"), step("1", "SUCCEED", Payload="7"))
    (operation,) = answer["NewExecutionState"]["Operations"]
    assert operation["Status"] == "SUCCEEDED"
    assert operation["StepDetails"]["Result"] == "7"
    assert execution.report()["operations"] == {"EXECUTION STARTED": 1, "STEP SUCCEEDED": 1}


def test_each_answer_brings_the_only_token_that_counts_next(execution: Execution) -> None:
    old = execution.token
    assert send(execution)["CheckpointToken"] == execution.token != old
    with pytest.raises(RejectedError, match="Invalid checkpoint token"):
        send(execution, token=old)


def test_the_same_client_token_gets_the_same_answer(execution: Execution) -> None:
    body = {
        "CheckpointToken": execution.token,
        "ClientToken": "one",
        "Updates": [step("1", "START")],
    }
    first = execution.checkpoint(body, 100)
    assert execution.checkpoint(body, 100) is first
    assert execution.counters.updates == 1


@pytest.mark.parametrize(
    "updates",
    [
        pytest.param([step("1", "SUCCEED", Payload="1")], id="a step that ends before it starts"),
        pytest.param([step("1", "START"), step("1", "START")], id="a step that starts twice"),
        pytest.param([step("1", "RETRY")], id="an action that no workload has"),
        pytest.param([step("1", "START", ParentId="none")], id="an unknown parent"),
        pytest.param([step("1", "START"), step("2", "START", ParentId="1")], id="a step as parent"),
        pytest.param([step("1" * 65, "START")], id="a long id"),
        pytest.param([step("1", "START") | {"Name": "\n"}], id="a name that is not printable"),
        pytest.param(
            [step("1", "START"), step("1", "SUCCEED") | {"Name": "other"}], id="another name"
        ),
        pytest.param(
            [step("1", "START"), step("1", "FAIL", Payload="1")], id="a payload with a failure"
        ),
        pytest.param(
            [step("1", "START"), step("1", "SUCCEED", Error={})], id="an error with a success"
        ),
        pytest.param(
            [step("1", "START"), step("1", "SUCCEED", Payload="x" * (1024 * 1024 + 1))],
            id="a payload over 1 MiB",
        ),
        pytest.param(
            [{"Id": "e", "Type": "EXECUTION", "Action": "SUCCEED"}, step("1", "START")],
            id="something after the end",
        ),
        pytest.param([step(str(n), "START") for n in range(251)], id="251 updates"),
        pytest.param(
            [context(str(n), "SUCCEED", Payload="x" * 400_000) for n in range(2)],
            id="more than 750 KiB",
        ),
    ],
)
def test_a_broken_rule_refuses_the_whole_batch(execution: Execution, updates: list[Wire]) -> None:
    with pytest.raises(RejectedError):
        send(execution, context("fine", "START"), *updates)
    assert list(execution.operations) == ["invocation-1"]


def test_one_update_may_be_larger_than_a_batch(execution: Execution) -> None:
    send(execution, context("1", "SUCCEED", Payload="x" * 1_000_000))
    assert execution.report()["operations"]["CONTEXT SUCCEEDED"] == 1


def test_nothing_comes_after_the_end_of_the_execution(execution: Execution) -> None:
    answer = send(execution, {"Id": "end", "Type": "EXECUTION", "Action": "SUCCEED"})
    assert "CheckpointToken" not in answer
    with pytest.raises(RejectedError):
        send(execution)


def test_a_malformed_request_is_a_broken_rule_too() -> None:
    service = Service()
    event = control(service, "create", payload="null")
    arn = event["DurableExecutionArn"]
    answer = service.answer(
        Request("POST", f"/2025-12-01/durable-executions/{quote(arn, safe='')}/checkpoint", b"{")
    )
    assert answer.status == 400
    (violation,) = control(service, "report", arn=arn)["violations"]
    assert violation.startswith("malformed request")


def test_a_history_larger_than_the_event_is_read_in_pages() -> None:
    service = Service()
    first = control(service, "create", payload="null")
    arn = first["DurableExecutionArn"]
    for number in range(5):
        updates = [step(f"{number}", "START"), step(f"{number}", "SUCCEED", Payload="1")]
        first["CheckpointToken"] = checkpoint(service, first, updates)["CheckpointToken"]
    event = control(service, "create", payload="null", copy_of=arn, first_page=2)
    state = event["InitialExecutionState"]
    found = [operation["Id"] for operation in state["Operations"]]
    marker = state["NextMarker"]
    while marker:
        page = call(
            service,
            "GET",
            event,
            f"state?CheckpointToken={event['CheckpointToken']}&Marker={marker}&MaxItems=2",
        )
        found += [operation["Id"] for operation in page["Operations"]]
        marker = page["NextMarker"]
    assert found[1:] == ["0", "1", "2", "3", "4"]
    assert control(service, "report", arn=event["DurableExecutionArn"])["state_calls"] == 2


def test_contexts_are_open_again_where_that_is_asked_for() -> None:
    service = Service()
    first = control(service, "create", payload="null")
    inner = [step("2", "START", ParentId="1"), step("2", "SUCCEED", ParentId="1", Payload="1")]
    checkpoint(
        service, first, [context("1", "START"), *inner, context("1", "SUCCEED", Payload="1")]
    )
    event = control(
        service,
        "create",
        payload="null",
        copy_of=first["DurableExecutionArn"],
        reopen_contexts=True,
    )
    report = control(service, "report", arn=event["DurableExecutionArn"])
    assert report["operations"] == {
        "EXECUTION STARTED": 1,
        "CONTEXT STARTED": 1,
        "STEP SUCCEEDED": 1,
    }


def control(service: Service, action: str, **body: Any) -> Wire:
    answer = service.answer(Request("POST", f"/control/{action}", json.dumps(body).encode()))
    assert answer.status == 200
    found: Wire = json.loads(answer.body)
    return found


def checkpoint(service: Service, event: Wire, updates: list[Wire]) -> Wire:
    body = {
        "CheckpointToken": event["CheckpointToken"],
        "ClientToken": event["CheckpointToken"],
        "Updates": updates,
    }
    return call(service, "POST", event, "checkpoint", json.dumps(body).encode())


def call(service: Service, method: str, event: Wire, action: str, body: bytes = b"") -> Wire:
    arn = quote(event["DurableExecutionArn"], safe="")
    target = f"/2025-12-01/durable-executions/{arn}/{action}"
    answer = service.answer(Request(method, target, body))
    assert answer.status == 200, answer.body
    found: Wire = json.loads(answer.body)
    return found
