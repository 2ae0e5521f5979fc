import pytest
from app import handler

from aws_durable_execution_sdk_python_testing import (
    DurableFunctionTestRunner,
    InvocationStatus,
)

pytestmark = pytest.mark.durable_execution(handler=handler, lambda_function_name="durable-project")


def test_an_order_is_charged_and_shipped(durable_runner: DurableFunctionTestRunner) -> None:
    with durable_runner:
        result = durable_runner.run(input={"order_id": "7", "amount": 20}, timeout=60)
    assert result.status is InvocationStatus.SUCCEEDED
    assert result.result == {"status": "shipped", "tracking_number": "TRK-7"}
    assert result.get_step("charge_payment").result == "txn-7"


def test_a_charge_is_refunded_if_there_is_nothing_to_ship(
    durable_runner: DurableFunctionTestRunner,
) -> None:
    with durable_runner:
        result = durable_runner.run(input={"order_id": "unobtainable", "amount": 20}, timeout=60)
    assert result.result["status"] == "refunded"
    assert result.get_step("refund_payment").result == "refund-txn-unobtainable"


def test_nothing_is_charged_for_a_wrong_amount(durable_runner: DurableFunctionTestRunner) -> None:
    with durable_runner:
        result = durable_runner.run(input={"order_id": "7", "amount": 0}, timeout=60)
    assert result.result["status"] == "refused"
    assert not result.operations


def test_a_charge_is_tried_again() -> None:
    with DurableFunctionTestRunner(handler) as runner:
        runner.mock_step("charge_payment", [ConnectionError("down"), "txn-2"])
        result = runner.run(input={"order_id": "7", "amount": 20})
    assert result.result["status"] == "shipped"
    assert result.get_step("charge_payment").attempt == 2
