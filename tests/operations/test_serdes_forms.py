"""Serdes that are async, that block, and that stand for all operations: for both kinds of code."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from answers import failure, succeeded
from fake_service import FakeService, oid
from flavours import Flavour

from aws_durable_execution_sdk_python import (
    RetryableSerDesError,
    SerDesError,
    ValidationError,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    InvokeConfig,
    MapConfig,
    NestingType,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.offload import AsyncOffloadingSerDes, OffloadingSerDes
from aws_durable_execution_sdk_python.serdes import (
    EXTENDED_TYPES_SERDES,
    AsyncSerDes,
    ExtendedTypeSerDes,
    SerDes,
    SerDesContext,
    SerDesDefaults,
)
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)


class Marked(SerDes[Any]):
    """The default's text after a mark, and where it was called."""

    def __init__(self, mark: str = "m") -> None:
        self.mark = f"{mark}:"
        self.threads: set[threading.Thread] = set()

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        self.threads.add(threading.current_thread())
        return self.mark + EXTENDED_TYPES_SERDES.serialize(value, serdes_context)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        self.threads.add(threading.current_thread())
        assert data.startswith(self.mark)
        return EXTENDED_TYPES_SERDES.deserialize(data.removeprefix(self.mark), serdes_context)


class Blocking(Marked):
    blocking = True


class Asynchronous(AsyncSerDes[Any]):
    """The same, each time after some turns of the event loop."""

    def __init__(self, mark: str = "m") -> None:
        self.marked = Marked(mark)
        self.threads = self.marked.threads

    async def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        await asyncio.sleep(0.001)
        return self.marked.serialize(value, serdes_context)

    async def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        await asyncio.sleep(0.001)
        return self.marked.deserialize(data, serdes_context)


FORMS = [Marked, Blocking, Asynchronous]


def stop_at_two(state: int, attempt: int) -> WaitForConditionDecision:
    if state == 2:
        return WaitForConditionDecision.stop_polling()
    return WaitForConditionDecision.continue_waiting(1)


async def every_operation(flavour: Flavour, ctx: Any, serdes: Any) -> list[Any]:
    """What each operation gives that stores values with this serdes; None for its default."""

    async def child(inner: Any) -> str:
        return "child"

    async def branch(inner: Any, item: int, *_: Any) -> int:
        return item * 2

    results = [
        await ctx.step(lambda: "step", "s", StepConfig(serdes=serdes)),
        await ctx.run_in_child_context(flavour.function(child), "c", ChildConfig(serdes=serdes)),
        await ctx.wait_for_condition(
            lambda state: state + 1, WaitForConditionConfig[int](stop_at_two, 0, serdes), "w"
        ),
    ]
    items = MapConfig[int](item_serdes=serdes)
    results += (await ctx.map([1, 2], branch, "m", items)).get_results()
    await ctx.wait(seconds=1)
    return results


EVERY = ["step", "child", 2, 2, 4]


def payloads(service: FakeService) -> list[str]:
    """What was stored of all operations but the map itself."""
    return [
        u["Payload"]
        for u in service.updates
        if "Payload" in u and (u.get("SubType"), u["Action"]) != ("Map", "SUCCEED")
    ]


@pytest.mark.parametrize("form", FORMS)
def test_each_operation_takes_each_form(flavour: Flavour, form: Any) -> None:
    serdes, service = form(), FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        return await every_operation(flavour, ctx, serdes)

    assert service.run(flavour.durable(handler)) == succeeded(EVERY)
    stored = payloads(service)
    assert len(stored) == 6
    assert all(text.startswith("m:") for text in stored)


@pytest.mark.parametrize("form", FORMS)
def test_the_handlers_serdes_is_every_operations(flavour: Flavour, form: Any) -> None:
    service = FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        return await every_operation(flavour, ctx, None)

    durable = flavour.durable(handler, serdes=form())
    assert service.run(durable) == succeeded(EVERY)
    assert all(text.startswith("m:") for text in payloads(service))


