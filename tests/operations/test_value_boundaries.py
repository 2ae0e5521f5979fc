"""Values that come into a program and leave it: events, results, payloads, invokes, callbacks."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, recorded
from flavours import Flavour
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from value_types import (
    ANNOTATED,
    Booking,
    Cat,
    Colour,
    Dog,
    Item,
    Kind,
    Model,
    Page,
    Parcel,
    Struct,
    same,
)

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    SerDesError,
    ValidationError,
    durable_execution,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    InvokeConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.serdes import (
    PassThroughSerDes,
    SerDes,
    SerDesContext,
    TypedSerDes,
)
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision

FEW = settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# For others there are no marks that tell look-alikes apart, and no envelopes where it says Any.
PLAIN = [kind for kind in ANNOTATED if "union" not in kind and kind != "dataclass"]


def handlers(event_type: Any, result_type: Any, body: Any = lambda event: event) -> list[Any]:
    """The same handler, blocking and async."""

    def blocking(event: Any, context: DurableContext) -> Any:
        return body(event)

    async def asynchronous(event: Any, context: AsyncDurableContext) -> Any:
        return body(event)

    for function in (blocking, asynchronous):
        if event_type is not None:
            function.__annotations__["event"] = event_type
        del function.__annotations__["return"]
        if result_type is not None:
            function.__annotations__["return"] = result_type
    return [durable_execution(blocking), durable_execution(asynchronous)]


def answers(handlers: list[Any], event: Any = None) -> list[Any]:
    return [FakeService(event=event).invoke(handler) for handler in handlers]


# ------------------------------------------------------------------------- the handler's own


@pytest.mark.parametrize("kind", PLAIN)
@given(data=st.data())
@FEW
def test_a_result_is_an_event_of_the_same_type(kind: str, data: st.DataObject) -> None:
    """What one function returns, another that is annotated with it takes."""
    annotation, values = ANNOTATED[kind]
    value = data.draw(values)
    seen: list[Any] = []
    for answer in answers(handlers(None, annotation, lambda event: value)):
        event = json.loads(answer["Result"])
        assert answers(handlers(annotation, None, seen.append), event) == [succeeded(None)] * 2
    assert all(same(each, value) for each in seen)
    assert len(seen) == 4


def test_an_event_that_does_not_fit_fails_naming_the_place() -> None:
    event = {"items": [{"name": "a", "price": 1}, {"name": "b", "price": "x"}]}
    for answer in answers(handlers(Page[Item], None), event):
        kind, message = failure(answer)
        assert (kind or "").endswith("SerDesError")
        assert "annotated to take: event.items[1].price: expected float, got str" in (message or "")


@pytest.mark.parametrize("annotation", [dict, dict[str, Any], "Nowhere", Any, object, list[dict]])
def test_an_event_that_no_annotation_changes_is_passed_as_it_is(annotation: Any) -> None:
    assert answers(handlers(annotation, None), {"a": 1}) == [succeeded({"a": 1})] * 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (dt.datetime(2020, 1, 2, 3), '"2020-01-02T03:00:00"'),
        (dt.date(2020, 1, 2), '"2020-01-02"'),
        (Decimal("1.50"), '"1.50"'),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (b"\x00\xff", '"AP8="'),
        ({"a": [Decimal(1), (1, 2)]}, '{"a": ["1", [1, 2]]}'),
        (Colour.RED, '"red"'),
    ],
)
def test_results_and_payloads_take_what_results_of_steps_take(
    flavour: Flavour, value: Any, text: str
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.invoke("pay", value)
        return value

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == PENDING
    assert service.sent("START", 1)["Payload"] == text
    service.complete("SUCCEEDED", 1, Result="null")
    assert service.invoke(flavour.durable(handler)) == {"Status": "SUCCEEDED", "Result": text}


def test_a_batch_is_written_with_its_items(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.map([1], lambda *a: Decimal(1))

    answer = FakeService().invoke(flavour.durable(handler))
    assert json.loads(answer["Result"])["all"][0]["result"] == "1"


@pytest.mark.parametrize("value", [Item("a", 1.0), {1}, Kind.LINE, float("nan"), dt.timedelta(1)])
def test_a_result_that_needs_an_annotation_says_so(value: Any) -> None:
    for answer in answers(handlers(None, None, lambda event: value)):
        message = failure(answer)[1] or ""
        assert "annotate" in message


def test_a_result_that_does_not_fit_its_annotation_is_written_as_without() -> None:
    for answer in answers(handlers(None, Item, lambda event: {"name": dt.date(2020, 1, 2)})):
        assert answer == succeeded({"name": "2020-01-02"})


def test_a_result_that_fits_nothing_fails_naming_the_place() -> None:
    value = Page([Item("a", "x")])  # type: ignore[arg-type]
    for answer in answers(handlers(None, Page[Item], lambda event: value)):
        assert failure(answer)[0] == "TypeError"
        assert "page.items[0].price: expected float, got str" in (failure(answer)[1] or "")


@pytest.mark.parametrize(
    ("annotation", "value", "place"),
    [
        (Item, Item("a", float("nan")), "item.price: is nan"),
        (dict[str, float | dt.timedelta], {"a": float("inf")}, "result.a is inf"),
        (Struct, Struct("a", dt.datetime(2020, 1, 2), {1: float("nan")}), "nan, which JSON"),
        (list[float], [float("-inf")], "result[0] is -inf"),
    ],
)
def test_no_number_leaves_as_something_else(annotation: Any, value: Any, place: str) -> None:
    for answer in answers(handlers(None, annotation, lambda event: value)):
        assert place in (failure(answer)[1] or "")


def test_look_alikes_are_not_marked_for_others() -> None:
    for answer in answers(handlers(None, Cat | Dog, lambda event: Dog("a"))):
        assert answer == succeeded({"name": "a"})


# ---------------------------------------------------------------------------------- payloads


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (Item("a", 1.0), {"name": "a", "price": 1.0, "tags": []}),
        (
            {"order": [Item("a", 1.0, {"x"})]},
            {"order": [{"name": "a", "price": 1.0, "tags": ["x"]}]},
        ),
        (Parcel(1.0), {"weight": 1.0, "_secret": "s", "sizes": [1, 1]}),
    ],
)
def test_objects_in_a_payload_are_written_by_their_class(
    flavour: Flavour, payload: Any, sent: Any
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.invoke("pay", payload)

    service = FakeService()
    service.invoke(flavour.durable(handler))
    assert json.loads(service.sent("START", 1)["Payload"]) == sent


# ----------------------------------------------------------------------------------- invokes


def invoked(flavour: Flavour, result: str | None, **options: Any) -> tuple[Any, list[Any]]:
    seen: list[Any] = []

    async def handler(event: Any, ctx: Any) -> None:
        seen.append(await ctx.invoke("pay", None, "call", **options))

    details = {} if result is None else {"Result": result}
    history = recorded("CHAINED_INVOKE", "SUCCEEDED", 1, "call", **details)
    return FakeService(history).invoke(flavour.durable(handler)), seen


@pytest.mark.parametrize(
    ("result_type", "result", "value"),
    [
        (Item, '{"name":"a","price":1}', Item("a", 1.0)),
        (list[Item], "[]", []),
        (dt.datetime, '"2020-01-02T00:00:00Z"', dt.datetime(2020, 1, 2, tzinfo=dt.UTC)),
        (Item | None, "null", None),
        (dict[int, Colour], '{"1":"red"}', {1: Colour.RED}),
        (Decimal, '"1.50"', Decimal("1.50")),
        (int, "3", 3),
        (Cat, '{"name":"a","more":1}', Cat("a")),
        (dict[str, Any], '{"t":"s","v":"x"}', {"t": "s", "v": "x"}),
        (
            Booking,
            '{"at":"2020-01-02","seats":[1]}',
            {"at": dt.datetime(2020, 1, 2), "seats": {1}},
        ),
    ],
)
def test_the_result_of_an_invoke_is_read_as_its_type(
    flavour: Flavour, result_type: Any, result: str, value: Any
) -> None:
    answer, seen = invoked(flavour, result, result_type=result_type)
    assert answer == succeeded(None)
    assert same(seen, [value])


def test_a_missing_result_is_none_whatever_its_type(flavour: Flavour) -> None:
    assert invoked(flavour, None, result_type=Item) == (succeeded(None), [None])


@pytest.mark.parametrize("result_type", [int, Item, Model, Struct])
def test_the_result_of_an_invoke_that_does_not_fit_fails(
    flavour: Flavour, result_type: Any
) -> None:
    answer, _ = invoked(flavour, '"x"', result_type=result_type)
    assert (failure(answer)[0] or "").endswith("SerDesError")


@pytest.mark.parametrize(
    "options",
    [
        {"result_type": Item, "config": InvokeConfig(serdes_result=PassThroughSerDes())},
        {"result_type": "Item"},
    ],
)
def test_a_result_type_must_be_a_type_and_the_only_reader(flavour: Flavour, options: Any) -> None:
    answer, _ = invoked(flavour, "null", **options)
    assert (failure(answer)[0] or "").endswith("ValidationError")


# --------------------------------------------------------------------------------- callbacks


def both_ways(flavour: Flavour, config: dict[str, Any], status: str, **details: Any) -> list[Any]:
    """What a callback gives, by create_callback and by wait_for_callback, also on replay."""
    seen: list[Any] = []

    async def handler(event: Any, ctx: Any) -> None:
        callback = await ctx.create_callback("a", CallbackConfig(**config))
        seen.append(await callback.result())
        settings: WaitForCallbackConfig[Any] = WaitForCallbackConfig(**config)
        seen.append(await ctx.wait_for_callback(lambda callback_id: None, "b", settings))
        await ctx.wait(seconds=1)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == PENDING
    service.complete(status, 1, **details)
    assert service.invoke(flavour.durable(handler)) == PENDING
    service.complete(status, (2, 1), **details)
    seen.clear()
    assert service.run(flavour.durable(handler)) == succeeded(None)
    return seen


@pytest.mark.parametrize(
    ("result_type", "result", "value"),
    [
        (Item, '{"name":"a","price":1}', Item("a", 1.0)),
        (dict[str, set[int]], '{"a":[1]}', {"a": {1}}),
        (dt.date, '"2020-01-02"', dt.date(2020, 1, 2)),
        (dt.date, "2020-01-02", dt.date(2020, 1, 2)),
        (str, "approved", "approved"),
        (str, "123", "123"),
        (Colour, "red", Colour.RED),
        (Item | None, "null", None),
        (Cat | Dog, '{"name":"a"}', Cat("a")),
    ],
)
def test_the_answer_to_a_callback_is_read_as_its_type(
    flavour: Flavour, result_type: Any, result: str, value: Any
) -> None:
    seen = both_ways(flavour, {"result_type": result_type}, "SUCCEEDED", Result=result)
    assert same(seen, [value] * 4)


def test_a_serdes_by_type_reads_and_keeps_the_answer(flavour: Flavour) -> None:
    seen = both_ways(flavour, {"serdes": TypedSerDes(Cat)}, "SUCCEEDED", Result='{"name":"a"}')
    assert seen == [Cat("a")] * 4


def test_a_time_out_is_none_whatever_the_type(flavour: Flavour) -> None:
    assert both_ways(flavour, {"result_type": Item}, "TIMED_OUT") == [None] * 4


@pytest.mark.parametrize("result", ["x", '{"name":1}', "[1]", ""])
def test_an_answer_that_does_not_fit_fails(flavour: Flavour, result: str) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        callback = await ctx.create_callback("a", CallbackConfig(result_type=Item))
        return await callback.result()

    service = FakeService()
    service.invoke(flavour.durable(handler))
    service.complete("SUCCEEDED", 1, Result=result)
    kind, message = failure(service.invoke(flavour.durable(handler)))
    assert (kind or "").endswith("SerDesError")
    assert "item" in (message or "")


def test_a_callback_takes_a_type_or_a_serdes() -> None:
    with pytest.raises(ValidationError, match="not both"):
        CallbackConfig(serdes=PassThroughSerDes(), result_type=str)
    with pytest.raises(ValidationError, match="a type must be a class"):
        CallbackConfig(result_type="Item")  # type: ignore[arg-type]


class Strict(SerDes[Cat]):
    """Knows nothing but cats."""

    def serialize(self, value: Cat, serdes_context: SerDesContext) -> str:
        return value.name

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Cat:
        return Cat(data)


def test_nothing_is_stored_of_what_the_submitter_of_a_callback_returns(
    flavour: Flavour,
) -> None:
    async def handler(event: Any, ctx: Any) -> str:
        config = WaitForCallbackConfig(serdes=Strict())
        cat = await ctx.wait_for_callback(lambda callback_id: {"sent": True}, "ask", config)
        return str(cat.name)

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == PENDING
    assert "Payload" not in service.sent("SUCCEED", 1, 2)


# ------------------------------------------------------------------------------ None of None


class Sparse(SerDes[Any]):
    """Stores nothing of None."""

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str | None:
        return None if value is None else json.dumps(value)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        return json.loads(data)


class Forgetful(Sparse):
    def serialize(self, value: Any, serdes_context: SerDesContext) -> str | None:
        return None


def test_a_serdes_may_store_nothing_of_none(flavour: Flavour) -> None:
    seen: list[Any] = []
    stop: WaitForConditionConfig[Any] = WaitForConditionConfig(
        lambda state, attempt: WaitForConditionDecision.stop_polling(), None, serdes=Sparse()
    )

    async def nothing(ctx: Any) -> None:
        return None

    async def handler(event: Any, ctx: Any) -> None:
        seen.append(await ctx.step(lambda: None, config=StepConfig(serdes=Sparse())))
        seen.append(await ctx.run_in_child_context(nothing, config=ChildConfig(serdes=Sparse())))
        seen.append(await ctx.wait_for_condition(lambda state: state, stop))
        await ctx.wait(seconds=1)
        await ctx.invoke("pay", None, config=InvokeConfig(serdes_payload=Sparse()))

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == PENDING
    service.pass_time(1)
    assert service.invoke(flavour.durable(handler)) == PENDING
    assert seen == [None] * 6
    assert [update for update in service.updates if "Payload" in update] == []


def test_a_serdes_may_not_store_nothing_of_something(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> None:
        with pytest.raises(SerDesError, match="Forgetful must return a str, got NoneType"):
            await ctx.step(lambda: 1, config=StepConfig(serdes=Forgetful()))

    assert FakeService().invoke(flavour.durable(handler)) == succeeded(None)
