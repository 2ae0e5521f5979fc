"""Fixtures of the pytest entry points, and what they measured, after the tests."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from benchmarks.equipment import LAMBDA_ENVIRONMENT, Cores, FakeService

Handler = Callable[[Any, Any], dict[str, Any]]
PREFIX = "benchmark_"


@pytest.fixture(scope="session")
def fake() -> Iterator[FakeService]:
    """The service, in a process of its own, where the SDK's default client finds it."""
    with FakeService(Cores.choose()) as service, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_LAMBDA", service.endpoint)
        for name, value in LAMBDA_ENVIRONMENT.items():
            patch.setenv(name, value)
        yield service


@dataclass(frozen=True)
class Throughput:
    """Invokes handlers, checks what came of it, and records how fast checkpoints went."""

    fake: FakeService
    record: Callable[[str, Any], None]

    async def measure(self, handler: Handler, event: Any, *, latency: float, updates: int) -> None:
        """Run one execution that must succeed with so many updates checkpointed."""
        # The first invocation makes the client, which is not what is measured.
        await self._invoke(handler, event, 0.0)
        seconds, report = await self._invoke(handler, event, latency)
        assert report["violations"] == []
        assert report["updates"] == updates
        calls = report["calls"]
        self.record(f"{PREFIX}updates_per_second", round(updates / seconds))
        self.record(f"{PREFIX}updates_per_call", round(updates / calls, 1))
        self.record(f"{PREFIX}calls", calls)
        self.record(f"{PREFIX}milliseconds", round(seconds * 1000, 1))

    async def _invoke(
        self, handler: Handler, event: Any, latency: float
    ) -> tuple[float, dict[str, Any]]:
        durable = self.fake.create(payload=json.dumps(event), latency=latency)
        start = time.perf_counter()
        # As Lambda calls it: not from within an event loop.
        answer = await asyncio.to_thread(handler, durable, None)
        seconds = time.perf_counter() - start
        assert answer["Status"] == "SUCCEEDED", answer
        return seconds, self.fake.report(durable["DurableExecutionArn"])


@pytest.fixture
def throughput(fake: FakeService, record_property: Callable[[str, Any], None]) -> Throughput:
    return Throughput(fake, record_property)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report
        for report in terminalreporter.stats.get("passed", [])
        if any(name.startswith(PREFIX) for name, _ in report.user_properties)
    ]
    if not reports:
        return
    terminalreporter.section("benchmarks")
    for report in reports:
        figures = [
            f"{value:>8} {name.removeprefix(PREFIX).replace('_', ' ')}"
            for name, value in report.user_properties
            if name.startswith(PREFIX)
        ]
        name = report.nodeid.rpartition("::")[2]
        terminalreporter.write_line(f"{name:48}" + "".join(figures))
