"""The quotas of a Region's API."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from served_handlers import ECHO
from serving_bench import Connection, Served

from aws_durable_execution_sdk_python_testing._engine import TooManyRequestsError
from aws_durable_execution_sdk_python_testing._server.api_rates import RATES, ApiRates
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

Serve = Callable[..., Served]
LIST = "/2025-12-01/functions/echo/durable-executions"


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("operation", "rate"), RATES.items())
def test_a_second_has_so_many_calls(operation: str, rate: int) -> None:
    if operation.startswith("other"):
        operation = "PauseDurableExecution"
    clock = Clock()
    rates = ApiRates(clock)
    for _ in range(2):
        for _ in range(rate):
            rates.take(operation)
        with pytest.raises(TooManyRequestsError, match=f"may be called {rate} times a second"):
            rates.take(operation)
        clock.now += 1.0


def test_what_is_not_used_is_not_saved_up() -> None:
    clock = Clock()
    rates = ApiRates(clock)
    rates.take("GetDurableExecution")
    clock.now += 3_600
    for _ in range(30):
        rates.take("GetDurableExecution")
    with pytest.raises(TooManyRequestsError):
        rates.take("GetDurableExecution")
    clock.now += 1 / 30 + 1e-9
    rates.take("GetDurableExecution")


def test_some_operations_share_a_quota() -> None:
    rates = ApiRates(Clock())
    for operation in ("PauseDurableExecution", "ResumeDurableExecution", "DeleteDurableExecution"):
        for _ in range(5):
            rates.take(operation)
    with pytest.raises(TooManyRequestsError):
        rates.take("PauseDurableExecution")
    rates.take("StopDurableExecution")


def test_calls_over_a_quota_are_refused_as_aws_does(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Which the service says once, since clients try again by themselves."""
    assert ServerSettings().api_rates
    served = serve(ECHO, api_rates=True)
    connection = Connection(served.host)
    replies = [connection.send("GET", LIST) for _ in range(120)]
    connection.close()
    refused = [reply for reply in replies if reply.status != 200]
    assert refused
    assert [reply.status for reply in replies[:15]] == [200] * 15
    for reply in refused:
        assert (reply.status, reply.error) == (429, "TooManyRequestsException")
        assert reply.headers["retry-after"] == "1"
        assert reply.json["Reason"] == "CallerRateLimitExceeded"
    assert caplog.text.count("--no-api-rates") == 1


def test_starting_executions_has_a_quota(serve: Serve) -> None:
    served = serve(ECHO, api_rates=True)
    headers = {"X-Amz-Invocation-Type": "Event"}
    path = "/2015-03-31/functions/echo/invocations"
    assert served.send("POST", path, 1, headers).status == 202


def test_an_option_lifts_the_quotas(serve: Serve) -> None:
    served = serve(ECHO, api_rates=False)
    assert {served.send("GET", LIST).status for _ in range(60)} == {200}
