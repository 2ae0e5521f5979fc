import pytest
from app import handler, transform

from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner

pytestmark = pytest.mark.durable_execution(handler=handler, lambda_function_name="durable-project")


@pytest.mark.parametrize("day", ["2026-01-31", "2026-01-31T02:00:00Z"])
def test_all_pages_of_a_day_are_loaded(durable_runner: DurableFunctionTestRunner, day: str) -> None:
    with durable_runner:
        result = durable_runner.run(input={"day": day}, timeout=60)
    assert result.result == {"day": "2026-01-31", "pages": 5, "loaded": 10}


def test_a_source_that_is_down_is_asked_again() -> None:
    with DurableFunctionTestRunner(handler) as runner:
        runner.mock_step("list_pages", [ConnectionError("down"), ["2026-01-31/page-1"]])
        result = runner.run(input={"day": "2026-01-31"})
    assert result.result["loaded"] == 2


def test_it_fails_where_too_much_fails() -> None:
    with DurableFunctionTestRunner(handler) as runner:
        runner.mock_step("load", error=PermissionError("no access"))
        result = runner.run(input={"day": "2026-01-31"})
    assert result.status == "FAILED"
    assert "no access" in str(result.error)


def test_empty_rows_are_left_out() -> None:
    assert transform([{"page": "p", "cents": 1250}, {"page": "p", "cents": 0}]) == [
        {"page": "p", "euros": 12.5}
    ]
