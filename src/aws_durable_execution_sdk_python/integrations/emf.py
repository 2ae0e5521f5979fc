"""Metrics for CloudWatch, as lines of the log in its embedded metric format.

CloudWatch reads them out of a function's log: no call, no layer, nothing to be installed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from aws_durable_execution_sdk_python.integrations.metrics import Measurements, MetricsPlugin
from aws_durable_execution_sdk_python.plugin import InvocationStartInfo, InvocationStatus

__all__ = ["EmfMetricsPlugin", "EmfMetricsPluginFactory"]

_DIMENSIONS = ["function_name", "qualifier"]
_COUNT, _MILLISECONDS, _BYTES = "Count", "Milliseconds", "Bytes"
_CHECKPOINT = "CheckpointDurableExecution"


class EmfMetricsPlugin(MetricsPlugin):
    """Writes the numbers of one invocation."""

    def __init__(self, namespace: str, write: Callable[[str], object]) -> None:
        super().__init__()
        self._namespace = namespace
        self._write = write

    def emit(self, measurements: Measurements) -> None:
        metrics = _metrics(measurements)
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [_DIMENSIONS],
            "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in metrics.items()],
        }
        record: dict[str, Any] = {
            "_aws": {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]},
            "function_name": measurements.function_name,
            "qualifier": measurements.qualifier,
            **{name: value for name, (_, value) in metrics.items()},
        }
        self._write(json.dumps(record, separators=(",", ":")))


def _metrics(given: Measurements) -> dict[str, tuple[str, float]]:
    """Each metric by its name: the unit and the value; those of another outcome are left out."""
    operations = sum(given.operations.values())
    failed = sum(n for kind, n in given.operations.items() if kind.status != "SUCCEEDED")
    metrics: dict[str, tuple[str, float]] = {
        "Invocations": (_COUNT, 1),
        "Operations": (_COUNT, operations),
        "OperationsFailed": (_COUNT, failed),
        "Retries": (_COUNT, given.retries),
        "CheckpointCalls": (_COUNT, given.service_calls.get(_CHECKPOINT, 0)),
        "CheckpointBytes": (_BYTES, given.checkpoint_bytes),
        "ServiceErrors": (_COUNT, given.service_errors),
    }
    if given.replay_milliseconds is not None:
        metrics["ReplayDuration"] = _MILLISECONDS, round(given.replay_milliseconds, 3)
    if given.execution_seconds is not None:
        is_failed = given.status is InvocationStatus.FAILED
        metrics["Executions"] = _COUNT, 1
        metrics["ExecutionsFailed"] = _COUNT, int(is_failed)
        metrics["ExecutionDuration"] = _MILLISECONDS, round(given.execution_seconds * 1000)
    return metrics


class EmfMetricsPluginFactory:
    """Writes one line an invocation, to standard output, where Lambda takes it into the log.

    Parameters:
        namespace: of the metrics in CloudWatch.
        write: given each line without its end, in place of standard output.

    Example:
        >>> @durable_execution(plugins=[EmfMetricsPluginFactory()])
        ... def handler(event: dict, context: DurableContext) -> dict: ...
    """

    def __init__(
        self,
        namespace: str = "DurableExecutions",
        *,
        write: Callable[[str], object] | None = None,
    ) -> None:
        self._namespace = namespace
        self._write = write or _print

    def create_plugin(self, info: InvocationStartInfo) -> EmfMetricsPlugin:
        return EmfMetricsPlugin(self._namespace, self._write)


def _print(line: str) -> None:
    print(line, file=sys.stdout, flush=True)
