"""Values for others, who know nothing of envelopes: the handler's result and payloads of `invoke`.

They take what the results of steps take, as plain JSON: what has a text is that text.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from aws_durable_execution_sdk_python._core.batch_result import BatchResult
from aws_durable_execution_sdk_python._core.envelope import advice
from aws_durable_execution_sdk_python._core.exactness import stands_for
from aws_durable_execution_sdk_python._core.inputs import Inputs


def _base64(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode("ascii")


# A datetime is a date as well, and so comes first.
_TEXTS: Mapping[type, Callable[[Any], object]] = {
    datetime: datetime.isoformat,
    date: date.isoformat,
    Decimal: str,
    uuid.UUID: str,
    bytes: _base64,
    bytearray: _base64,
    memoryview: _base64,
    BatchResult: BatchResult.to_dict,
    Inputs: list,
}


def as_json_text(value: object) -> object:
    """For the JSON encoder: what stands for a value that it does not know.

    Raises:
        TypeError: nothing does.
    """
    for cls, text in _TEXTS.items():
        if type(value) is cls or stands_for(value, cls):
            return text(value)
    name = type(value).__qualname__
    raise TypeError(f"Object of type {name} is not JSON serializable: {advice(value)}")
