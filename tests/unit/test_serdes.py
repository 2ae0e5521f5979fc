"""Values as text: what is stored, and that it reads back as the same value."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import json
import math
import unittest.mock
import uuid
from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._core.completion import (
    BatchItem,
    BatchItemStatus,
    BatchResult,
    CompletionReason,
)
from aws_durable_execution_sdk_python._core.envelope import encode_batch
from aws_durable_execution_sdk_python._core.identity import OperationIdentity
from aws_durable_execution_sdk_python._core.model import ErrorObject, OperationType
from aws_durable_execution_sdk_python._operations.storing import round_trip
from aws_durable_execution_sdk_python.exceptions import RetryableSerDesError, SerDesError
from aws_durable_execution_sdk_python.serdes import (
    CallbackSerDes,
    ExtendedTypeSerDes,
    JsonSerDes,
    PassThroughSerDes,
    SerDes,
    SerDesContext,
    deserialize,
    serialize,
)

STEP = OperationIdentity("id", OperationType.STEP, "Step", None, None)

HERE = SerDesContext("op-1", "arn:execution")
SERDES = ExtendedTypeSerDes()


def write(value: Any) -> str:
    return SERDES.serialize(value, HERE)


def read(text: str) -> Any:
    return SERDES.deserialize(text, HERE)


# ------------------------------------------------------------------------------------ plain JSON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ("é", r'"\u00e9"'),
        (3, "3"),
        (1.5, "1.5"),
        (True, "true"),
        ([1, [2, None]], "[1,[2,null]]"),
        ({}, "{}"),
        ({"a": 1, "b": [{"c": None}]}, '{"a":1,"b":[{"c":null}]}'),
        # Only a whole value that looks like an envelope could be mistaken for one.
        ([{"t": "s", "v": 1}], '[{"t":"s","v":1}]'),
        ({"t": "unknown", "v": 1}, '{"t":"unknown","v":1}'),
        ({"t": 1, "v": 1}, '{"t":1,"v":1}'),
        ({"t": "s", "v": 1, "w": 2}, '{"t":"s","v":1,"w":2}'),
    ],
)
def test_json_native_values_are_plain_compact_ascii_json(value: object, text: str) -> None:
    assert write(value) == text
    assert read(text) == value


def test_a_dict_that_looks_like_an_envelope_is_written_as_one() -> None:
    value = {"t": "s", "v": "x"}
    assert write(value) == '{"t":"m","v":{"t":{"t":"s","v":"s"},"v":{"t":"s","v":"x"}}}'
    assert read(write(value)) == value


# ------------------------------------------------------------------- the official SDK's envelopes

SECOND = datetime(2020, 1, 2)
ID = uuid.UUID("12345678-1234-5678-1234-567812345678")

ENVELOPES: list[tuple[object, str]] = [
    ((1, 2), '{"t":"t","v":[{"t":"i","v":1},{"t":"i","v":2}]}'),
    (SECOND, '{"t":"dt","v":"2020-01-02T00:00:00"}'),
    (date(2020, 1, 2), '{"t":"D","v":"2020-01-02"}'),
    (Decimal("1.50"), '{"t":"d","v":"1.50"}'),
    (ID, '{"t":"u","v":"12345678-1234-5678-1234-567812345678"}'),
    (b"\x00\xff", '{"t":"B","v":"AP8="}'),
    (
        {"a": None, "b": [True, 1.5, "x", b""]},
        '{"t":"m","v":{"a":{"t":"n","v":null},"b":{"t":"l","v":[{"t":"b","v":true},'
        '{"t":"f","v":1.5},{"t":"s","v":"x"},{"t":"B","v":""}]}}}',
    ),
]


@pytest.mark.parametrize(("value", "text"), ENVELOPES)
def test_extended_types_are_written_as_the_official_sdk_writes_them(
    value: object, text: str
) -> None:
    assert write(value) == text
    assert read(text) == value
    assert type(read(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"t":"m","v":{"a":{"t":"i","v":1}}}', {"a": 1}),
        ('{"t":"m","v":{}}', {}),
        ('{"t": "dt", "v": "2020-01-02T00:00:00Z"}', datetime(2020, 1, 2, tzinfo=UTC)),
        ('{"t":"f","v":Infinity}', math.inf),
        ('{"t":"i","v":12345678901234567890}', 12345678901234567890),
    ],
)
def test_what_only_the_official_sdk_writes_is_read(text: str, value: object) -> None:
    assert read(text) == value


BATCH: BatchResult[Any] = BatchResult(
    [
        BatchItem(0, BatchItemStatus.SUCCEEDED, Decimal(1)),
        BatchItem(1, BatchItemStatus.FAILED, error=ErrorObject("no", "ValueError")),
        BatchItem(2, BatchItemStatus.STARTED),
    ],
    CompletionReason.FAILURE_TOLERANCE_EXCEEDED,
)


def test_a_batch_result_round_trips_alone_and_inside_another_value() -> None:
    assert read(write(BATCH)) == BATCH
    assert read(write({"batches": [BATCH]})) == {"batches": [BATCH]}


def test_the_value_of_a_batch_envelope_is_a_bare_map() -> None:
    envelope = json.loads(write(BATCH))
    assert (envelope["t"], sorted(envelope["v"])) == ("br", ["all", "completionReason"])


def test_a_batch_whose_items_are_not_tagged_is_read() -> None:
    bare = {"index": 0, "status": "SUCCEEDED", "result": {"t": "d", "v": "1"}, "error": None}
    text = json.dumps({"t": "br", "v": {"all": [bare], "completionReason": "ALL_COMPLETED"}})
    assert read(text) == BatchResult([BATCH.all[0]], CompletionReason.ALL_COMPLETED)


# --------------------------------------------------------------------------- exact round trips

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False)
    | st.text()
)
EXTENDED = (
    st.binary()
    | st.uuids()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.datetimes()
    | st.datetimes(timezones=st.just(UTC) | st.just(timezone(timedelta(hours=5, minutes=45))))
)


def nested(leaves: st.SearchStrategy[Any], *, tuples: bool) -> st.SearchStrategy[Any]:
    def extend(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        look_alikes = st.fixed_dictionaries(
            {"t": st.sampled_from(["s", "m", "l", "br", "n"]) | children, "v": children}
        )
        containers = st.lists(children) | st.dictionaries(st.text(), children) | look_alikes
        return containers | st.lists(children).map(tuple) if tuples else containers

    return st.recursive(leaves, extend, max_leaves=15)


def same(left: Any, right: Any) -> bool:
    """Equal, of equal types throughout: 1, 1.0 and True are three values."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return bool(left == right)


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@given(nested(SCALARS | EXTENDED, tuples=True))
@settings(deadline=None)
def test_every_supported_value_round_trips_exactly_and_is_valid_json(value: object) -> None:
    text = write(value)
    json.loads(text, parse_constant=refuse_constant)
    assert text.isascii()
    assert same(read(text), value)


