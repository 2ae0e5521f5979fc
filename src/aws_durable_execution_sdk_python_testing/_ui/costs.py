"""What an execution would cost on AWS, as far as its history tells.

Prices are those of the public list for us-east-1, x86, in US dollars, without free tier and
discounts. What is kept after the end is billed by the month, and left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from aws_durable_execution_sdk_python._core.limits import KIB, MIB
from aws_durable_execution_sdk_python_testing._engine.history_events import INVOCATION_COMPLETED
from aws_durable_execution_sdk_python_testing._engine.metering import Usage

_OPERATION = 8.00 / 1e6
_WRITTEN_BYTE = 0.25 / (KIB * MIB)
_REQUEST = 0.20 / 1e6
_MEGABYTE_SECOND = 0.0000166667 / KIB
# The smallest there is, where nothing is declared.
DEFAULT_MEMORY_MB = 128


def estimate(events: Iterable[Mapping[str, Any]], memory_mb: int) -> dict[str, Any]:
    """Usage and cost, for JSON: bytes, milliseconds as they are billed, dollars.

    Parameters:
        events: the history, as the service gives it, with execution data.
        memory_mb: of the function.
    """
    events = list(events)
    usage = Usage.of(events)
    runs = [
        event["InvocationCompletedDetails"]
        for event in events
        if event["EventType"] == INVOCATION_COMPLETED
    ]
    # Each invocation is billed to the millisecond above.
    billed = sum(
        math.ceil(round((run["EndTimestamp"] - run["StartTimestamp"]) * 1000, 3)) for run in runs
    )
    costs = {
        "Operations": usage.operations * _OPERATION,
        "Written": usage.written * _WRITTEN_BYTE,
        "Requests": len(runs) * _REQUEST,
        "Compute": billed / 1000 * memory_mb * _MEGABYTE_SECOND,
    }
    return {
        "Operations": usage.operations,
        "WrittenBytes": usage.written,
        "Invocations": len(runs),
        "BilledMilliseconds": billed,
        "MemoryMegabytes": memory_mb,
        "Dollars": {**costs, "Total": sum(costs.values())},
    }