@pytest.mark.parametrize("form", FORMS)
def test_answers_from_outside_take_each_form(flavour: Flavour, form: Any) -> None:
    """Payloads and results of invokes, answers of callbacks."""
    serdes, service = form(), FakeService()

    async def handler(event: Any, ctx: Any) -> Any:
        config = InvokeConfig(serdes_payload=serdes, serdes_result=serdes)
        invoked = await ctx.invoke("f", [1], "i", config)
        callback = await ctx.create_callback("c", CallbackConfig(serdes=serdes))
        answered = await callback.result()
        await ctx.wait(seconds=1)
        return [invoked, answered]

    durable = flavour.durable(handler)
    assert service.invoke(durable) == {"Status": "PENDING"}
    assert service.sent("START", 1)["Payload"] == "m:[1]"
    service.complete("SUCCEEDED", 1, Result='m:"invoked"')
    assert service.invoke(durable) == {"Status": "PENDING"}
    service.complete("SUCCEEDED", 2, Result='m:"answered"')
    assert service.run(durable) == succeeded(["invoked", "answered"])


def test_defaults_for_what_is_not_this_programs_own(flavour: Flavour) -> None:
    """A serdes for all values leaves invokes and callbacks alone, which others write and read."""
    service = FakeService()
    defaults = SerDesDefaults(Marked("v"), Marked("p"), Marked("r"), Marked("c"))

    async def submit(callback_id: str) -> str:
        return "submitted"

    async def handler(event: Any, ctx: Any) -> Any:
        plain = await ctx.invoke("f", [1])
        ctx.configure_serdes(defaults)
        invoked = await ctx.invoke("f", [1])
        answered = await ctx.wait_for_callback(submit, "c", WaitForCallbackConfig())
        await ctx.wait(seconds=1)
        return [plain, invoked, answered]

    durable = flavour.durable(handler, serdes=Marked("v"))
    service.invoke(durable)
    service.complete("SUCCEEDED", 1, Result='"plain"')
    service.invoke(durable)
    service.complete("SUCCEEDED", 2, Result='r:"invoked"')
    service.invoke(durable)
    service.complete("SUCCEEDED", (3, 1), Result='c:"answered"')
    assert service.run(durable) == succeeded(["plain", "invoked", "answered"])
    sent = [
        service.sent(action, *path)["Payload"]
        for action, path in (
            ("START", (1,)),
            ("START", (2,)),
            ("SUCCEED", (3,)),
        )
    ]
    assert sent == ["[1]", "p:[1]", 'v:"answered"']
    # What a submitter returns nobody reads.
    assert "Payload" not in service.sent("SUCCEED", 3, 2)


def test_a_context_can_have_a_serdes_of_its_own_from_a_point_on(flavour: Flavour) -> None:
    """It holds for contexts made later inside, not for those around; None is the default again."""
    service = FakeService()

    async def inside(ctx: Any) -> None:
        await ctx.step(lambda: 1, "inherits")
        ctx.configure_serdes(Marked("inner"))
        await ctx.step(lambda: 1, "inner")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, "before")
        ctx.configure_serdes(Marked("outer"))
        await ctx.step(lambda: 1, "after")
        await ctx.step(lambda: 1, "own", StepConfig(serdes=Marked("own")))
        await ctx.run_in_child_context(flavour.function(inside), "child")
        ctx.configure_serdes(None)
        await ctx.step(lambda: 1, "none")

    service.run(flavour.durable(handler))
    stored = {u["Name"]: u["Payload"] for u in service.updates if "Payload" in u}
    assert stored == {
        "before": "1",
        "after": "outer:1",
        "own": "own:1",
        "inherits": "outer:1",
        "inner": "inner:1",
        "child": "outer:null",
        "none": "1",
    }


@pytest.mark.parametrize(
    "given",
    [Marked, object(), "json", {"serialize": 1}],
    ids=["a class", "an object", "a text", "a dict"],
)
def test_what_is_no_serdes_is_refused(flavour: Flavour, given: Any) -> None:
    with pytest.raises(ValidationError, match="an object with the methods serialize"):
        flavour.durable(lambda event, ctx: None, serdes=given)

    async def handler(event: Any, ctx: Any) -> Any:
        ctx.configure_serdes(given)

    kind, _ = failure(FakeService().invoke(flavour.durable(handler)))
    assert kind is not None
    assert kind.endswith("ValidationError")


