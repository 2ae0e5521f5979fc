"""Which trace an execution belongs to: what Lambda was told, and what invoked functions are."""

from __future__ import annotations

import enum
import os
import re
from dataclasses import dataclass
from typing import Protocol

from opentelemetry.trace import INVALID_SPAN_ID, INVALID_TRACE_ID

from aws_durable_execution_sdk_python.plugin import InvocationStartInfo

_ROOT = re.compile(r"1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})")
_PARENT = re.compile(r"[0-9a-fA-F]{16}")


class Sampling(enum.Enum):
    """Whether whoever called wants the trace."""

    SAMPLED = "sampled"
    NOT_SAMPLED = "not_sampled"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class ExtractedContext:
    """Where an execution hangs.

    Attributes:
        trace_id: the trace; None for one of the execution's own.
        parent_span_id: the span above, which another process has made.
        sampling: whether it is wanted.
    """

    trace_id: int | None
    parent_span_id: int | None
    sampling: Sampling = Sampling.UNDECIDED

    @property
    def has_valid_trace_id(self) -> bool:
        """Whether there is a trace."""
        return self.trace_id is not None and self.trace_id != INVALID_TRACE_ID

    @property
    def has_valid_parent_span_id(self) -> bool:
        """Whether there is a span above."""
        return self.parent_span_id is not None and self.parent_span_id != INVALID_SPAN_ID

    @property
    def has_complete_remote_parent(self) -> bool:
        """Whether both are there."""
        return self.has_valid_trace_id and self.has_valid_parent_span_id


class ContextExtractor(Protocol):
    """Tells where an execution hangs; None for nowhere."""

    def __call__(self, info: InvocationStartInfo) -> ExtractedContext | None: ...


def xray_context_extractor(info: InvocationStartInfo) -> ExtractedContext | None:
    """What Lambda says in `_X_AMZN_TRACE_ID`."""
    header = os.environ.get("_X_AMZN_TRACE_ID")
    if not header:
        return None
    parts = (part.partition("=") for part in header.split(";"))
    fields = {key.strip(): value.strip() for key, separator, value in parts if separator}
    root = _ROOT.fullmatch(fields.get("Root", ""))
    parent = _PARENT.fullmatch(fields.get("Parent", ""))
    sampled = {"1": Sampling.SAMPLED, "0": Sampling.NOT_SAMPLED}
    return ExtractedContext(
        None if root is None else int(root[1] + root[2], 16),
        None if parent is None else int(parent[0], 16),
        sampled.get(fields.get("Sampled", ""), Sampling.UNDECIDED),
    )


def w3c_client_context_extractor(info: InvocationStartInfo) -> ExtractedContext | None:
    """Nothing: durable functions are not given a client context that could hold it."""
    return None


def xray_header(trace_id: int, span_id: int, *, sampled: bool) -> str:
    """What an invoked function is told."""
    digits = f"{trace_id:032x}"
    return f"Root=1-{digits[:8]}-{digits[8:]};Parent={span_id:016x};Sampled={int(sampled)}"
