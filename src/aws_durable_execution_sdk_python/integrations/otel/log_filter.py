"""Log records that tell which span they belong to.

A record is stamped where the thread or task that writes it was *claimed* by an open invocation,
which is so from the hooks on that are called there. Elsewhere nothing says whose record it is.
"""

from __future__ import annotations

import logging
import weakref
from contextvars import ContextVar
from typing import Protocol

from opentelemetry.trace import SpanContext


class SpanSource(Protocol):
    """Tells the span that a record belongs to which is written here and now."""

    def get_current_span_context(self) -> SpanContext | None: ...


_claim: ContextVar[weakref.ref[SpanSource] | None] = ContextVar("durable_otel_logs", default=None)


def claim(source: SpanSource) -> None:
    """Records of this thread or task are the source's from now on."""
    held = _claim.get()
    if held is None or held() is not source:
        _claim.set(weakref.ref(source))


class OtelContextLogFilter(logging.Filter):
    """Sets `traceId`, `spanId` and `otelTraceSampled`, and drops nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        held = _claim.get()
        source = None if held is None else held()
        context = None if source is None else source.get_current_span_context()
        if context is not None and context.is_valid:
            record.traceId = f"{context.trace_id:032x}"
            record.spanId = f"{context.span_id:016x}"
            record.otelTraceSampled = context.trace_flags.sampled
        return True


def install_log_filter(target_logger: logging.Logger | None = None) -> OtelContextLogFilter | None:
    """Put a filter on each handler of a logger that has none yet; of the root logger by default.

    Returns:
        The filter, or None if there was nothing to do.
    """
    logger = logging.getLogger() if target_logger is None else target_logger
    installed: OtelContextLogFilter | None = None
    for handler in logger.handlers:
        if not any(isinstance(each, OtelContextLogFilter) for each in handler.filters):
            installed = installed or OtelContextLogFilter()
            handler.addFilter(installed)
    return installed
