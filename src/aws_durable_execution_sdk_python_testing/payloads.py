"""Stored payloads, decoded for tests."""

from __future__ import annotations

import json
from typing import Any

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

    Args:
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
    except Exception:  # noqa: BLE001 - the text is the user's; whatever is wrong, show it
        return decode_json(payload)
