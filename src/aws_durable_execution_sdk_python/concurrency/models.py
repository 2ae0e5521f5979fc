"""The result and completion types of `map` and `parallel`."""

from aws_durable_execution_sdk_python._core.completion import (
    BatchItem,
    BatchItemStatus,
    BatchResult,
    CompletionDecision,
    CompletionItemStatus,
    CompletionOutcome,
    CompletionReason,
    CompletionStatus,
    complete_batch,
    continue_batch,
)

__all__ = [
    "BatchItem",
    "BatchItemStatus",
    "BatchResult",
    "CompletionDecision",
    "CompletionItemStatus",
    "CompletionOutcome",
    "CompletionReason",
    "CompletionStatus",
    "complete_batch",
    "continue_batch",
]