# ------------------------------------------------------------------------------- where they run


def test_what_blocks_runs_beside_the_event_loop(flavour: Flavour) -> None:
    """In a worker thread if async code calls, else in the caller's own."""
    serdes = Blocking()

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, config=StepConfig(serdes=serdes))
        return threading.current_thread() in serdes.threads

    is_blocking = flavour.name == "blocking"
    assert FakeService().invoke(flavour.durable(handler)) == succeeded(is_blocking)


def test_what_is_async_runs_in_the_invocations_loop(flavour: Flavour) -> None:
    serdes = Asynchronous()
    bodies: set[threading.Thread] = set()

    async def handler(event: Any, ctx: Any) -> Any:
        async def body() -> int:
            bodies.add(threading.current_thread())
            return 1

        return await ctx.step(body, config=StepConfig(serdes=serdes))

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(1)
    assert serdes.threads == bodies


class Failing(AsyncSerDes[Any]):
    def __init__(self, problem: BaseException, *, when: str) -> None:
        self.problem = problem
        self.when = when

    async def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        if self.when == "serialize":
            raise self.problem
        return "1"

    async def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        raise self.problem


@pytest.mark.parametrize("when", ["serialize", "deserialize"])
def test_an_error_of_an_async_serdes_fails_the_operation(flavour: Flavour, when: str) -> None:
    serdes = Failing(ValueError("broken"), when=when)

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.step(lambda: 1, "work", StepConfig(serdes=serdes))
        except SerDesError as problem:
            return str(problem)

    answer = FakeService().invoke(flavour.durable(handler))
    assert "operation 'work'" in answer["Result"]
    assert "broken" in answer["Result"]


@pytest.mark.parametrize("problem", [RetryableSerDesError("busy"), asyncio.CancelledError()])
def test_what_may_pass_ends_the_invocation(flavour: Flavour, problem: BaseException) -> None:
    """So does a client that cancels itself, which nobody has asked for."""
    serdes = Failing(problem, when="serialize")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, "work", StepConfig(serdes=serdes))

    service = FakeService()
    with pytest.raises(RetryableSerDesError):
        service.invoke(flavour.durable(handler))
    assert "STEP FAIL work" not in service.trace


def test_no_operation_may_be_called_in_an_async_serdes(flavour: Flavour) -> None:
    contexts: list[Any] = []

    class Calling(Asynchronous):
        async def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
            await contexts[0].step(lambda: 1)
            return ""

    async def handler(event: Any, ctx: Any) -> Any:
        contexts.append(ctx)
        await ctx.step(lambda: 1, "work", StepConfig(serdes=Calling()))

    _, message = failure(FakeService().invoke(flavour.durable(handler)))
    assert "inside the serdes of 'work'" in str(message)


def test_it_returns_text(flavour: Flavour) -> None:
    class Wrong(Asynchronous):
        async def serialize(self, value: Any, serdes_context: SerDesContext) -> Any:
            return b"bytes"

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, "work", StepConfig(serdes=Wrong()))

    _, message = failure(FakeService().invoke(flavour.durable(handler)))
    assert "Wrong must return a str, got bytes" in str(message)


# --------------------------------------------------------------------------------------- replay


class Slow(AsyncSerDes[Any]):
    """Takes many turns of the loop to read."""

    async def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        return json.dumps(value)

    async def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        await asyncio.sleep(0.01)
        return json.loads(data)


