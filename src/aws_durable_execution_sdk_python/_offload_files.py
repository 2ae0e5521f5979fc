"""Files of values below one directory, usually on a mounted file system that functions share.

Rules:

- A file is written whole under another name, and gets its own once its content is on disk. No file
  that is there is ever written to or replaced by another content.
- The name is that of the official SDK if it is free. If it is taken by another content, of another
  attempt say, or the file system has no hard links, it is a name that has the digest in it.
- What is read lies below the directory, whatever links there are, and is a plain file.
- An error of the file system is permanent if trying again would end the same (no space, no access);
  any other may pass, and so may it that the directory is not there at all.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Sequence

from aws_durable_execution_sdk_python._core.offload_envelope import Fingerprint
from aws_durable_execution_sdk_python.exceptions import RetryableSerDesError, SerDesError

_PERMANENT = {
    code
    for name in (
        *("EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "EFBIG"),
        *("ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENAMETOOLONG"),
    )
    if (code := getattr(errno, name, None)) is not None
}
# Not there on Windows.
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_BINARY: int = getattr(os, "O_BINARY", 0)
_SUFFIX = ".json"
_DIGITS_IN_NAME = 32


class FilesBelow:
    """The files below a directory.

    Parameters:
        base: the directory; a link to one is followed.
    """

    def __init__(self, base: str) -> None:
        self._base = base

    def write(self, directories: Sequence[str], stem: str, content: bytes) -> str:
        """Store a content for good; gives the path of its file.

        Raises:
            SerDesError: it cannot be, for a reason that stays.
            RetryableSerDesError: for one that may pass.
        """
        try:
            return self._write(directories, stem, content)
        except OSError as error:
            raise self._failure("written", error) from error

    def read(self, path: str, fingerprint: Fingerprint | None) -> bytes:
        """The content of a file, if it is the one that was stored.

        Raises:
            SerDesError: it cannot be read, for a reason that stays.
            RetryableSerDesError: for one that may pass.
        """
        try:
            content = self._read(path)
        except OSError as error:
            raise self._failure("read", error) from error
        if fingerprint is not None:
            fingerprint.check(f"the file {path}", content)
        return content

    # -- writing ------------------------------------------------------------------------------

    def _write(self, directories: Sequence[str], stem: str, content: bytes) -> str:
        directory = self._make(directories)
        path = os.path.join(directory, stem + _SUFFIX)
        if self._holds(path, content):
            return path
        temporary = os.path.join(directory, f".{secrets.token_hex(16)}.tmp")
        try:
            _create(temporary, content)
            if not _link(temporary, path):
                digest = Fingerprint.of(content).sha256[:_DIGITS_IN_NAME]
                path = os.path.join(directory, f"{stem}.{digest}{_SUFFIX}")
                os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        _sync_directory(directory)
        return path

    def _make(self, directories: Sequence[str]) -> str:
        path = self._base
        if not os.path.isdir(path):
            try:
                os.makedirs(path, exist_ok=True)
            except OSError as error:
                raise self._not_mounted() from error
        for name in directories:
            outer, path = path, os.path.join(path, name)
            with contextlib.suppress(FileExistsError):
                os.mkdir(path)
                _sync_directory(outer)
        self._check_below(path)
        return path

    def _holds(self, path: str, content: bytes) -> bool:
        try:
            return os.path.getsize(path) == len(content) and self._read(path) == content
        except OSError:
            return False

    # -- reading ------------------------------------------------------------------------------

    def _read(self, path: str) -> bytes:
        descriptor = os.open(self._check_below(path), os.O_RDONLY | _NO_FOLLOW | _BINARY)
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise SerDesError(f"{path} is no plain file")
            return file.read()

    def _check_below(self, path: str) -> str:
        """The path with all links resolved.

        Raises:
            SerDesError: that does not lie below the directory.
        """
        base, real = os.path.realpath(self._base), os.path.realpath(path)
        if not real.startswith(os.path.join(base, "")):
            if not os.path.isdir(self._base):
                raise self._not_mounted()
            raise SerDesError(f"{path} is not below {self._base}, and is left alone")
        return real

    # -- failures -----------------------------------------------------------------------------

    def _failure(self, what: str, error: OSError) -> Exception:
        if not os.path.isdir(self._base):
            return self._not_mounted()
        text = f"a value could not be {what}: {error.strerror or type(error).__name__}"
        text = f"{text} ({error.filename or self._base})"
        return SerDesError(text) if error.errno in _PERMANENT else RetryableSerDesError(text)

    def _not_mounted(self) -> RetryableSerDesError:
        return RetryableSerDesError(
            f"the directory {self._base} is not there and cannot be made: is the file system "
            "mounted?"
        )


def _create(path: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY
    with open(os.open(path, flags, 0o666), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _link(temporary: str, path: str) -> bool:
    """Give a file its name; False if that is taken, or there are no hard links here."""
    try:
        os.link(temporary, path)
    except (OSError, NotImplementedError):
        return False
    return True


def _sync_directory(path: str) -> None:
    """Have the names in a directory survive a crash, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
