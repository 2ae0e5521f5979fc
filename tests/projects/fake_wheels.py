"""Wheels for tests: a file or two, of any name and platform."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path


def make_wheel(
    directory: Path, name: str, tag: str = "py3-none-any", files: Mapping[str, str] | None = None
) -> None:
    """Write a wheel of version 1.0; without files, of a module that tells its tag."""
    contents = {f"{name}.py": f"TAG = {tag!r}\n"} if files is None else dict(files)
    about = f"{name}-1.0.dist-info"
    contents[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
    contents[f"{about}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n"
    )
    contents[f"{about}/RECORD"] = "".join(f"{file},,\n" for file in [*contents, f"{about}/RECORD"])
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(directory / f"{name}-1.0-{tag}.whl", "w") as wheel:
        for file, text in contents.items():
            wheel.writestr(file, text)
