"""The results of a batch's branches, within what is stored of the whole.

Each is written as its branch stored it, by the branch's own annotation, so that the whole reads
back as the same values as the branches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from aws_durable_execution_sdk_python._core import envelope
from aws_durable_execution_sdk_python._core.completion import BatchItemStatus, BatchResult
from aws_durable_execution_sdk_python._core.limits import LARGE_RESULT_BYTES
from aws_durable_execution_sdk_python._core.values.documents import Document
from aws_durable_execution_sdk_python._core.values.typed_serdes import (
    AnnotatedSerDes,
    TypedSerDes,
    read_tree,
    write_tree,
)
from aws_durable_execution_sdk_python._operations.storing import innermost_serdes
from aws_durable_execution_sdk_python.serdes import (
    DEFAULT_SERDES,
    AnySerDes,
    SerDes,
    SerDesContext,
)


class BatchItemsSerDes(SerDes[BatchResult[Any]]):
    """Stores a whole batch whose branches store their results by type.

    Parameters:
        documents: of each branch; None for one that the default serdes stores.
    """

    def __init__(self, documents: Sequence[Document | None]) -> None:
        self._documents = documents

    @classmethod
    def of(cls, branches: Sequence[AnySerDes[Any] | None]) -> BatchItemsSerDes | None:
        """What stores the whole, given what stores each branch; None for the default serdes."""
        documents = [_document(serdes) for serdes in branches]
        return cls(documents) if any(documents) else None

    def encode(self, batch: BatchResult[Any]) -> str | None:
        """The text of a batch; None if it is too large to store."""
        return envelope.encode_batch(self._changed(batch, write_tree), LARGE_RESULT_BYTES)

    def serialize(self, value: BatchResult[Any], serdes_context: SerDesContext) -> str:
        return DEFAULT_SERDES.serialize(self._changed(value, write_tree), serdes_context)

    def deserialize(self, data: str, serdes_context: SerDesContext) -> BatchResult[Any]:
        return self._changed(DEFAULT_SERDES.deserialize(data, serdes_context), read_tree)

    def _changed(
        self, batch: BatchResult[Any], change: Callable[[Document, Any], Any]
    ) -> BatchResult[Any]:
        items = []
        for item in batch.all:
            known = item.index < len(self._documents)
            document = self._documents[item.index] if known else None
            if document is not None and item.status is BatchItemStatus.SUCCEEDED:
                item = replace(item, result=change(document, item.result))
            items.append(item)
        return BatchResult(items, batch.completion_reason)


def _document(serdes: AnySerDes[Any] | None) -> Document | None:
    serdes = innermost_serdes(serdes)
    return serdes.document if isinstance(serdes, (AnnotatedSerDes, TypedSerDes)) else None
