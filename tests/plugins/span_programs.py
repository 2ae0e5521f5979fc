"""Programs to be traced, and what a test makes of their spans."""

from __future__ import annotations

import threading
from typing import Any

from flavours import Flavour
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    CompletionConfig,
    Duration,
    MapConfig,
    NestingType,
    ParallelConfig,
    StepConfig,
)
from aws_durable_execution_sdk_python.retries import RetryDecision
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision


class Exported:
    """A provider, and the spans that it exports."""

    def __init__(self, sampler: Sampler | None = None) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    def parent(self, span: ReadableSpan) -> str | None:
        """The name of the span above; the id where that is not exported."""
        if span.parent is None:
            return None
        names = {each.context.span_id: each.name for each in self.spans if each.context}
        return names.get(span.parent.span_id, f"{span.parent.span_id:016x}")

    def links(self, span: ReadableSpan) -> list[str]:
        names = {each.context.span_id: each.name for each in self.spans if each.context}
        return [names.get(link.context.span_id, "?") for link in span.links]

    def shown(self) -> list[str]:
        """Each span with all that is the same whenever the program runs."""
        return [self._shown(span) for span in self.spans]

    def _shown(self, span: ReadableSpan) -> str:
        assert span.context is not None
        parts = [
            span.name,
            f"below {self.parent(span)}",
            f"linked {self.links(span)}",
            f"{span.kind.name} {span.status.status_code.name} {span.status.description}",
            str(sorted((span.attributes or {}).items())),
            str([event.name for event in span.events]),
            f"in {span.context.trace_id:032x} sampled {span.context.trace_flags.sampled}",
        ]
        if not self._has_random_id(span):
            parts.append(f"{span.context.span_id:016x}")
        return "; ".join(parts)

    @staticmethod
    def _has_random_id(span: ReadableSpan) -> bool:
        names = [event for event in ("Invocation", " attempt ") if event in span.name]
        return bool(names) or "group" in span.name or len(span.links) > 1 or "item" in span.name


def everything(flavour: Flavour) -> Any:
    """Most of what there is."""
    failing = [ValueError("first")]

    def flaky() -> int:
        if failing:
            raise failing.pop()
        return 2

    def broken() -> None:
        raise LookupError("broken")

    async def inside(ctx: Any, *_: Any) -> Any:
        return await ctx.step(lambda: 1, name="inner")

    async def large(ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="in large")
        return "x" * 300_000

    def decide(state: int, attempt: int) -> WaitForConditionDecision:
        if state < 2:
            return WaitForConditionDecision.continue_waiting(Duration(1))
        return WaitForConditionDecision.stop_polling()

    async def handler(event: Any, ctx: Any) -> Any:
        retry = StepConfig(retry_strategy=lambda e, n: RetryDecision.retry(Duration(1)))
        await ctx.step(lambda: 1, name="one")
        await ctx.step(flaky, name="flaky", config=retry)
        try:
            await ctx.step(broken, name="broken")
        except LookupError:
            await ctx.wait(seconds=2, name="pause")
        await ctx.run_in_child_context(flavour.function(inside), name="child")
        virtual = ChildConfig(is_virtual=True)
        await ctx.run_in_child_context(flavour.function(inside), name="group", config=virtual)
        await ctx.run_in_child_context(flavour.function(large), name="large")
        await ctx.parallel([flavour.function(inside)] * 2, name="both")
        flat = MapConfig(nesting_type=NestingType.FLAT)
        await ctx.map([1, 2], flavour.function(inside), name="flat", config=flat)
        polling = WaitForConditionConfig(wait_strategy=decide, initial_state=0)
        await ctx.wait_for_condition(lambda state: state + 1, polling, name="poll")
        return "end"

    return handler


def suspended_inside(flavour: Flavour) -> Any:
    """Contexts that several invocations work on."""

    async def branch(ctx: Any, item: int, *_: Any) -> Any:
        await ctx.wait(seconds=item, name=f"pause {item}")
        return await ctx.step(lambda: item, name=f"after {item}")

    async def inside(ctx: Any) -> Any:
        return await ctx.map([1, 2], flavour.function(branch), name="all")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.run_in_child_context(flavour.function(inside), name="child")

    return handler


def failing(flavour: Flavour) -> Any:
    """An execution that fails."""

    def broken() -> None:
        raise LookupError("broken")

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: 1, name="one")
        await ctx.step(broken, name="broken")

    return handler


def stopped_branch(flavour: Flavour) -> Any:
    """A batch that is decided before all branches have ended, and after all of them wait."""
    waits = threading.Event()

    def decide() -> None:
        # An async branch waits before the next one begins; a blocking one in a thread of its own.
        if flavour.name == "blocking":
            waits.wait()

    async def quick(ctx: Any) -> Any:
        return await ctx.step(decide, name="quick")

    async def slow(ctx: Any) -> Any:
        try:
            await ctx.wait(seconds=100, name="slow")
        finally:
            waits.set()

    async def handler(event: Any, ctx: Any) -> Any:
        config = ParallelConfig(completion_config=CompletionConfig.first_successful())
        branches = [flavour.function(slow), flavour.function(quick)]
        results = await ctx.parallel(branches, name="race", config=config)
        return results.success_count

    return handler


PROGRAMS = [everything, suspended_inside, failing, stopped_branch]
