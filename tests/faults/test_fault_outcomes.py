"""For every fault: what the invocation does, how the execution ends, which bodies ran.

The program's calls of the service are known in advance: steps that run at most once wait for
their START.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from faulty_runs import Bodies, FaultyRuns

from aws_durable_execution_sdk_python import AsyncDurableContext, DurableContext
from aws_durable_execution_sdk_python.config import StepConfig, StepSemantics
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from aws_durable_execution_sdk_python_testing import Faults

RAISED = "CheckpointError"
ONCE = StepConfig[Any](
    create_retry_strategy(RetryStrategyConfig(max_attempts=2, initial_delay_seconds=1)),
    StepSemantics.AT_MOST_ONCE_PER_RETRY,
)
CLIENTS = ("in process", "aioboto3", "boto3")


def blocking_order(bodies: Bodies) -> Callable[[Any, DurableContext], Any]:
    """Calls 1 and 2: START and SUCCEED of `charge`. Then `ship`, in one call or two."""

    def charge(step: Any) -> str:
        bodies.ran("charge", step.attempt)
        return "charged"

    def ship(step: Any) -> str:
        bodies.ran("ship", step.attempt)
        return "shipped"

    def handler(event: Any, context: DurableContext) -> list[str]:
        return [
            context.step(charge, name="charge", config=ONCE),
            context.step(ship, name="ship"),
        ]

    return handler


def async_order(bodies: Bodies) -> Callable[[Any, AsyncDurableContext], Any]:
    """The same program."""

    async def charge(step: Any) -> str:
        bodies.ran("charge", step.attempt)
        return "charged"

    async def ship(step: Any) -> str:
        bodies.ran("ship", step.attempt)
        return "shipped"

    async def handler(event: Any, context: AsyncDurableContext) -> list[str]:
        return [
            await context.step(charge, name="charge", config=ONCE),
            await context.step(ship, name="ship"),
        ]

    return handler


def blocking_pages(bodies: Bodies) -> Callable[[Any, DurableContext], Any]:
    """Calls 1 to 4: two large steps. Call 5: the wait. Call 6: a page of the state."""

    def large(step: Any) -> str:
        bodies.ran("large", step.attempt)
        return "x" * 1_000

    def handler(event: Any, context: DurableContext) -> int:
        sizes = [len(context.step(large, name="large", config=ONCE)) for _ in range(2)]
        context.wait(seconds=60, name="pause")
        return sum(sizes)

    return handler


def async_pages(bodies: Bodies) -> Callable[[Any, AsyncDurableContext], Any]:
    """The same program."""

    async def large(step: Any) -> str:
        bodies.ran("large", step.attempt)
        return "x" * 1_000

    async def handler(event: Any, context: AsyncDurableContext) -> int:
        sizes = [len(await context.step(large, name="large", config=ONCE)) for _ in range(2)]
        await context.wait(seconds=60, name="pause")
        return sum(sizes)

    return handler


ORDER = {"blocking": blocking_order, "async": async_order}
PAGES = {"blocking": blocking_pages, "async": async_pages}


@dataclass(frozen=True)
class Row:
    """A fault, and what must come of it.

    Attributes:
        hits: the call, or the invocation, that it hits.
        answers: of the handler to each event: PENDING, FAILED, SUCCEEDED, or what it raises.
        charge: attempts of the step that runs at most once whose body ran.
    """

    fault: str
    hits: int
    answers: tuple[str, ...]
    charge: tuple[int, ...] = (1,)
    status: str = "SUCCEEDED"
    error_type: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def hidden(self) -> tuple[str, ...] | None:
        """The answers if a client's HTTP library repeats a call whose connection was cut.

        Some do on a new connection, if that one had been used before: it might have been closed
        for being idle. Nothing is lost: the repeat has the call's client token.
        """
        if self.fault not in ("timeout", "lost_response"):
            return None
        return ("PENDING", "SUCCEEDED") if self in PAGE_ROWS else ("SUCCEEDED",)

    def faults(self) -> Faults:
        return Faults(**{self.fault: {self.hits}, **self.settings})

    def __str__(self) -> str:
        return f"{self.fault}-{self.hits}"


CUT = {"timeout_seconds": 0.01}
KMS: dict[str, Any] = {
    "status": "FAILED",
    "error_type": "aws_durable_execution_sdk_python.exceptions.CheckpointError",
}

ORDER_ROWS = [
    # The START was not stored: the attempt has never begun.
    *(Row(f, 1, (RAISED, "SUCCEEDED")) for f in ("throttle", "server_error", "stale_token")),
    Row("timeout", 1, (RAISED, "SUCCEEDED"), settings=CUT),
    # It was, and nobody can know how far the body has come: the attempt counts as interrupted.
    Row("lost_response", 1, (RAISED, "PENDING", "SUCCEEDED"), charge=(2,)),
    Row("token_revoked", 1, ("PENDING", "PENDING", "SUCCEEDED"), charge=(2,)),
    # The body has run, and its SUCCEED was not stored.
    *(
        Row(f, 2, (RAISED, "PENDING", "SUCCEEDED"), charge=(1, 2))
        for f in ("throttle", "server_error", "stale_token")
    ),
    Row("timeout", 2, (RAISED, "PENDING", "SUCCEEDED"), charge=(1, 2), settings=CUT),
    # It was: the step is completed, and never runs again.
    Row("lost_response", 2, (RAISED, "SUCCEEDED")),
    Row("token_revoked", 2, ("PENDING", "SUCCEEDED")),
    # Waiting does not mend a key that may not be used.
    Row("kms_error", 1, ("FAILED",), charge=(), **KMS),
    Row("kms_error", 2, ("FAILED",), **KMS),
    # An at-least-once step runs again.
    *(Row(f, 3, (RAISED, "SUCCEEDED")) for f in ("throttle", "server_error", "stale_token")),
    Row("lost_response", 3, (RAISED, "SUCCEEDED")),
    Row("token_revoked", 3, ("PENDING", "SUCCEEDED")),
    Row("slow", 1, ("SUCCEEDED",), settings={"slow_seconds": 0.05}),
    # The copy's first call is refused: its token has been used.
    Row("duplicate_invocation", 1, ("SUCCEEDED", RAISED)),
    Row("reorder_pages", 1, ("SUCCEEDED",)),
]

STATE_RAISED = "GetExecutionStateError"
KMS_STATE: dict[str, Any] = {
    "status": "FAILED",
    "error_type": "aws_durable_execution_sdk_python.exceptions.GetExecutionStateError",
}

PAGE_ROWS = [
    *(
        Row(f, 6, ("PENDING", STATE_RAISED, "SUCCEEDED"))
        for f in ("throttle", "server_error", "stale_token")
    ),
    *(
        Row(f, 6, ("PENDING", STATE_RAISED, "SUCCEEDED"), settings=CUT)
        for f in ("timeout", "lost_response")
    ),
    Row("kms_error", 6, ("PENDING", "FAILED"), **KMS_STATE),
    Row("slow", 6, ("PENDING", "SUCCEEDED"), settings={"slow_seconds": 0.05}),
    Row("reorder_pages", 2, ("PENDING", "SUCCEEDED")),
    # The copy reads no state under a token that is the current one no more.
    Row("duplicate_invocation", 1, ("PENDING", RAISED, "SUCCEEDED")),
    Row("duplicate_invocation", 2, ("PENDING", "SUCCEEDED", "SUCCEEDED")),
]


@pytest.mark.parametrize("kind", ["blocking", "async"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("row", ORDER_ROWS, ids=str)
def test_a_faulty_checkpoint(
    row: Row, client: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = Bodies()
    run = FaultyRuns(client, monkeypatch).run(ORDER[kind](bodies), row.faults())
    hidden = client == "aioboto3" and tuple(run.answers) == row.hidden
    assert hidden or tuple(run.answers) == row.answers
    assert (run.status, run.error_type) == (row.status, row.error_type)
    assert run.violations == []
    assert len(run.injected) >= 1
    # Each attempt of the one at most once, whatever happens.
    assert bodies.of("charge") == dict.fromkeys((1,) if hidden else row.charge, 1)
    if row.status == "SUCCEEDED":
        assert run.result == ["charged", "shipped"]
        assert 1 <= bodies.of("ship")[1] <= len(run.answers)


@pytest.mark.parametrize("kind", ["blocking", "async"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("row", PAGE_ROWS, ids=str)
def test_a_faulty_page_of_state(
    row: Row, client: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = Bodies()
    run = FaultyRuns(client, monkeypatch).run(PAGES[kind](bodies), row.faults())
    assert tuple(run.answers) in (row.answers, row.hidden)
    assert (run.status, run.error_type) == (row.status, row.error_type)
    assert run.violations == []
    assert len(run.injected) >= 1
    assert bodies.of("large") == {1: 2}
    if row.status == "SUCCEEDED":
        assert run.result == 2_000


@pytest.mark.parametrize(
    ("kind", "client"), [("blocking", "boto3"), ("async", "aioboto3")], ids=["boto3", "aioboto3"]
)
@pytest.mark.parametrize("fault", ["throttle", "server_error", "timeout", "lost_response"])
def test_a_client_that_tries_again_hides_a_passing_fault(
    fault: str, client: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The repeat carries the same client token: what was stored is not stored twice."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "3")
    bodies = Bodies()
    faults = Faults(**{fault: {2}, "timeout_seconds": 0.01})
    run = FaultyRuns(client, monkeypatch).run(ORDER[kind](bodies), faults)
    assert run.answers == ["SUCCEEDED"]
    assert run.result == ["charged", "shipped"]
    assert run.violations == []
    assert bodies.of("charge") == {1: 1}


@pytest.mark.parametrize(
    ("kind", "client"), [("blocking", "boto3"), ("async", "aioboto3")], ids=["boto3", "aioboto3"]
)
def test_a_key_that_may_not_be_used_fails_the_execution_however_often_a_client_tries(
    client: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    run = FaultyRuns(client, monkeypatch).run(ORDER[kind](Bodies()), Faults(kms_error={2}))
    assert (run.answers, run.status) == (["FAILED"], "FAILED")
