"""What functions are annotated to return comes back as that, on the first run as on replay.

For every kind of type a generated value goes through every operation that stores results, blocking
and async: both runs see the value itself, of the same type throughout.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import gc
import json
import weakref
from collections import deque
from collections.abc import Awaitable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pydantic
import pytest
from answers import failure, succeeded
from fake_service import FakeService, recorded
from flavours import Flavour, retrying
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from value_types import (
    ANNOTATED,
    Booking,
    Cat,
    Circle,
    Colour,
    Dog,
    Item,
    Kind,
    Level,
    Model,
    Page,
    Parcel,
    Point,
    Square,
    Struct,
    annotated,
    returning,
    same,
)

from aws_durable_execution_sdk_python import durable_step
from aws_durable_execution_sdk_python._operations.typed_results import result_serdes
from aws_durable_execution_sdk_python.config import (
    CompletionConfig,
    Duration,
    MapConfig,
    NestingType,
    ParallelConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.filesystem_serdes import (
    FileSystemSerDes,
    FileSystemSerDesConfig,
    FileSystemSerDesMode,
)
from aws_durable_execution_sdk_python.serdes import (
    ExtendedTypeSerDes,
    SerDes,
    SerDesContext,
    TypedSerDes,
)
from aws_durable_execution_sdk_python.serdes_pipeline import ByteStage, compress, pipeline
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision

HERE = SerDesContext()
FEW = settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MANY = settings(max_examples=100, deadline=None)


def both_runs(flavour: Flavour, operation: Any) -> list[Any]:
    """What an operation gives before and after a wait, that is on the first run and on replay."""
    seen: list[Any] = []

    async def handler(event: Any, ctx: Any) -> None:
        seen.append(await operation(ctx))
        await ctx.wait(seconds=1)

    service = FakeService()
    assert service.run(flavour.durable(handler)) == succeeded(None)
    return seen


async def as_step(ctx: Any, function: Any) -> Any:
    return await ctx.step(function)


async def as_async_step(ctx: Any, function: Any) -> Any:
    async def body() -> Any:
        return function()

    return await ctx.step(annotated(body, function.__annotations__["return"]))


def taking_context(function: Any) -> Any:
    async def body(ctx: Any, *args: Any) -> Any:
        return function()

    return annotated(body, function.__annotations__["return"])


async def as_child(ctx: Any, function: Any) -> Any:
    return await ctx.run_in_child_context(taking_context(function))


async def as_branch(ctx: Any, function: Any) -> Any:
    results = await ctx.parallel(taking_context(function), lambda c: 1)
    assert results[1] == 1
    return results[0]


async def as_item(ctx: Any, function: Any) -> Any:
    return (await ctx.map([1], taking_context(function)))[0]


async def as_flat_item(ctx: Any, function: Any) -> Any:
    config: MapConfig[Any] = MapConfig(nesting_type=NestingType.FLAT)
    return (await ctx.map([1], taking_context(function), config=config))[0]


async def as_state(ctx: Any, function: Any) -> Any:
    def check(state: Any) -> Any:
        return function()

    annotated(check, function.__annotations__["return"])
    config: WaitForConditionConfig[Any] = WaitForConditionConfig(
        lambda state, attempt: WaitForConditionDecision.stop_polling(), None
    )
    return await ctx.wait_for_condition(check, config)


async def as_retried(ctx: Any, function: Any) -> Any:
    return await retrying(ctx, taking_context(function))


async def by_hand(ctx: Any, function: Any) -> Any:
    value, value_type = function(), function.__annotations__["return"]
    return await ctx.step(lambda: value, config=StepConfig(serdes=TypedSerDes(value_type)))


WAYS = [
    *(as_step, as_async_step, as_child, as_branch, as_item, as_flat_item),
    *(as_state, as_retried, by_hand),
]


@pytest.mark.parametrize("kind", ANNOTATED)
@given(data=st.data())
@FEW
def test_both_runs_see_the_values_that_were_returned(
    flavour: Flavour, kind: str, data: st.DataObject
) -> None:
    annotation, values = ANNOTATED[kind]
    asked = data.draw(st.lists(st.tuples(st.sampled_from(WAYS), values), min_size=4, max_size=8))

    async def operations(ctx: Any) -> list[Any]:
        return [await way(ctx, returning(annotation, value)) for way, value in asked]

    returned = [value for _, value in asked]
    first, again = both_runs(flavour, operations)
    assert same(first, returned)
    assert same(again, returned)


@pytest.mark.parametrize("kind", ANNOTATED)
@given(data=st.data())
@MANY
def test_every_value_reads_back_as_itself_from_valid_json(kind: str, data: st.DataObject) -> None:
    annotation, values = ANNOTATED[kind]
    value = data.draw(values)
    for serdes in (TypedSerDes(annotation), result_serdes(returning(annotation, value))):
        if serdes is not None:
            text = serdes.serialize(value, HERE)
            json.loads(text or "", parse_constant=lambda name: pytest.fail(name))
            assert same(serdes.deserialize(text or "", HERE), value)


@pytest.mark.parametrize("way", WAYS)
def test_every_operation_that_stores_results_goes_by_the_annotation(
    flavour: Flavour, way: Any
) -> None:
    value = {1: Item("a", 2.5, {"x"})}
    function = returning(dict[int, Item], value)
    assert both_runs(flavour, lambda ctx: way(ctx, function)) == [value, value]


# -------------------------------------------------------------------------------- what is stored

AT = "2020-01-02T00:00:00"
UTC_AT = dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
STRUCT = {"name": "a", "at": "2020-01-02T00:00:00Z", "counts": {"1": 2.0}, "nested": None}
MODEL = {"orderId": "o", "at": AT, "price": "1.50", "tags": [], "item": None}


@pytest.mark.parametrize(
    ("annotation", "value", "stored"),
    [
        (Item, Item("a", 2, {"y", "x"}), {"name": "a", "price": 2.0, "tags": ["x", "y"]}),
        (list[Colour], [Colour.RED], ["red"]),
        (Level | None, Level.HIGH, 2),
        (Kind, Kind.LINE, "LINE"),
        (Point, Point(1, dt.date(2020, 1, 2)), [1, "2020-01-02", ""]),
        (dt.timedelta, dt.timedelta(days=1, seconds=2.5), "P1DT2.500000S"),
        (dict[int, set[int]], {7: {1}}, {"7": [1]}),
        (Cat | Dog, Cat("a"), {"name": "a"}),
        (Item | dt.date | str, "text", "text"),
        (Model | None, None, None),
        (Booking, {"at": dt.datetime(2020, 1, 2), "seats": {1}}, {"at": AT, "seats": [1]}),
        (Parcel, Parcel(2.5, "s"), {"weight": 2.5, "_secret": "s", "sizes": [1, 1]}),
        (Struct, Struct("a", UTC_AT, {1: 2.0}), STRUCT),
        (Model, Model(orderId="o", at=dt.datetime(2020, 1, 2), price=Decimal("1.50")), MODEL),
        # Only what would be read as something else says what it is.
        (Cat | Dog, Dog("a"), {"t": "as:Dog", "v": {"name": "a"}}),
        (Item | dt.date | str, "2020-01-02", {"t": "as:str", "v": "2020-01-02"}),
    ],
)
def test_it_is_plain_json(flavour: Flavour, annotation: Any, value: Any, stored: Any) -> None:
    service = FakeService()

    async def handler(event: Any, ctx: Any) -> None:
        await ctx.step(returning(annotation, value))

    assert service.invoke(flavour.durable(handler)) == succeeded(None)
    assert json.loads(service.sent("SUCCEED", 1)["Payload"]) == stored


@pytest.mark.parametrize("annotation", [str, int, dict, list[str], dt.datetime, Any, None, "str"])
def test_what_needs_no_annotation_is_stored_as_without_one(annotation: Any) -> None:
    """Also where the annotation is wrong: it is not looked at."""
    assert result_serdes(returning(annotation, None)) is None


def test_what_was_stored_without_the_annotation_is_read_by_it(flavour: Flavour) -> None:
    history = recorded("STEP", "SUCCEEDED", 1, Result='{"name":"a","price":1}')
    assert recorded_step(flavour, Item, history) == [Item("a", 1.0)]


def test_what_code_without_the_annotation_stored_as_an_envelope_stays_that(
    flavour: Flavour,
) -> None:
    history = recorded("STEP", "SUCCEEDED", 1, Result='{"t":"t","v":[{"t":"i","v":1}]}')
    assert recorded_step(flavour, Point, history) == [(1,)]


def recorded_step(flavour: Flavour, annotation: Any, history: Any) -> list[Any]:
    seen: list[Any] = []

    async def handler(event: Any, ctx: Any) -> None:
        seen.append(await ctx.step(returning(annotation, None)))

    assert FakeService(history).invoke(flavour.durable(handler)) == succeeded(None)
    return seen


# ---------------------------------------------------------------------------- what does not fit


class Lion(Cat):
    """More than a cat."""


class Hidden(pydantic.BaseModel):
    word: pydantic.SecretStr


@dataclasses.dataclass
class WithInitVar:
    start: dataclasses.InitVar[int]
    size: int = 0


@dataclasses.dataclass
class Refusing:
    name: str

    def __post_init__(self) -> None:
        raise ValueError("no")


def named_cat() -> Cat:
    cat = Cat("a")
    cat.age = 3  # type: ignore[attr-defined]
    return cat


def step_failure(flavour: Flavour, function: Any, *history: Any) -> str:
    async def handler(event: Any, ctx: Any) -> None:
        await ctx.step(function)

    kind, message = failure(FakeService(*history).invoke(flavour.durable(handler)))
    assert (kind or "").endswith("SerDesError")
    return message or ""


@pytest.mark.parametrize(
    ("annotation", "value", "problem"),
    [
        (Page[Item], Page([Item("a", 1), Item("b", "2")]), "page.items[1].price: expected float"),  # type: ignore[arg-type]
        (dict[str, Item], {"a": Item(1, 2)}, "value['a'].name: expected str, got int"),  # type: ignore[arg-type]
        (list[Item], [Item("a", 1), None, {1}], "value[1]: expected Item, got None"),
        (Cat, Lion("a"), "cat: expected Cat, got Lion"),
        (Cat, named_cat(), "cat: has an attribute age that is no field of Cat"),
        (Circle | Square, Circle(1.0, "square"), "circle"),  # type: ignore[arg-type]
        (
            Booking,
            {"at": dt.datetime(2020, 1, 2), "seats": {"x"}},
            "booking.seats[0]: expected int",
        ),
        (dict[tuple[int, int], set[int]], {(1, 2): {3}}, "a tuple cannot be a dict key in JSON"),
        (Hidden, Hidden(word="x"), "Hidden would not be read back as it was"),
        (WithInitVar, WithInitVar(1), "cannot be made of its fields alone (start)"),
        (set[float], {10**400}, "an int that no float holds"),
        (deque, deque([1], maxlen=3), "a deque with a maxlen would come back without it"),
        (list[deque[int]], [deque([1], 3)], "value[0]: a deque with a maxlen would come back"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_would_not_come_back_fails_the_step_naming_the_place(
    flavour: Flavour, annotation: Any, value: Any, problem: str
) -> None:
    assert problem in step_failure(flavour, returning(annotation, value))


@pytest.mark.parametrize(
    ("annotation", "stored", "problem"),
    [
        (Page[Item], '{"items":[{"name":"a","price":"x"}]}', "page.items[0].price: expected float"),
        (Page[Item], '{"items":[{"name":"a"}]}', "page.items[0].price: is missing"),
        (Item, '{"name":"a"', "stored data cannot be read"),
        (Colour, '"green"', "expected a member of Colour, got str that is none"),
        (dt.timedelta, '"1 hour"', "expected timedelta as text, got another text"),
        (Model, '{"orderId":"o","at":"x","price":"1"}', "model.at: Input should be a valid date"),
        (Struct, '{"name":1}', "struct.name: Expected `str`, got `int`"),
        (Refusing, '{"name":"a"}', "Refusing does not accept its fields (ValueError: no)"),
        (Item | None, "[1]", "expected Item | None, got list"),
        (Cat | Dog | None, '{"t":"as:Lion","v":{}}', "expected Cat | Dog | None, got dict"),
    ],
)
def test_what_is_stored_and_does_not_fit_fails_naming_the_place(
    flavour: Flavour, annotation: Any, stored: str, problem: str
) -> None:
    history = recorded("STEP", "SUCCEEDED", 1, Result=stored)
    assert problem in step_failure(flavour, returning(annotation, None), history)


@pytest.mark.parametrize("value", [Item("a", 1.0), {1}, Kind.LINE, dt.timedelta(1), [Struct]])
def test_without_an_annotation_the_error_says_to_annotate(flavour: Flavour, value: Any) -> None:
    message = step_failure(flavour, lambda: value)
    assert "cannot be stored" in message
    assert "annotate the function that returns it: -> " in message or value == [Struct]


# --------------------------------------------------------------------------- wrong annotations


@pytest.mark.parametrize("annotation", [Item, list[Item], Point, Colour, dict[int, Cat], Model])
@pytest.mark.parametrize(
    "value", [{"name": "a"}, ["x", 1], (1, 2), None, "red", dt.date(2020, 1, 2), {"t": "s", "v": 1}]
)
def test_a_function_that_worked_works_with_a_wrong_annotation(
    flavour: Flavour, annotation: Any, value: Any
) -> None:
    function = returning(annotation, value)
    kept = Colour.RED if (annotation, value) == (Colour, "red") else value
    first, again = both_runs(flavour, lambda ctx: ctx.step(function))
    assert same(first, again)
    assert first == kept


@pytest.mark.parametrize("annotation", ["Nowhere", "list[Nowhere]", "1 +", "print('x') or 1"])
def test_an_annotation_that_cannot_be_evaluated_is_none(flavour: Flavour, annotation: Any) -> None:
    values = both_runs(flavour, lambda ctx: ctx.step(returning(annotation, {"a": 1})))
    assert values == [{"a": 1}, {"a": 1}]


def test_an_annotation_that_cannot_be_evaluated_is_named_where_it_was_needed(
    flavour: Flavour,
) -> None:
    message = step_failure(flavour, returning("list[Nowhere]", [Cat("a")]))
    assert "annotate" in message
    assert "'list[Nowhere]' cannot be evaluated (NameError: name 'Nowhere'" in message


def test_nothing_is_evaluated_before_it_is_needed(flavour: Flavour) -> None:
    EVALUATED.clear()

    def handler(event: noted(), ctx: Any) -> noted():  # type: ignore[valid-type]
        pass

    def fetch_noted() -> noted():  # type: ignore[valid-type]
        return Cat("a")

    step = durable_step(fetch_noted)
    flavour.durable(handler)
    assert EVALUATED == []
    assert both_runs(flavour, lambda ctx: ctx.step(step())) == [Cat("a")] * 2
    assert EVALUATED == ["here"]


EVALUATED: list[str] = []


def noted() -> type:
    EVALUATED.append("here")
    return Cat


# --------------------------------------------------------------------------- which function it is


def wrapped(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


class Store:
    def fetch(self) -> Cat:
        return Cat("method")

    def __call__(self, ctx: Any = None) -> Cat:
        return Cat("object")


def fetch(name: str = "plain") -> Cat:
    return Cat(name)


@pytest.mark.parametrize(
    "function",
    [
        durable_step(fetch)("bound"),
        functools.partial(fetch, "partial"),
        functools.partial(functools.partial(fetch), "twice"),
        wrapped(Store().fetch),
        Store().fetch,
        functools.partial(Store().fetch),
        Store(),
    ],
    ids=["bound", "partial", "twice", "wrapped", "method", "partial method", "object"],
)
def test_the_annotation_is_that_of_the_code_that_runs(flavour: Flavour, function: Any) -> None:
    first, again = both_runs(flavour, lambda ctx: ctx.step(function))
    assert type(first) is type(again) is Cat


def test_classes_within_a_function_are_found(flavour: Flavour) -> None:
    @dataclasses.dataclass
    class Part:
        size: int

    @dataclasses.dataclass
    class Whole:
        parts: list[Part]

    def make() -> Whole:
        return Whole([Part(1)])

    assert both_runs(flavour, lambda ctx: ctx.step(make)) == [Whole([Part(1)])] * 2


def test_a_function_that_returns_an_awaitable_is_annotated_with_what_that_gives(
    flavour: Flavour,
) -> None:
    async def later() -> Cat:
        return Cat("later")

    def fetch() -> Awaitable[Cat]:
        return later()

    assert both_runs(flavour, lambda ctx: ctx.step(fetch)) == [Cat("later")] * 2


def test_the_codec_of_a_function_is_made_once_and_forgotten_with_it() -> None:
    def fetch() -> Cat:
        return Cat("a")

    assert result_serdes(fetch) is result_serdes(functools.partial(fetch))
    gone = weakref.ref(fetch)
    del fetch
    gc.collect()
    assert gone() is None


# ------------------------------------------------------------------------------ several branches


def test_a_batch_reads_back_each_branch_by_its_own_annotation(flavour: Flavour) -> None:
    async def cat(ctx: Any) -> Cat:
        return Cat("a")

    async def plain(ctx: Any) -> Any:
        return {"name": "b"}

    async def failing(ctx: Any) -> Dog:
        raise ValueError("no")

    async def operation(ctx: Any) -> Any:
        completion = CompletionConfig(tolerated_failure_count=1)
        config: ParallelConfig[Any] = ParallelConfig(completion_config=completion)
        branches = [cat, plain, failing, durable_step(fetch)("c")]
        results = await ctx.parallel(branches, config=config)
        return [item.result for item in results.all]

    expected = [Cat("a"), {"name": "b"}, None, Cat("c")]
    assert both_runs(flavour, operation) == [expected, expected]


def test_a_batch_too_large_to_store_is_rebuilt_by_the_annotation(flavour: Flavour) -> None:
    async def one(ctx: Any, size: int, *_: Any) -> Cat:
        return Cat("x" * size)

    first, again = both_runs(flavour, lambda ctx: ctx.map([200_000, 100_000], one))
    assert [type(cat) for cat in first] == [type(cat) for cat in again] == [Cat, Cat]
    assert list(first) == list(again)


def test_an_item_serdes_by_type_stores_the_whole_as_well(flavour: Flavour) -> None:
    config: MapConfig[Any] = MapConfig(item_serdes=TypedSerDes(Cat))

    async def one(ctx: Any, name: str, *_: Any) -> Any:
        return Cat(name)

    first, again = both_runs(flavour, lambda ctx: ctx.map(["a"], one, config=config))
    assert list(first) == list(again) == [Cat("a")]


def test_each_check_sees_the_state_by_the_annotation(flavour: Flavour) -> None:
    states: list[Any] = []

    def check(state: Item | None) -> Item | None:
        states.append(state)
        return Item("a", 1.0) if state is None else Item("a", state.price + 1)

    def strategy(state: Item | None, attempt: int) -> WaitForConditionDecision:
        if attempt == 3:
            return WaitForConditionDecision.stop_polling()
        return WaitForConditionDecision.continue_waiting(Duration(1))

    config: WaitForConditionConfig[Any] = WaitForConditionConfig(strategy, None)
    assert both_runs(flavour, lambda ctx: ctx.wait_for_condition(check, config)) == [
        Item("a", 3.0),
        Item("a", 3.0),
    ]
    assert states == [None, Item("a", 1.0), Item("a", 2.0)]


# ----------------------------------------------------------------------------- stages and stores


async def every_way(ctx: Any) -> list[Any]:
    function = returning(dict[int, Item], {1: Item("a", 2.5, {"x"})})
    return [await way(ctx, function) for way in WAYS]


@pytest.mark.parametrize("kind", ["stages", "store", "both", "async"])
def test_stages_and_stores_for_all_operations_take_what_the_annotation_made(
    flavour: Flavour, kind: str, tmp_path: Path
) -> None:
    always = FileSystemSerDesConfig(storage_mode=FileSystemSerDesMode.ALWAYS)
    store = FileSystemSerDes(tmp_path, always)
    serdes = {
        "stages": pipeline(None, compress()),
        "store": store,
        "both": pipeline(ExtendedTypeSerDes(), compress(), store),
        "async": pipeline(None, Reversing()),
    }[kind]
    seen: list[Any] = []

    async def handler(event: Any, ctx: Any) -> None:
        seen.append(await every_way(ctx))
        await ctx.wait(seconds=1)

    service = FakeService()
    assert service.run(flavour.durable(handler, serdes=serdes)) == succeeded(None)
    assert seen == [[{1: Item("a", 2.5, {"x"})}] * len(WAYS)] * 2


class Reversing(ByteStage):
    """An async stage."""

    name = "reversing"

    async def encode(self, data: bytes, /) -> bytes:
        return data[::-1]

    async def decode(self, data: bytes, /) -> bytes:
        return data[::-1]


class Upper(SerDes[Any]):
    """Decides alone."""

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        return str(value.name).upper()

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        return data


def test_a_serdes_that_is_given_decides_alone(flavour: Flavour) -> None:
    step = durable_step(fetch)("a")
    for serdes in (Upper(), pipeline(Upper(), compress())):
        config: StepConfig[Any] = StepConfig(serdes=serdes)
        assert both_runs(flavour, lambda ctx, c=config: ctx.step(step, config=c)) == ["A", "A"]  # type: ignore[misc]
