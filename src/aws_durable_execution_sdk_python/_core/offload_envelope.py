"""What stands on record for a value that is kept elsewhere, and whether that is what is there.

The envelope is the official SDK's: a JSON object with `file`, or `data` for a value that stands on
record itself, and a `preview`. A store of ours writes its reference under a key of its own. Digest
and size are additional members, which the official reader ignores.

Nothing here does input or output.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple, Self
from urllib.parse import quote

from aws_durable_execution_sdk_python._core.arns import DurableExecutionArn
from aws_durable_execution_sdk_python._core.limits import KIB, LARGE_RESULT_BYTES
from aws_durable_execution_sdk_python._core.validation import utf8_size
from aws_durable_execution_sdk_python.exceptions import SerDesError

# The largest envelope that holds its value itself.
INLINE_BYTES = LARGE_RESULT_BYTES - KIB

_INLINE = "data"
_PREVIEW = "preview"

_to_json = json.JSONEncoder(separators=(",", ":")).encode


class OffloadMode(enum.StrEnum):
    """Which values are kept elsewhere.

    ALWAYS: all of them. OVERFLOW: those that are too large for the record, of more than 255 KiB.
    """

    ALWAYS = "ALWAYS"
    OVERFLOW = "OVERFLOW"


class PathEncoding(enum.StrEnum):
    """How executions and operations become names in a store.

    URI: `function/execution/invocation/operation`, percent-encoded. HASH: the SHA-256 of the ARN
    and of the operation's id.
    """

    URI = "URI"
    HASH = "HASH"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells a stored text from any other."""

    sha256: str
    size: int

    @classmethod
    def of(cls, content: bytes) -> Self:
        return cls(hashlib.sha256(content).hexdigest(), len(content))

    @classmethod
    def read(cls, reference: Mapping[str, Any]) -> Self | None:
        """That of a reference; None if it has none, as those of the official SDK."""
        sha256, size = reference.get("sha256"), reference.get("size")
        return cls(sha256, size) if isinstance(sha256, str) and isinstance(size, int) else None

    def members(self) -> dict[str, object]:
        return {"sha256": self.sha256, "size": self.size}

    def check(self, where: str, content: bytes) -> None:
        """Refuse what is not the text that was stored.

        Raises:
            SerDesError: it is another one, or a part of it.
        """
        if len(content) != self.size:
            raise SerDesError(f"{where} has {len(content)} bytes, and {self.size} were stored")
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise SerDesError(f"{where} is not what was stored: its SHA-256 is another one")


class Kept(NamedTuple):
    """What an envelope says: the text itself, or the reference to where it is."""

    text: str | None
    reference: Any = None


@dataclass(frozen=True, slots=True)
class StoreRules:
    """What is kept in a store, under which names, and what stands on record beside the reference.

    Attributes:
        mode: which values are kept there.
        encoding: how their names are made.
        generate_preview: makes what people see on record; None for nothing.
    """

    mode: OffloadMode
    encoding: PathEncoding
    generate_preview: Callable[[Any], dict[str, Any] | None] | None

    def inline(self, text: str) -> str | None:
        """The envelope of a text that is not kept elsewhere; None for one that is."""
        return _inline_envelope(text) if self.mode is OffloadMode.OVERFLOW else None

    def preview(self, value: object) -> dict[str, Any] | None:
        return None if self.generate_preview is None else self.generate_preview(value)

    def directory(self, arn: str) -> tuple[str, ...]:
        """The names of the directories that hold what an execution has stored."""
        if self.encoding is PathEncoding.HASH:
            return (_hashed(arn),)
        execution = DurableExecutionArn.from_arn(arn)
        parts = (arn,) if execution is None else astuple(execution)
        return tuple(map(_segment, parts))

    def stem(self, operation_id: str) -> str:
        """What the names of everything begin with that an operation has stored."""
        is_hash = self.encoding is PathEncoding.HASH
        return _hashed(operation_id) if is_hash else _segment(operation_id)


def _inline_envelope(text: str) -> str | None:
    """The envelope that holds a text itself; None if it is too large for the record."""
    if len(text) > INLINE_BYTES:
        return None
    envelope = _to_json({_INLINE: text})
    return envelope if utf8_size(envelope) <= INLINE_BYTES else None


def reference_envelope(members: Mapping[str, object], preview: Mapping[str, object] | None) -> str:
    """The envelope that refers to a store.

    Raises:
        SerDesError: with its preview it is itself too large for the record.
    """
    envelope = _to_json({**members, _PREVIEW: preview} if preview else {**members})
    if len(envelope) > INLINE_BYTES:
        raise SerDesError(
            f"the preview makes the reference to the value {len(envelope)} bytes long, and it may "
            f"have {INLINE_BYTES}: make it smaller (PreviewConfig(max_preview_bytes=...))"
        )
    return envelope


def read_envelope(data: str, key: str) -> Kept:
    """What an envelope says that refers to a store by this key.

    What is no such envelope is a text that was stored before there was a store.
    """
    try:
        envelope = json.loads(data) if data.startswith("{") else None
    except (ValueError, RecursionError):
        envelope = None
    if isinstance(envelope, dict):
        if key in envelope and envelope.keys() <= {key, _INLINE, _PREVIEW, "sha256", "size"}:
            return Kept(None, envelope)
        text = envelope.get(_INLINE)
        if isinstance(text, str) and len(envelope) == 1:
            return Kept(text)
    return Kept(data)


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _segment(text: str) -> str:
    # Dots are no special characters to `quote`, but to paths they are.
    return quote(text, safe="") if text.strip(".") else text.replace(".", "%2E")
