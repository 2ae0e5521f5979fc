"""Leaves out of installed packages what no function needs.

Nothing that is imported by a name may go: data of AWS services goes because botocore looks it up by
the service's name, and directories called `tests` because packages do not import theirs.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from aws_durable_execution_sdk_python_testing._results.near_names import did_you_mean

# What the SDK calls, and where credentials may come from.
NEEDED_SERVICES = frozenset({"lambda", "sts"})

_SERVICE_DATA = ("botocore/data", "boto3/data")
# How and from where it was installed: useless here, and different on each machine.
_OF_INSTALLATION = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")


class UnknownServiceError(Exception):
    """botocore has no service of this name."""


def trim(packages: Path, services: Collection[str]) -> dict[str, int]:
    """Remove what is not needed; tells the bytes that went, by what they were.

    Parameters:
        packages: where they are installed.
        services: the AWS services to keep beside those the SDK needs, as `boto3.client` has them.

    Raises:
        UnknownServiceError: one is none that botocore has.
    """
    _check(packages, services)
    kept = NEEDED_SERVICES.union(services)
    removed: Counter[str] = Counter()
    for what, path in [*_unneeded(packages, kept)]:
        # A directory that has gone may have held it.
        if path.exists():
            removed[what] += size_of(path)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return dict(removed)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a directory."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in files if not file.is_dir())


def _unneeded(packages: Path, kept: Collection[str]) -> Iterator[tuple[str, Path]]:
    for data in _SERVICE_DATA:
        for path in (packages / data).glob("*/"):
            if path.is_dir() and path.name not in kept:
                yield "data of other AWS services", path
    yield "examples", packages / "boto3" / "examples"
    yield "commands", packages / "bin"
    for path in packages.rglob("tests"):
        if path.is_dir():
            yield "tests", path
    for pattern in ("__pycache__", "*.pyc"):
        for path in packages.rglob(pattern):
            yield "bytecode", path
    for name in _OF_INSTALLATION:
        for path in packages.glob(f"*.dist-info/{name}"):
            yield "notes of the installation", path


def _check(packages: Path, services: Collection[str]) -> None:
    known = {path.name for path in (packages / _SERVICE_DATA[0]).glob("*") if path.is_dir()}
    for service in services:
        if service not in known:
            hint = did_you_mean(service, known)
            raise UnknownServiceError(f"botocore has no service {service!r}{hint}")
