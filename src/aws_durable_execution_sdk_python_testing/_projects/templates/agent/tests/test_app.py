import pytest
from app import MAX_TURNS, handler

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

QUESTION = {"question": "Please refund order-7."}

pytestmark = pytest.mark.durable_execution(handler=handler, lambda_function_name="durable-project")


@pytest.mark.parametrize(
    ("approved", "answer"), [(True, "order-7 is refunded"), (False, "not allowed")]
)
def test_a_person_decides_about_a_refund(
    durable_runner: DurableFunctionTestRunner, approved: bool, answer: str
) -> None:
    with durable_runner:
        arn = durable_runner.run_async(input=QUESTION)
        callback_id = durable_runner.wait_for_callback(arn, "approve-refund-2")
        durable_runner.send_callback_success(callback_id, b"true" if approved else b"false")
        result = durable_runner.wait_for_result(arn)
    assert result.result == {"answer": answer, "turns": 3}
    assert result.get_step("look_up-1").result == "order-7: delivered, 49.90"


def test_the_model_is_asked_again_where_it_does_not_answer() -> None:
    with DurableFunctionTestRunner(handler) as runner:
        said = {"role": "assistant", "tool": None, "text": "done"}
        runner.mock_step("model-1", [TimeoutError("busy"), said])
        result = runner.run(input=QUESTION)
    assert result.result == {"answer": "done", "turns": 1}


def test_it_ends_where_the_model_does_not() -> None:
    with DurableFunctionTestRunner(handler) as runner:
        for turn in range(1, MAX_TURNS + 1):
            said = {"role": "assistant", "tool": "look_up", "argument": f"order-{turn}"}
            runner.mock_step(f"model-{turn}", result=said)
        result = runner.run(input=QUESTION)
    assert result.result == {"answer": None, "turns": MAX_TURNS}
