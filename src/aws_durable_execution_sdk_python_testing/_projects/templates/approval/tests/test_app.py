import json

import pytest
from app import handler

from aws_durable_execution_sdk_python.config import Duration
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

LAPTOP = {"request": "a new laptop", "amount": 1200}

pytestmark = pytest.mark.durable_execution(handler=handler, lambda_function_name="durable-project")


@pytest.mark.parametrize(("approved", "status"), [(True, "approved"), (False, "rejected")])
def test_a_person_decides(
    durable_runner: DurableFunctionTestRunner, approved: bool, status: str
) -> None:
    with durable_runner:
        arn = durable_runner.run_async(input=LAPTOP)
        callback_id = durable_runner.wait_for_callback(arn, "approval")
        answer = {"approved": approved, "by": "kim"}
        durable_runner.send_callback_success(callback_id, json.dumps(answer).encode())
        result = durable_runner.wait_for_result(arn)
    assert (result.result["status"], result.result["by"]) == (status, "kim")


def test_cheap_things_need_no_approval(durable_runner: DurableFunctionTestRunner) -> None:
    with durable_runner:
        result = durable_runner.run(input={"request": "a pencil", "amount": 1}, timeout=60)
    assert result.result["outcome"] == "ordered: a pencil"


def test_a_person_is_asked_twice() -> None:
    with DurableFunctionTestRunner(handler) as runner:
        arn = runner.run_async(input=LAPTOP)
        for name in ("approval", "reminder"):
            runner.wait_for_callback(arn, name)
            runner.advance(Duration.from_days(1))
        assert runner.wait_for_result(arn).result == {"status": "expired"}
