"""Makes what is deployed: a function's code and the packages it needs, in a zip.

The same content gives the same bytes: entries are sorted, and have one time and two modes.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from aws_durable_execution_sdk_python_testing._projects.lambda_wheels import ManagedRuntime, install
from aws_durable_execution_sdk_python_testing._projects.trimming import size_of, trim

# What Lambda takes of a function and its layers together, unzipped.
LARGEST_BYTES = 250 * 1024 * 1024
SDK = "aws_durable_execution_sdk_python"

_LAYER_ROOM = "python"
# The earliest that a zip can have.
_TIME = (1980, 1, 1, 0, 0, 0)
_PLAIN, _EXECUTABLE = 0o100644, 0o100755


class BundleError(Exception):
    """There is nothing to bundle, or nowhere to put it, or it is too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What was made.

    Attributes:
        path: the zip, or the directory.
        installed: bytes of the code and the packages as pip installs them.
        unzipped: bytes of what is left of them.
        size: bytes of the zip; of a directory those in it.
        removed: bytes that were left out, by what they are.
        has_sdk: whether the execution SDK is in it.
    """

    path: Path
    installed: int
    unzipped: int
    size: int
    removed: Mapping[str, int]
    has_sdk: bool


def bundle(
    source: Path | None,
    requirements: Path,
    output: Path,
    runtime: ManagedRuntime,
    *,
    services: Collection[str] = (),
) -> Bundle:
    """Bundle a function's code with its packages, or its packages alone as a layer.

    Parameters:
        source: the directory of the code; None makes a layer.
        requirements: what to install.
        output: a zip if it ends like that, replaced if it is there; else a directory, which has to
            be empty or new.
        runtime: where it is to run.
        services: AWS services whose data is kept beside what the SDK needs.

    Raises:
        BundleError: see there.
        InstallationError: the packages cannot be installed.
        UnknownServiceError: there is no such service.
        OSError: a file cannot be read or written.
    """
    _check(source, requirements, output)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        packages = root / _LAYER_ROOM if source is None else root
        install(requirements, runtime, packages)
        if source is not None:
            shutil.copytree(source, root, ignore=_hidden, dirs_exist_ok=True)
        installed = size_of(root)
        removed = trim(packages, services)
        unzipped = size_of(root)
        if unzipped > LARGEST_BYTES:
            raise BundleError(
                f"the bundle has {unzipped:,} bytes and Lambda takes {LARGEST_BYTES:,}: leave "
                "packages out, or deploy a container image"
            )
        _write(root, output)
        return Bundle(
            path=output,
            installed=installed,
            unzipped=unzipped,
            size=size_of(output),
            removed=removed,
            has_sdk=(packages / SDK).is_dir(),
        )


def _check(source: Path | None, requirements: Path, output: Path) -> None:
    if source is not None and not source.is_dir():
        raise BundleError(f"{source} is no directory: say where the function's code is")
    if not requirements.is_file():
        raise BundleError(f"there is no {requirements}: name the requirements file with -r")
    if not _is_zip(output) and output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise BundleError(f"{output} is not empty: remove it, or name a .zip file")


def _is_zip(output: Path) -> bool:
    return output.suffix == ".zip"


def _hidden(_: str, names: list[str]) -> list[str]:
    """What is not code: `.env`, `.git` and their like."""
    return [name for name in names if name.startswith(".")]


def _write(root: Path, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    if not _is_zip(output):
        shutil.copytree(root, output, dirs_exist_ok=True)
        return
    # A zip that is there is replaced once the new one is whole.
    unfinished = output.with_name(f"{output.name}.part")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), _TIME)
            entry.create_system = 3  # Unix, whatever system this is: its modes are read
            mode = _EXECUTABLE if file.stat().st_mode & 0o100 else _PLAIN
            entry.external_attr = mode << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    unfinished.replace(output)