@given(nested(st.none() | st.booleans() | st.integers() | st.text(), tuples=False))
@settings(deadline=None)
def test_json_values_are_stored_as_themselves_unless_ambiguous(value: object) -> None:
    text = write(value)
    ambiguous = isinstance(value, dict) and value.keys() == {"t", "v"}
    assert json.loads(text) == value or ambiguous


@pytest.mark.parametrize("value", [math.inf, -math.inf, [math.inf], {"x": (-math.inf,)}])
def test_infinities_round_trip(value: object) -> None:
    json.loads(write(value), parse_constant=refuse_constant)
    assert read(write(value)) == value


def test_nan_round_trips() -> None:
    assert math.isnan(read(write(math.nan)))


def test_negative_zero_keeps_its_sign() -> None:
    assert math.copysign(1, read(write([-0.0]))[0]) == -1
    assert math.copysign(1, read(write((-0.0,)))[0]) == -1


@given(st.text(st.characters(categories=["Cs"]) | st.characters()))
@settings(deadline=None)
def test_lone_surrogates_round_trip_and_pairs_become_the_character_they_encode(text: str) -> None:
    """JSON cannot tell a surrogate pair from its character, so neither can a stored string."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert read(write(text)) == joined
    assert read(write((text,))) == (joined,)


@given(st.recursive(SCALARS, lambda leaf: st.lists(leaf) | st.dictionaries(st.text(), leaf)))
@settings(deadline=None)
def test_damaged_data_never_raises_anything_but_serdes_error(tree: object) -> None:
    for tag in ("dt", "D", "d", "u", "B", "t", "l", "m", "br", "f"):
        try:
            read(json.dumps({"t": tag, "v": tree}))
        except SerDesError:
            continue


# ---------------------------------------------------------------- values that change on purpose


class Colour(enum.StrEnum):
    RED = "red"


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ({None: "b", True: "c", 1.5: "d"}, {"null": "b", "true": "c", "1.5": "d"}),
        ({2: {3: "x"}}, {"2": {"3": "x"}}),
        (OrderedDict(a=1), {"a": 1}),
        ([Colour.RED], ["red"]),
        ((Colour.RED,), ("red",)),
        (Point(1, 2), (1, 2)),
        (bytearray(b"a"), b"a"),
        (memoryview(b"a"), b"a"),
    ],
)
def test_near_types_become_the_type_that_is_stored(value: object, stored: object) -> None:
    assert read(write(value)) == stored
    assert same(read(write(stored)), read(write(value)))


# ----------------------------------------------------------------------------------- refusals


@dataclasses.dataclass
class Order:
    order_id: str


class Model:
    def model_dump(self) -> dict[str, object]:
        return {}


class Level(enum.Enum):
    HIGH = object()


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        ({1, 2}, r"set cannot be stored: return sorted\(...\) or list"),
        (frozenset("a"), "frozenset cannot be stored"),
        (timedelta(1), r"timedelta cannot be stored: return its total_seconds\(\)"),
        (time(1), r"time cannot be stored: return its isoformat\(\)"),
        (Order("o"), r"Order cannot be stored: return dataclasses.asdict"),
        (Model(), r"Model cannot be stored: return its model_dump"),
        (Level.HIGH, "Level cannot be stored: return its value"),
        (object(), "object cannot be stored: return str, int, float"),
        (unittest.mock.Mock(), "Mock cannot be stored: return str, int, float"),
        (1j, "complex cannot be stored"),
        ({(1, 2): 3}, "a tuple cannot be a dict key in JSON"),
        ({1: "a", "1": "b"}, "two keys of a dict become the same text: use"),
        ({"a": [0, {"b": {1}}]}, r"at value\['a'\]\[1\]\['b'\]"),
        ({"a": {"a@example.com": {1}}}, r"at value\['a'\]\[...\]\)"),
        ([10**5000], "cannot be written as JSON"),
    ],
)
def test_other_values_are_refused_saying_where_they_are_and_what_to_do(
    value: object, advice: str
) -> None:
    with pytest.raises(SerDesError, match=advice):
        write(value)


def test_a_coroutine_is_refused_saying_to_await_it() -> None:
    coroutine = asyncio.sleep(0)
    try:
        with pytest.raises(SerDesError, match="coroutine cannot be stored: await it"):
            write(coroutine)
    finally:
        coroutine.close()


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(SerDesError, match="contains itself"):
        write(value)


@pytest.mark.parametrize(
    "text", ["", "{", '{"t":"t","v":[1]}', '{"t":"m","v":{"a":{"t":"zz","v":1}}}']
)
def test_unreadable_data_is_a_serdes_error(text: str) -> None:
    with pytest.raises(SerDesError, match="cannot be read"):
        read(text)


# ------------------------------------------------------------------------------- other classes


def test_json_serdes_is_plain_json() -> None:
    assert JsonSerDes().serialize({"a": (1,)}, HERE) == '{"a": [1]}'
    assert JsonSerDes().deserialize('{"t":"s","v":"x"}', HERE) == {"t": "s", "v": "x"}


def test_json_serdes_writes_no_nan() -> None:
    with pytest.raises(SerDesError, match="value is nan, which JSON does not have: give None"):
        serialize(JsonSerDes(), math.nan, "op-1", "arn")


def test_pass_through_serdes_keeps_strings() -> None:
    assert PassThroughSerDes().deserialize(PassThroughSerDes().serialize("{", HERE), HERE) == "{"


def test_pass_through_serdes_takes_nothing_else() -> None:
    with pytest.raises(SerDesError, match="strings only, got dict"):
        PassThroughSerDes().serialize({}, HERE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        ('{"approved": true}', {"approved": True}),
        ("3", 3),
        ("null", None),
        ('"text"', "text"),
        ("approved by Jane", "approved by Jane"),
        ("", ""),
        ("NaN", "NaN"),
        ("{broken", "{broken"),
        ("[" * 100_000, "[" * 100_000),
        ('{"t":"dt","v":"2020-01-02"}', {"t": "dt", "v": "2020-01-02"}),
    ],
)
def test_a_callback_result_is_decoded_if_it_is_json_else_raw(payload: str, result: object) -> None:
    assert CallbackSerDes().deserialize(payload, HERE) == result


def test_callback_serdes_writes_json() -> None:
    assert CallbackSerDes().serialize({"a": 1}, HERE) == '{"a": 1}'


# ------------------------------------------------------------------- the operations' entry points


class Recording(SerDes[Any]):
    """Keeps the contexts it is given, and raises `error` if it has one."""

    def __init__(self, error: Exception | None = None, answer: Any = "stored") -> None:
        self.contexts: list[SerDesContext] = []
        self.error = error
        self.answer = answer

    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        return self.deserialize("", serdes_context)  # type: ignore[no-any-return]

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        self.contexts.append(serdes_context)
        if self.error:
            raise self.error
        return self.answer


def test_a_serdes_is_told_the_operation_and_the_execution() -> None:
    serdes = Recording()
    assert serialize(serdes, 1, "op-1", "arn:execution") == "stored"
    assert deserialize(serdes, "x", "op-1", "arn:execution") == "stored"
    assert serdes.contexts == [HERE, HERE]


def test_without_a_serdes_the_default_is_used() -> None:
    assert serialize(None, {"a": SECOND}, "op-1", "arn") == write({"a": SECOND})
    assert deserialize(None, write((1,)), "op-1", "arn") == (1,)


def test_nothing_stored_reads_as_none_without_asking_the_serdes() -> None:
    serdes = Recording()
    assert deserialize(serdes, None, "op-1", "arn") is None
    assert serdes.contexts == []


def test_an_empty_string_is_something_stored() -> None:
    assert deserialize(PassThroughSerDes(), "", "op-1", "arn") == ""


def test_a_failure_to_serialise_names_the_operation_and_the_type() -> None:
    with pytest.raises(SerDesError, match=r"value of operation 'pay' \(op-1\) \(set\): set cannot"):
        serialize(None, {1}, "op-1", "arn", name="pay")


def test_a_failure_to_deserialise_names_the_operation_and_the_serdes() -> None:
    serdes = Recording(ValueError("bad"))
    with pytest.raises(SerDesError, match="value of operation op-1 with Recording: bad") as caught:
        deserialize(serdes, "x", "op-1", "arn")
    assert caught.value.__cause__ is serdes.error


def test_a_retryable_failure_passes() -> None:
    serdes = Recording(RetryableSerDesError("store does not answer"))
    with pytest.raises(RetryableSerDesError):
        serialize(serdes, 1, "op-1", "arn")
    with pytest.raises(RetryableSerDesError):
        deserialize(serdes, "x", "op-1", "arn")


def test_a_serdes_must_write_text() -> None:
    with pytest.raises(SerDesError, match="Recording must return a str, got bytes"):
        serialize(Recording(answer=b"x"), 1, "op-1", "arn")


@settings(deadline=None)
@given(st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False))
@example("\ud83d\ude00")
def test_a_round_trip_gives_what_a_replay_reads(value: Any) -> None:
    text, seen = round_trip(value, STEP, "arn")
    read = deserialize(None, text, "id", "arn")
    assert (seen, type(seen)) == (read, type(read))


@settings(deadline=None)
@given(st.data())
def test_a_batch_written_item_by_item_is_written_the_same(data: st.DataObject) -> None:
    """And reads back as it was."""
    results = data.draw(st.lists(nested(SCALARS | EXTENDED, tuples=True), max_size=3))
    failed = ErrorObject("no stock", "ValueError", None, ["line é"])
    items = [BatchItem(i, BatchItemStatus.SUCCEEDED, result) for i, result in enumerate(results)]
    items.append(BatchItem(len(items), BatchItemStatus.FAILED, None, failed))
    batch = BatchResult(items, CompletionReason.MIN_SUCCESSFUL_REACHED)
    text = write(batch)
    assert encode_batch(batch, len(text)) == text
    assert encode_batch(batch, len(text) - 1) is None
    assert same([item.result for item in read(text).all], [*results, None])
    assert [item.error for item in read(text).all] == [item.error for item in items]


def test_a_round_trip_gives_a_copy_of_what_can_change() -> None:
    value = {"a": [1]}
    _, seen = round_trip(value, STEP, "arn")
    assert seen == value
    assert seen is not value


def test_a_serdes_is_told_where_a_value_belongs() -> None:
    recording = Recording(answer="read")
    assert serialize(recording, "written", "op-1", "arn:execution") == "read"
    assert deserialize(recording, "read", "op-1", "arn:execution") == "read"
    assert recording.contexts == [HERE, HERE]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


class Refusing(SerDes[Any]):
    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:
        raise Unprintable

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:
        raise Unprintable


@pytest.mark.parametrize("use", [serialize, deserialize])
def test_an_error_without_a_text_is_a_serdes_error_all_the_same(use: Any) -> None:
    with pytest.raises(SerDesError, match="Unprintable has no text"):
        use(Refusing(), "1", "id", "arn")
