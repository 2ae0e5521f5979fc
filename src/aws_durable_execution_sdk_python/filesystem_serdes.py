"""Large values in a file system that all invocations share: S3 Files or EFS, never /tmp.

The names, options and the envelope are the official SDK's, and executions begun with it replay.

Example:
    >>> serdes = FileSystemSerDes("/mnt/shared/durable")
    >>> context.step(load_catalogue(), config=StepConfig(serdes=serdes))
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from aws_durable_execution_sdk_python._core.offload_envelope import (
    Fingerprint,
    OffloadMode,
    PathEncoding,
    StoreRules,
    read_envelope,
    reference_envelope,
)
from aws_durable_execution_sdk_python._offload_files import FilesBelow
from aws_durable_execution_sdk_python.exceptions import SerDesError
from aws_durable_execution_sdk_python.offload import GeneratePreview, OffloadingSerDes
from aws_durable_execution_sdk_python.serdes import (
    EXTENDED_TYPES_SERDES,
    SerDes,
    SerDesContext,
    check_serdes,
)

__all__ = [
    "FileSystemPathEncoding",
    "FileSystemSerDes",
    "FileSystemSerDesConfig",
    "FileSystemSerDesMode",
    "GeneratePreview",
]

FileSystemSerDesMode = OffloadMode
"""`OffloadMode` by the official SDK's name."""

FileSystemPathEncoding = PathEncoding
"""`PathEncoding` by the official SDK's name."""

_FILE = "file"


@dataclass(frozen=True)
class FileSystemSerDesConfig:
    """Configuration of a `FileSystemSerDes`.

    Parameters:
        storage_mode: ALWAYS writes a file for each value, OVERFLOW for one of more than 255 KiB.
        path_encoding: URI names files `function/execution/invocation/operation.json`, HASH by
            SHA-256.
        generate_preview: makes of a value what is recorded beside the path; see `preview`.
        serdes: writes and reads the value itself.

    Raises:
        ValidationError: `serdes` is none.
    """

    storage_mode: FileSystemSerDesMode = FileSystemSerDesMode.ALWAYS
    path_encoding: FileSystemPathEncoding = FileSystemPathEncoding.URI
    generate_preview: GeneratePreview | None = None
    serdes: SerDes[Any] = EXTENDED_TYPES_SERDES

    def __post_init__(self) -> None:
        check_serdes(self.serdes)


_DEFAULT = FileSystemSerDesConfig()


class FileSystemSerDes(OffloadingSerDes[Any]):
    """Keeps values in files and records their paths.

    A file is written whole or not at all, never changed, and read only if it lies below
    `base_path` and is what was stored. Nobody deletes them: `execution_directory` tells what a
    clean-up may, once the execution is no longer kept. Async code has files read and written in a
    worker thread.

    Parameters:
        base_path: a directory of the shared file system. It is made if it is not there.
        config: see `FileSystemSerDesConfig`.

    Raises:
        SerDesError: from its methods, for what stays: no space, no access, a file that is gone or
            was changed.
        RetryableSerDesError: for what may pass, a file system that is not mounted say: the
            invocation is tried again.
    """

    blocking = True

    def __init__(
        self, base_path: str | os.PathLike[str], config: FileSystemSerDesConfig | None = None
    ) -> None:
        self._base = os.fspath(base_path)
        config = config or _DEFAULT
        self._rules = StoreRules(config.storage_mode, config.path_encoding, config.generate_preview)
        self._files = FilesBelow(self._base)
        self.inner = config.serdes

    def offload(self, text: str, value: object, serdes_context: SerDesContext) -> str:
        envelope = self._rules.inline(text)
        if envelope is not None:
            return envelope
        content = text.encode(errors="surrogatepass")
        preview = self._rules.preview(value)
        directory = self._rules.directory(serdes_context.durable_execution_arn)
        stem = self._rules.stem(serdes_context.operation_id)
        path = self._files.write(directory, stem, content)
        return reference_envelope({_FILE: path, **Fingerprint.of(content).members()}, preview)

    def fetch(self, data: str, serdes_context: SerDesContext) -> str:
        kept = read_envelope(data, _FILE)
        if kept.text is not None:
            return kept.text
        path = kept.reference[_FILE]
        if not isinstance(path, str):
            raise SerDesError("the stored path is no text")
        content = self._files.read(path, Fingerprint.read(kept.reference))
        return content.decode(errors="surrogatepass")

    def execution_directory(self, durable_execution_arn: str) -> str:
        """The directory with everything that an execution has stored."""
        return os.path.join(self._base, *self._rules.directory(durable_execution_arn))
