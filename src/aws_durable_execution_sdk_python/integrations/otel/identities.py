"""Ids that are the same in every invocation of an execution, and what puts them into spans.

An SDK tracer takes the ids of its spans from a generator. Ours gives those that the code around one
`start_span` call asks for, and random ones otherwise; it is installed on the plugin's own tracer,
never on the provider.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from opentelemetry.sdk.trace import Tracer
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator


def operation_id_to_span_id(durable_execution_arn: str, operation_id: str) -> int:
    """The id of an operation's span."""
    return _span_id(f"{durable_execution_arn}:{operation_id}")


def derive_workflow_span_id(durable_execution_arn: str) -> int:
    """The id of the execution's Workflow span."""
    return _span_id(f"workflow:{durable_execution_arn}") or 1


def derive_execution_root_span_id(durable_execution_arn: str) -> int:
    """The id of the span that stands above the Workflow where nobody gave one."""
    return _span_id(f"execution-root:{durable_execution_arn}") or 1


def derive_trace_id(durable_execution_arn: str, start_time: datetime) -> int:
    """The execution's trace where nobody gave one; X-Ray takes ids that begin with a time."""
    digest = blake2b(durable_execution_arn.encode()).hexdigest()
    return int(f"{int(start_time.timestamp()) & 0xFFFFFFFF:08x}{digest[:24]}", 16)


def _span_id(text: str) -> int:
    return int(blake2b(text.encode()).hexdigest()[:16], 16)


class _Ids(NamedTuple):
    trace_id: int | None
    span_id: int | None


_asked: ContextVar[_Ids | None] = ContextVar("durable_otel_ids", default=None)


class DeterministicIdGenerator(RandomIdGenerator):
    """Gives the ids that are asked for, and otherwise those of another generator."""

    def __init__(self, fallback_id_generator: IdGenerator | None = None) -> None:
        self._fallback = fallback_id_generator or RandomIdGenerator()

    @classmethod
    def install_on_tracer(cls, tracer: Tracer) -> DeterministicIdGenerator:
        """Have a tracer use one of these around its own generator; the one it has, if it does."""
        installed = tracer.id_generator
        if not isinstance(installed, DeterministicIdGenerator):
            installed = tracer.id_generator = cls(installed)
        return installed

    @contextlib.contextmanager
    def use_ids(self, *, trace_id: int | None, span_id: int | None) -> Iterator[None]:
        """A block in which these ids are given; None for random ones."""
        token = _asked.set(_Ids(trace_id, span_id))
        try:
            yield
        finally:
            _asked.reset(token)

    def generate_trace_id(self) -> int:
        asked = _asked.get()
        if asked is not None and asked.trace_id is not None:
            return asked.trace_id
        return self._fallback.generate_trace_id()

    def generate_span_id(self) -> int:
        asked = _asked.get()
        if asked is not None and asked.span_id is not None:
            return asked.span_id
        return self._fallback.generate_span_id()

    def is_trace_id_random(self) -> bool:
        """What the ids come from that nobody asks for; they are no W3C random ids."""
        return False
