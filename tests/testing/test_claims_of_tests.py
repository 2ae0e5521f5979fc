"""What a test claims and what never happens is an error that names the nearest thing that did."""

from __future__ import annotations

from typing import Any

import pytest

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, WaitForCallbackConfig
from aws_durable_execution_sdk_python_testing import CALLBACK_TIMEOUT, DurableFunctionTestRunner
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError

pytest_plugins = ["pytester"]


@durable_execution
def approval(event: Any, context: DurableContext) -> Any:
    return context.wait_for_callback(lambda *_: None, name="approval")


@durable_execution
def hurried(event: Any, context: DurableContext) -> Any:
    config = WaitForCallbackConfig(timeout=Duration.from_seconds(60))
    return context.wait_for_callback(lambda *_: None, name="approval", config=config)


@durable_execution
def shop(event: Any, context: DurableContext) -> Any:
    context.step(lambda _: 1, name="charge")
    return context.invoke("shipping", 1) if event else None


# ----------------------------------------------------------------------------- callbacks=


def test_an_answer_under_a_wrong_name_is_said_at_once() -> None:
    """Without a time-out of its own the callback would wait until the execution's."""
    with (
        DurableFunctionTestRunner(approval) as runner,
        pytest.raises(DurableFunctionsTestError) as caught,
    ):
        runner.run(callbacks={"aproval": True})
    message = str(caught.value)
    assert "waits for the callback 'approval'" in message
    assert "'aproval': did you mean 'approval'?" in message


def test_a_callback_that_nobody_answers_is_said_at_once() -> None:
    with (
        DurableFunctionTestRunner(approval) as runner,
        pytest.raises(DurableFunctionsTestError, match="waits for the callback 'approval'"),
    ):
        runner.run(callbacks={})


def test_an_answer_that_no_callback_asked_for_is_an_error() -> None:
    """The execution has succeeded, without what the test is about."""
    with (
        DurableFunctionTestRunner(hurried) as runner,
        pytest.raises(DurableFunctionsTestError, match=r"'aproval'.*did you mean 'approval'"),
    ):
        runner.run(callbacks={"aproval": True})


def test_also_for_executions_that_are_waited_for() -> None:
    with DurableFunctionTestRunner(hurried) as runner:
        arn = runner.run_async(callbacks={"aproval": True})
        with pytest.raises(DurableFunctionsTestError, match="no callback is called that"):
            runner.wait_for_result(arn)


def test_programs_without_callbacks_may_share_answers_with_others() -> None:
    with DurableFunctionTestRunner(shop) as runner:
        assert runner.run(input=False, callbacks={"approval": True}).status == "SUCCEEDED"


def test_what_fails_is_shown_as_it_is() -> None:
    """It may have failed before it came to the callback."""

    @durable_execution
    def failing(event: Any, context: DurableContext) -> Any:
        raise ValueError("out of stock")

    with DurableFunctionTestRunner(failing) as runner:
        result = runner.run(callbacks={"approval": True})
    assert "out of stock" in str(result.error)


@pytest.mark.parametrize("answer", [True, CALLBACK_TIMEOUT])
def test_answers_that_are_asked_for_are_no_error(answer: Any) -> None:
    with DurableFunctionTestRunner(hurried) as runner:
        assert runner.run(callbacks={"approval": answer}).status == "SUCCEEDED"


# ---------------------------------------------------------------------------------- mocks


def test_a_mock_of_a_step_that_never_runs_is_an_error() -> None:
    def run() -> None:
        with DurableFunctionTestRunner(shop) as runner:
            runner.mock_step("chrage", result=2)
            runner.run(input=False)

    with pytest.raises(DurableFunctionsTestError, match=r"'chrage'.*did you mean 'charge'"):
        run()


def test_a_mock_of_a_function_may_be_for_other_tests() -> None:
    """One that is invoked by a name that nothing has fails, and says so."""
    with DurableFunctionTestRunner(shop) as runner:
        runner.mock_invoke("shiping", result=2)
        assert runner.run(input=False).status == "SUCCEEDED"
        assert "Function not found: shipping" in str(runner.run(input=True).error)


def test_another_error_is_not_covered_up() -> None:
    def run() -> None:
        with DurableFunctionTestRunner(shop) as runner:
            runner.mock_step("chrage", result=2)
            raise LookupError

    with pytest.raises(LookupError):
        run()


def test_mocks_that_only_an_exploration_used_are_used() -> None:
    with DurableFunctionTestRunner(shop) as runner:
        runner.mock_step("charge", result=2)
        runner.explore_crashes(input=False)


# ------------------------------------------------------------------------------- handlers


@pytest.mark.parametrize("handler", ["shop.handler", None, 3])
def test_a_handler_is_a_function(handler: Any) -> None:
    with pytest.raises(DurableFunctionsTestError, match="must be a function"):
        DurableFunctionTestRunner(handler)
    with DurableFunctionTestRunner(shop) as runner:
        for register in (runner.register_function, runner.register_durable_function):
            with pytest.raises(DurableFunctionsTestError, match="'other' must be a function"):
                register("other", handler)


# ---------------------------------------------------------------------------- the marker


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("handler=print, explore_crash=True", "did you mean 'explore_crashes'"),
        ("handler=print, skiptime=False", "did you mean 'skip_time'"),
        ("handler='shop.handler'", "must be a function, not 'shop.handler'"),
        ("print, skip_time=True", "by name"),
    ],
)
def test_the_marker_takes_only_what_it_knows(
    pytester: pytest.Pytester, arguments: str, said: str
) -> None:
    pytester.makeini("[pytest]\naddopts = --strict-markers -p no:asyncio")
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.durable_execution({arguments})
        def test_it(durable_runner):
            pass
        """
    )
    result = pytester.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{said}*"])


# ------------------------------------------------------------------------------ time-outs


def test_a_time_out_names_what_was_waited_for() -> None:
    with DurableFunctionTestRunner(approval) as runner:
        arn = runner.run_async()
        runner.wait_for_callback(arn, "approval")
        with pytest.raises(TimeoutError, match="it waits for callback 'approval'"):
            runner.wait_for_result(arn, timeout=0)
        with pytest.raises(TimeoutError, match="waits for callback 'approval'"):
            runner.wait_for_callback(arn, "another", timeout=0)


def test_what_an_execution_waited_for_that_timed_out_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The service's own error does not say; pytest shows the log of a test that fails."""
    with DurableFunctionTestRunner(approval, execution_timeout_clock="virtual") as runner:
        result = runner.run(execution_timeout=5)
    assert result.execution_status == "TIMED_OUT"
    assert "the execution timed out; it waited for callback 'approval'" in caplog.text
