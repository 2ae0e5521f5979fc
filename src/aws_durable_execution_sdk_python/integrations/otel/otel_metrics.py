"""The numbers of invocations as OpenTelemetry metrics."""

from __future__ import annotations

from opentelemetry import metrics
from opentelemetry.metrics import MeterProvider

from aws_durable_execution_sdk_python.integrations.metrics import Measurements, MetricsPlugin
from aws_durable_execution_sdk_python.integrations.otel.otel_config import INSTRUMENT_NAME
from aws_durable_execution_sdk_python.plugin import (
    InvocationEndInfo,
    InvocationStartInfo,
)


class _Instruments:
    """What the numbers are recorded with, once for a provider."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter(INSTRUMENT_NAME)
        counter, histogram = meter.create_counter, meter.create_histogram
        self.invocations = counter(
            "durable.invocations", "{invocation}", "Invocations that have ended."
        )
        self.executions = counter(
            "durable.executions", "{execution}", "Executions that have ended."
        )
        self.execution_duration = histogram(
            "durable.execution.duration", "s", "From the start of an execution to its end."
        )
        self.operations = counter(
            "durable.operations", "{operation}", "Operations that have ended."
        )
        self.retries = counter(
            "durable.retries", "{attempt}", "Attempts of steps and checks but for the first."
        )
        self.replay_duration = histogram(
            "durable.replay.duration", "ms", "Until an invocation does something new."
        )
        self.service_calls = counter(
            "durable.service.calls", "{call}", "Calls of the durable execution service."
        )
        self.checkpoint_bytes = counter(
            "durable.checkpoint.size", "By", "Updates that were saved, encoded."
        )


class OtelMetricsPlugin(MetricsPlugin):
    """Records the numbers of one invocation."""

    def __init__(self, instruments: _Instruments, provider: MeterProvider) -> None:
        super().__init__()
        self._instruments = instruments
        self._provider = provider

    def emit(self, measurements: Measurements) -> None:
        to, status = self._instruments, measurements.status.value
        function: dict[str, str] = {
            "faas.name": measurements.function_name,
            "faas.version": measurements.qualifier,
        }
        ended = {**function, "durable.status": status}
        to.invocations.add(1, ended)
        if measurements.execution_seconds is not None:
            to.executions.add(1, ended)
            to.execution_duration.record(measurements.execution_seconds, ended)
        for kind, count in measurements.operations.items():
            names = {"durable.operation.subtype": kind.sub_type, "durable.status": kind.status}
            to.operations.add(count, {**function, **names})
        if measurements.retries:
            to.retries.add(measurements.retries, function)
        if measurements.replay_milliseconds is not None:
            to.replay_duration.record(measurements.replay_milliseconds, function)
        for action, count in measurements.service_calls.items():
            to.service_calls.add(count, {**function, "rpc.method": action})
        if measurements.checkpoint_bytes:
            to.checkpoint_bytes.add(measurements.checkpoint_bytes, function)

    def on_invocation_end(self, info: InvocationEndInfo) -> None:
        super().on_invocation_end(info)
        flush = getattr(self._provider, "force_flush", None)
        if flush is not None:
            flush()


class OtelMetricsPluginFactory:
    """Counts executions, operations, retries, replay and calls of the service.

    Parameters:
        meter_provider: makes the instruments; None for the global one.

    Example:
        >>> @durable_execution(plugins=[OtelMetricsPluginFactory()])
        ... def handler(event: dict, context: DurableContext) -> dict: ...
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        self._provider = meter_provider
        self._made: tuple[MeterProvider, _Instruments] | None = None

    def create_plugin(self, info: InvocationStartInfo) -> OtelMetricsPlugin:
        provider = self._provider or metrics.get_meter_provider()
        if self._made is None or self._made[0] is not provider:
            self._made = provider, _Instruments(provider)
        return OtelMetricsPlugin(self._made[1], provider)
