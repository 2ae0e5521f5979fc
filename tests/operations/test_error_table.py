"""An error is the same when it is seen first, on replay, through a child context and through a map.

What code reads of it is what it read of the original; what could not be stored says so.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from answers import failure, succeeded
from error_cases import CASES, OrderError
from fake_service import FakeService
from flavours import Flavour
from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python import ChildContextError, StepError, durable_execution
from aws_durable_execution_sdk_python._core.errors import describe, describe_for_record, rebuild
from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python.exceptions import ConcurrentContextUseError

MISSING = "<missing>"


def portrait(error: BaseException | None) -> Any:
    """Everything that tells one error from another, but for its traceback."""
    if error is None:
        return None
    cls = type(error)
    variables = {name: vars(error)[name] for name in vars(error) if name != "_durable_restored"}
    shown = {
        name: portrait(value) if isinstance(value, BaseException) else repr(value)
        for name, value in variables.items()
        if name != "stack_trace"
    }
    members = getattr(error, "exceptions", ())
    chain = (portrait(error.__cause__), portrait(error.__context__), error.__suppress_context__)
    args = getattr(error, "args", MISSING)
    own = (cls.__module__, cls.__qualname__, str(error), repr(args), shown, chain)
    return (*own, *map(portrait, members))


def read(error: Any, path: str) -> Any:
    """The value at a path such as `response.status_code`."""
    for part in path.split("."):
        error = error[int(part)] if part.isdigit() else getattr(error, part)
    return error


@pytest.mark.parametrize("name", CASES)
def test_an_error_is_the_same_first_on_replay_through_a_child_and_a_map(
    flavour: Flavour, name: str
) -> None:
    case = CASES[name]
    seen: dict[str, list[Exception]] = {}

    def function(_: Any) -> None:
        raise case.make()

    async def child(ctx: Any, *_: Any) -> Any:
        return await ctx.step(function)

    async def mapped(ctx: Any) -> Any:
        (await ctx.map([1], child)).throw_if_error()

    ways = {
        "step": lambda ctx: ctx.step(function),
        "child": lambda ctx: ctx.run_in_child_context(child),
        "map": mapped,
    }

    async def handler(event: Any, ctx: Any) -> Any:
        for way, run in ways.items():
            try:
                await run(ctx)
            except Exception as error:
                seen.setdefault(way, []).append(error)
        await ctx.wait(seconds=1)

    assert FakeService().run(flavour.durable(handler)) == succeeded(None)
    assert {way: len(errors) for way, errors in seen.items()} == dict.fromkeys(ways, 2)
    original = case.make()
    for way, errors in seen.items():
        operation = StepError if way == "step" else ChildContextError
        assert portrait(errors[0]) == portrait(errors[1])
        assert type(errors[0]) is type(errors[1])
        for error in errors:
            assert type(original) in type.__dict__["__mro__"].__get__(type(error))
            assert isinstance(error, operation)
            assert str(error).startswith(str(original))
            for path, value in case.kept.items():
                assert read(error, path) == value
                assert type(read(error, path)) is type(value) or name == "values"
            for lost in case.lost:
                with pytest.raises(AttributeError, match=r"kept|no attribute"):
                    getattr(error, lost)
    step, child_, map_ = (portrait(errors[0]) for errors in seen.values())
    assert step == child_ == map_


def test_what_was_not_kept_is_named_with_the_reason() -> None:
    error: Any = rebuild(StepError, describe(CASES["holding"].make()))
    with pytest.raises(AttributeError, match=r"'lock' of this HoldingError was not kept .* a lock"):
        _ = error.lock
    with pytest.raises(AttributeError, match=r"'body' .* larger than the 8192 bytes"):
        _ = error.body
    with pytest.raises(AttributeError, match="was stored: args, body, lock"):
        _ = error.body_start
    assert not hasattr(error, "lock")


def test_an_operations_error_that_stands_for_a_class_that_is_lost_says_so() -> None:
    class LocalError(Exception):
        def codes(self) -> list[int]:
            return [1]

    error: Any = rebuild(StepError, describe(LocalError("bad")))
    assert type(error) is StepError
    with pytest.raises(AttributeError, match=r"'codes'; it stands for a \S+LocalError, "):
        _ = error.codes
    with pytest.raises(AttributeError, match=r"no attribute 'codes'$"):
        _ = StepError("plain").codes  # type: ignore[attr-defined]


def test_nothing_that_could_be_a_secret_of_a_held_object_is_stored() -> None:
    error: Any = rebuild(StepError, described := describe(CASES["httpx.HTTPStatusError"].make()))
    assert error.response.status_code == 404
    with pytest.raises(AttributeError, match="'url' of the Response was not kept"):
        _ = error.response.url
    assert "authorization" not in str(described.to_dict())
    assert "token" not in str(described.to_dict())


def test_except_star_finds_the_errors_of_a_group_that_a_step_raised(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        def function(_: Any) -> None:
            raise CASES["group"].make()

        caught = []
        try:
            await ctx.step(function)
        except* ValueError as found:
            caught.append(str(found.exceptions[0]))
        except* LookupError as found:
            caught.append(str(found.exceptions[0]))
        except* Exception as found:
            code = found.exceptions[0].exceptions[0].response["Error"]["Code"]  # type: ignore[attr-defined]
            caught.append(code)
        await ctx.wait(seconds=1)
        return caught

    answer = FakeService().run(flavour.durable(handler))
    expected = ["a", "inner (1 sub-exception)", "ConditionalCheckFailedException"]
    assert answer == succeeded(expected)


def test_a_group_of_a_class_of_its_own_is_split_by_its_own_derive(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        def function(_: Any) -> None:
            raise CASES["groups of its own"].make()

        caught = []
        try:
            await ctx.step(function)
        except* LookupError as found:
            caught.append(repr(found))
        except* Exception as found:
            caught.append(repr(found))
        await ctx.wait(seconds=1)
        return caught

    answer = FakeService().run(flavour.durable(handler))
    lookup = "ManyErrors('many', [ManyErrors('few', [KeyError('b')])])"
    rest = "ManyErrors('many', [ValueError('a'), ManyErrors('few', [OSError(5)])])"
    assert answer == succeeded([lookup, rest])


def test_errors_that_hold_the_same_ones_again_and_again_stay_bounded() -> None:
    error: Any = OrderError("the first")
    for number in range(20):
        outer: Any = OrderError(number, error)
        outer.__cause__ = outer.__context__ = outer.first = outer.second = error
        error = outer
    record = describe_for_record(error)
    assert len(str(record.to_dict())) < 100_000
    again: Any = rebuild(StepError, record)
    assert str(again.__cause__.__cause__) == str(error.__cause__.__cause__)


async def test_advice_of_the_sdk_is_the_first_thing_that_a_failed_group_says() -> None:
    @durable_execution
    async def handler(event: Any, ctx: Any) -> Any:
        async def branch(seconds: int) -> None:
            await asyncio.sleep(0)
            await ctx.wait(seconds=seconds)

        async def other() -> None:
            await asyncio.sleep(0)
            raise ValueError("of the program")

        async with asyncio.TaskGroup() as group:
            group.create_task(other())
            group.create_task(branch(1))
            group.create_task(branch(2))

    kind, message = failure(await asyncio.to_thread(FakeService().invoke, handler))
    assert kind == "ExceptionGroup"
    advice = f"{ConcurrentContextUseError.__module__}.ConcurrentContextUseError: task "
    assert message is not None
    start, _, rest = message.partition(": ")
    assert start.startswith("unhandled errors in a TaskGroup")
    assert rest.startswith(advice)
    assert "context.run_in_child_context(...)" in rest
    assert "ValueError: of the program" in rest


def test_of_a_long_chain_and_a_large_group_the_beginning_is_kept() -> None:
    error: Exception = ValueError("the first")
    for number in range(100):
        outer = OrderError(number)
        outer.__cause__ = error
        error = outer
    group = ExceptionGroup("many", [OSError(n, "x" * 100) for n in range(500)] + [error])
    record = describe_for_record(group)
    assert len(str(record.to_dict())) < 100_000
    again: Any = rebuild(StepError, record)
    assert [inner.errno for inner in again.exceptions[:-1]] == list(range(24))
    assert str(again.exceptions[-1]) == "477 more sub-exceptions were not kept"
    chain: Any = rebuild(StepError, describe_for_record(error))
    texts = []
    while chain is not None:
        texts.append(str(chain))
        chain = chain.__cause__
    assert texts == [str(number) for number in range(99, 92, -1)]


def test_an_error_that_is_its_own_cause_ends() -> None:
    error = OrderError("a")
    other = OrderError("b")
    error.__cause__, other.__cause__ = other, error
    again: Any = rebuild(StepError, describe(error))
    assert str(again.__cause__) == "b"
    assert again.__cause__.__cause__ is None


def test_an_error_raised_again_keeps_what_was_added_to_it(flavour: Flavour) -> None:
    async def child(ctx: Any) -> Any:
        try:
            await ctx.step(lambda _: {}["k"])
        except KeyError as error:
            error.add_note("in the child")
            error.order = "o-1"  # type: ignore[attr-defined]
            raise

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.run_in_child_context(child)
        except KeyError as error:
            seen = [error.__notes__, error.order, error.args]  # type: ignore[attr-defined]
        await ctx.wait(seconds=1)
        return seen

    answer = FakeService().run(flavour.durable(handler))
    assert answer == succeeded([["in the child"], "o-1", ["k"]])


# ------------------------------------------------------------------------------------ properties

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.datetimes()
    | st.dates()
    | st.times()
    | st.timedeltas()
)
KEYS = st.text(max_size=8) | st.sampled_from(["$", "v"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(st.integers() | KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)
NAMES = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True)


@settings(deadline=None, max_examples=300)
@given(st.lists(VALUES, max_size=3), st.dictionaries(NAMES, VALUES, max_size=4))
def test_any_state_that_json_can_hold_comes_back_as_it_was(
    args: list[Any], state: dict[str, Any]
) -> None:
    error = OrderError(*args)
    error.__dict__.update(state)
    again: Any = rebuild(StepError, describe(error))
    twice: Any = rebuild(ChildContextError, describe(again))
    for seen in (again, twice):
        assert isinstance(seen, OrderError)
        assert repr(seen.args) == repr(error.args)
        for name, value in state.items():
            assert repr(getattr(seen, name)) == repr(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["$", "v", "type", "message", "class", "state", "a"]), inner, max_size=4
        )
    ),
    max_leaves=10,
)
MEMBERS = st.sampled_from(
    [
        *("args", "state", "lost", "notes", "cause", "context", "suppress", "group", "errors"),
        *("callback", "data", "operation"),
    ]
)


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(MEMBERS, JSON, max_size=6),
    st.sampled_from(["ValueError", "ExceptionGroup", "OSError", "", "no.such.Error"]),
)
def test_any_details_give_an_operations_error(details: dict[str, Any], kind: str) -> None:
    data = json.dumps({"aws-durable-error": 1, **details})
    error = rebuild(StepError, ErrorObject("text", kind, data))
    assert isinstance(error, StepError)
    assert str(error) == "text"
    describe(error)
