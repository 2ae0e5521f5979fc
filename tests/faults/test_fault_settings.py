"""Which faults are injected: settings, their text form, and what a seed decides."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner, Faults
from aws_durable_execution_sdk_python_testing._engine import Limits
from aws_durable_execution_sdk_python_testing._faults import Fault, FaultPlan
from aws_durable_execution_sdk_python_testing.cli import main


@durable_execution
def ten_steps(event: Any, context: DurableContext) -> int:
    return sum(context.step(lambda _: 1, name=f"step-{number}") for number in range(10))


def injected(faults: Faults, calls: int = 50) -> list[str]:
    """The faults of the first calls of two executions."""
    plan = FaultPlan(faults)
    for _ in range(calls):
        plan.checkpoint("first")
        plan.checkpoint("second")
    return [str(one) for one in plan.injected]


def test_nothing_is_injected_unless_it_is_asked_for() -> None:
    assert injected(Faults(seed=3)) == []


def test_the_same_seed_hits_the_same_calls() -> None:
    faults = Faults(seed=7, throttle=0.2, lost_response=0.1)
    assert injected(faults) == injected(faults)
    assert injected(faults) != injected(Faults(seed=8, throttle=0.2, lost_response=0.1))


def test_what_else_runs_does_not_move_the_faults_of_an_execution() -> None:
    faults = Faults(seed=7, throttle=0.2)
    alone, beside = FaultPlan(faults), FaultPlan(faults)
    for _ in range(50):
        alone.checkpoint("first")
    for number in range(50):
        beside.checkpoint("first")
        if number % 3:
            beside.checkpoint("second")
    assert [one for one in beside.injected if one.execution == 1] == alone.injected


def test_a_probability_of_one_hits_every_call() -> None:
    assert len(injected(Faults(throttle=1), calls=5)) == 10


def test_of_several_faults_at_a_call_one_happens_and_slow_comes_on_top() -> None:
    plan = FaultPlan(Faults(throttle={1}, stale_token={1}, slow={1}, slow_seconds=3))
    strike = plan.checkpoint("arn")
    assert (strike.fault, strike.delay) == (Fault.STALE_TOKEN, 3)
    assert [one.fault for one in plan.injected] == [Fault.SLOW, Fault.STALE_TOKEN]


def test_a_key_that_may_not_be_used_stays_so() -> None:
    plan = FaultPlan(Faults(kms_error={2}))
    faults = [plan.checkpoint("arn").fault for _ in range(4)]
    assert faults == [None, *[Fault.KMS_ERROR] * 3]


def test_a_token_is_not_revoked_by_reading() -> None:
    plan = FaultPlan(Faults(token_revoked={1, 2}))
    assert plan.get_state("arn").fault is None
    assert plan.checkpoint("arn").fault is Fault.TOKEN_REVOKED


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"throttle": 1.5}, "throttle must be a probability from 0 to 1"),
        ({"throttle": -0.1}, "throttle must be a probability from 0 to 1"),
        ({"throttle": 3}, r"number 3 alone is \{3\}"),
        ({"throttle": True}, "not True"),
        ({"throttle": {0}}, "numbers from 1 on"),
        ({"throttle": "often"}, "not 'often'"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"slow_seconds": -1}, "slow_seconds must be seconds from 0 on"),
        ({"timeout_seconds": None}, "timeout_seconds must be seconds"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults(**settings)


def test_faults_show_what_differs_from_the_defaults_and_the_seed() -> None:
    faults = Faults(throttle=0.1, stale_token=[5, 2])
    assert repr(faults) == "Faults(seed=0, throttle=0.1, stale_token={2, 5})"
    assert eval(repr(faults)) == faults


def test_faults_can_be_read_from_a_text() -> None:
    read = Faults.parse("seed=1, throttle=0.1,stale_token=@2+5,slow_seconds=0.5")
    assert read == Faults(seed=1, throttle=0.1, stale_token={2, 5}, slow_seconds=0.5)
    assert Faults.parse("") == Faults()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("throtle=0.1", "no fault is called 'throtle': there are seed, throttle"),
        ("throttle", "not understood"),
        ("throttle=often", r"write NAME=VALUE"),
        ("throttle=@two", r"write NAME=VALUE"),
        ("throttle=0.1,throttle=0.2", "given twice"),
        ("throttle=2.5", "must be a probability"),
    ],
)
def test_a_text_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Faults.parse(text)


def test_the_command_line_refuses_faults_in_one_line() -> None:
    result = CliRunner().invoke(main, ["serve", "--faults", "throttle=often"])
    assert result.exit_code == 2
    assert "throttle=often is not understood" in result.output


def test_each_fault_is_logged_with_what_repeats_it(caplog: pytest.LogCaptureFixture) -> None:
    with DurableFunctionTestRunner(ten_steps, faults=Faults(seed=4, throttle={3})) as runner:
        assert runner.run().result == 10
    assert caplog.messages == [
        "fault injected: throttle at call 3 of execution 1, by Faults(seed=4, throttle={3})"
    ]


@pytest.mark.parametrize("seed", range(5))
def test_an_execution_under_many_faults_ends_as_without(seed: int) -> None:
    """Whatever is lost is made up for, as long as the service does not give up."""
    faults = Faults(
        seed=seed,
        throttle=0.05,
        server_error=0.05,
        timeout=0.05,
        lost_response=0.05,
        stale_token=0.05,
        token_revoked=0.1,
        duplicate_invocation=0.5,
        slow=0.2,
        reorder_pages=0.5,
    )
    limits = Limits(invocation_attempts=100)
    with DurableFunctionTestRunner(ten_steps, faults=faults, limits=limits) as runner:
        result = runner.run()
    assert (result.status, result.result) == ("SUCCEEDED", 10)
    assert len(result.operations) == 10
