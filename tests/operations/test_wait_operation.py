"""wait: started once, over when the service says so."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import START_TIME, FakeService, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    ValidationError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import Duration


def waiting(flavour: Flavour, *args: Any, **kwargs: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.wait(*args, **kwargs)

    return flavour.durable(handler)


@pytest.mark.parametrize(
    ("args", "kwargs", "seconds"),
    [
        ((Duration.from_seconds(5),), {}, 5),
        ((Duration.from_minutes(30),), {}, 1800),
        ((timedelta(hours=1),), {}, 3600),
        ((7,), {}, 7),
        ((), {"duration": Duration(9)}, 9),
        ((), {"seconds": 5}, 5),
        ((), {"minutes": 2, "seconds": 5}, 125),
        ((), {"hours": 1.5}, 5400),
        ((), {"days": 366}, 31_622_400),
        ((), {"seconds": 1.9}, 1),
    ],
)
def test_a_wait_starts_with_whole_seconds_and_suspends(
    flavour: Flavour, args: Any, kwargs: Any, seconds: int
) -> None:
    service = FakeService()
    assert service.invoke(waiting(flavour, *args, **kwargs)) == PENDING
    start = service.sent("START", 1)
    assert start["WaitOptions"] == {"WaitSeconds": seconds}
    assert (start["Type"], start["SubType"], start.get("Name")) == ("WAIT", "Wait", None)


def test_a_wait_ends_when_its_time_has_passed(flavour: Flavour) -> None:
    service = FakeService()
    handler = waiting(flavour, seconds=60, name="cool_down")
    assert service.invoke(handler) == PENDING
    service.pass_time(59)
    assert service.invoke(handler) == PENDING
    service.pass_time(1)
    assert service.invoke(handler) == succeeded(None)
    assert service.trace == ["WAIT START cool_down"]


def test_a_wait_that_is_due_is_asked_for_and_goes_on(flavour: Flavour) -> None:
    """The recorded end counts, not the length the code gives on replay."""
    service = FakeService(recorded("WAIT", "STARTED", 1, ScheduledEndTimestamp=START_TIME))
    assert service.invoke(waiting(flavour, seconds=600)) == succeeded(None)
    assert service.requests == [[]]


def test_a_wait_whose_end_was_not_told_suspends(flavour: Flavour) -> None:
    service = FakeService(recorded("WAIT", "STARTED", 1))
    service._elapse = lambda: None  # type: ignore[method-assign] # there is no time to wait for
    assert service.invoke(waiting(flavour, seconds=1)) == PENDING


def test_a_wait_that_is_over_in_the_answer_goes_on_at_once(flavour: Flavour) -> None:
    service = FakeService(answers={1: lambda s: s.complete("SUCCEEDED", 1)})
    assert service.invoke(waiting(flavour, seconds=60)) == succeeded(None)


def test_a_cancelled_wait_raises(flavour: Flavour) -> None:
    service = FakeService(recorded("WAIT", "CANCELLED", 1))
    _, message = failure(service.invoke(waiting(flavour, seconds=1)))
    assert "CANCELLED" in (message or "")


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        ((0,), {}, "0 s"),
        ((0.5,), {}, "0.5"),
        ((-1,), {}, "-1"),
        ((Duration(0),), {}, "0 s"),
        ((timedelta(milliseconds=900),), {}, "900000"),
        ((31_622_401,), {}, "31622401"),
        (("5",), {}, "'5'"),
        ((True,), {}, "True"),
        ((), {}, "wait(seconds=5)"),
        ((5,), {"seconds": 5}, "not both"),
        ((), {"seconds": -1}, "-1"),
        ((), {"seconds": "5"}, "'5'"),
        ((), {"seconds": float("nan")}, "nan"),
        ((5,), {"name": ""}, "''"),
        ((5,), {"name": 7}, "7"),
    ],
)
def test_a_bad_duration_is_refused_before_anything_is_recorded(
    flavour: Flavour, args: Any, kwargs: Any, said: str
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        with pytest.raises(ValidationError) as refused:
            await ctx.wait(*args, **kwargs)
        assert said in str(refused.value)
        return await ctx.step(lambda: "first", name="first")

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded("first")
    assert service.sent("SUCCEED", 1)["Name"] == "first"
    assert service.trace == ["STEP START first", "STEP SUCCEED first"]


class Drowsy(FakeService):
    """Tells when the engine waits for a time."""

    def __init__(self) -> None:
        super().__init__()
        self.dozing = threading.Event()
        self._wake: list[asyncio.Future[None]] = []

    async def sleep_until(self, deadline: float) -> None:
        self._wake.append(asyncio.get_running_loop().create_future())
        self.dozing.set()
        await self._wake[-1]


def test_the_timer_of_a_wait_ends_with_its_invocation() -> None:
    """It would keep the invocation in memory until the wait is over."""
    service = Drowsy()

    @durable_execution
    async def handler(event: Any, ctx: AsyncDurableContext) -> int:
        tasks = len(asyncio.all_tasks())
        waiting = asyncio.ensure_future(ctx.wait(seconds=3600))
        await asyncio.to_thread(service.dozing.wait)
        waiting.cancel()
        return tasks

    first = service.invoke(handler)
    assert first["Status"] == "SUCCEEDED"
    service.dozing.clear()
    assert service.invoke(handler) == first