def test_how_long_reading_takes_decides_nothing() -> None:
    """The step that ended first is known first on replay, and a time-out around it is none."""
    first: list[Any] = []

    async def handler(event: Any, ctx: Any) -> Any:
        async with asyncio.timeout(0.005 if first else 10):
            steps = [
                asyncio.ensure_future(ctx.step(lambda: "a", "a", StepConfig(serdes=Slow()))),
                asyncio.ensure_future(ctx.step(lambda: "b", "b")),
            ]
            done, _ = await asyncio.wait(steps, return_when=asyncio.FIRST_COMPLETED)
            first.append([task.result() for task in done])
            await asyncio.gather(*steps)
        await ctx.wait(seconds=1)
        return first[-1]

    service = FakeService()
    durable = Flavour().durable(handler)
    assert service.invoke(durable) == {"Status": "PENDING"}
    # As if the one that is slow to read had ended long before the other.
    a, b = service.operations[oid(1)], service.operations[oid(2)]
    a["StartTimestamp"] -= timedelta(milliseconds=1)
    a["EndTimestamp"] -= timedelta(milliseconds=1)
    assert a["EndTimestamp"] < b["EndTimestamp"]
    service.pass_time(1)
    assert service.invoke(durable) == succeeded(["a"])


# -------------------------------------------------------------------------------- kept elsewhere


class Shelf(OffloadingSerDes[Any]):
    """Keeps texts in a dict."""

    def __init__(self) -> None:
        self.inner = ExtendedTypeSerDes()
        self.texts: dict[str, str] = {}
        self.fetched = 0

    def offload(self, text: str, value: Any, serdes_context: SerDesContext) -> str:
        key = f"shelf {len(self.texts)}"
        self.texts[key] = text
        return key

    def fetch(self, data: str, serdes_context: SerDesContext) -> str:
        self.fetched += 1
        return self.texts[data]


class AsyncShelf(AsyncOffloadingSerDes[Any]):
    def __init__(self) -> None:
        self.shelf = Shelf()

    async def offload(self, text: str, value: Any, serdes_context: SerDesContext) -> str:
        await asyncio.sleep(0)
        return self.shelf.offload(text, value, serdes_context)

    async def fetch(self, data: str, serdes_context: SerDesContext) -> str:
        await asyncio.sleep(0)
        return self.shelf.fetch(data, serdes_context)


@pytest.mark.parametrize("form", [Shelf, AsyncShelf])
def test_what_is_kept_elsewhere_is_fetched_by_replays_only(flavour: Flavour, form: Any) -> None:
    serdes, service = form(), FakeService()
    shelf = serdes if isinstance(serdes, Shelf) else serdes.shelf

    async def handler(event: Any, ctx: Any) -> Any:
        value = await ctx.step(lambda: (1, 2), "work", StepConfig(serdes=serdes))
        fetched = shelf.fetched
        await ctx.wait(seconds=1)
        return [repr(value), fetched]

    durable = flavour.durable(handler)
    service.invoke(durable)
    assert (shelf.fetched, len(shelf.texts)) == (0, 1)
    service.pass_time(1)
    assert service.invoke(durable) == succeeded(["(1, 2)", 1])
    assert service.sent("SUCCEED", 1)["Payload"] == "shelf 0"


@pytest.mark.parametrize("form", [Shelf, AsyncShelf])
def test_what_is_not_recorded_is_not_kept(flavour: Flavour, form: Any) -> None:
    """The results of virtual contexts and flat branches, the first state of a condition."""
    serdes = form()
    shelf = serdes if isinstance(serdes, Shelf) else serdes.shelf

    async def child(ctx: Any) -> Any:
        return (1, 2)

    async def branch(ctx: Any, *_: Any) -> Any:
        return (3,)

    async def handler(event: Any, ctx: Any) -> Any:
        config = ChildConfig[Any](is_virtual=True)
        one = await ctx.run_in_child_context(flavour.function(child), "one", config)
        flat = MapConfig[Any](nesting_type=NestingType.FLAT)
        many = await ctx.map([0, 1], branch, "many", flat)
        counted = WaitForConditionConfig[int](stop_at_two, 1)
        await ctx.wait_for_condition(lambda state: state + 1, counted, "count")
        return [repr(one), repr(many[0])]

    answer = FakeService().run(flavour.durable(handler, serdes=serdes))
    assert answer == succeeded(["(1, 2)", "(3,)"])
    assert len(shelf.texts) == 2  # the map's own result, and the state after one check
