"""Stored payloads, decoded for tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from aws_durable_execution_sdk_python.serdes import ExtendedTypeSerDes, SerDes, SerDesContext


def decode_json(payload: Any) -> Any:
    """The value of a JSON text; anything that is not a JSON text is returned as it is."""
    if not isinstance(payload, str):
        return payload
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def deserialize_operation_payload(payload: Any, serdes: SerDes[Any] | None = None) -> Any:
    """Decode what an operation stored.

    Parameters:
        payload: the stored text. A value that is decoded already passes through.
        serdes: what the operation was configured with; default the SDK's own, which reads both
            plain JSON and the tagged form of extended types.

    Returns:
        The value. Without `serdes`, a text that the SDK's own cannot read is returned as it is:
        a step with its own serdes may have written it.
    """
    if not isinstance(payload, str):
        return payload
    context = SerDesContext()
    if serdes is not None:
        return serdes.deserialize(payload, context)
    try:
        return ExtendedTypeSerDes().deserialize(payload, context)
    except Exception:
        return decode_json(payload)


def encode_input(value: Any) -> str:
    """The JSON text of an event: a str may be that text already, anything else is encoded."""
    if isinstance(value, str):
        try:
            json.loads(value, parse_constant=_refuse_constant)
        except ValueError:
            return json.dumps(value)
        return value
    return json.dumps(value, allow_nan=False)


def _refuse_constant(name: str) -> NoReturn:
    # Python reads NaN and Infinity, which JSON does not have.
    raise ValueError(f"{name} is no JSON value")


# Where operations carry timestamps; None is the operation itself.
_TIMESTAMPS = (
    (None, "StartTimestamp"),
    (None, "EndTimestamp"),
    ("StepDetails", "NextAttemptTimestamp"),
    ("WaitDetails", "ScheduledEndTimestamp"),
)


def from_api(operation: Mapping[str, Any]) -> dict[str, Any]:
    """An operation of an API answer as boto3 hands it out: epoch seconds become datetimes."""
    parsed = dict(operation)
    for holder, key in _TIMESTAMPS:
        fields = parsed if holder is None else parsed.get(holder)
        if not fields or fields.get(key) is None:
            continue
        when = datetime.fromtimestamp(fields[key], UTC)
        if holder is None:
            parsed[key] = when
        else:
            parsed[holder] = {**fields, key: when}
    return parsed
