"""Installs requirements as Lambda would have them, whatever machine this is."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PythonVersion = Literal["3.11", "3.12", "3.13", "3.14"]
Architecture = Literal["x86_64", "arm64"]

# The C library of the system that a runtime is on: Amazon Linux 2, then Amazon Linux 2023.
_GLIBC_OF_AMAZON_LINUX_2, _GLIBC = 26, 34
# What wheels call a machine, the C library that the oldest of their names stands for, and the older
# names they have for some of these libraries.
_MACHINES: dict[Architecture, tuple[str, int, tuple[str, ...]]] = {
    "x86_64": ("x86_64", 5, ("manylinux2014", "manylinux2010", "manylinux1")),
    "arm64": ("aarch64", 17, ("manylinux2014",)),
}


class InstallationError(Exception):
    """The requirements cannot be installed for Lambda."""


@dataclass(frozen=True, slots=True)
class ManagedRuntime:
    """A managed runtime.

    Attributes:
        python: its version of Python.
        architecture: of its machine, as Lambda calls it.
    """

    python: PythonVersion
    architecture: Architecture

    @property
    def platforms(self) -> list[str]:
        """The platforms whose wheels run there, best first."""
        machine, oldest, older_names = _MACHINES[self.architecture]
        newest = _GLIBC_OF_AMAZON_LINUX_2 if self.python == "3.11" else _GLIBC
        exact = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, oldest - 1, -1)]
        return exact + [f"{name}_{machine}" for name in older_names]


def install(requirements: Path, runtime: ManagedRuntime, directory: Path) -> None:
    """Install a requirements file's packages, from wheels only, without bytecode.

    pip's own settings hold, of its files and of the environment.

    Parameters:
        requirements: the file.
        runtime: where the packages are to run. pip reads conditions of requirements, such as
            `python_version < "3.13"`, for the Python that this is.
        directory: where they are put.

    Raises:
        InstallationError: pip is missing or failed; it has said why on standard error.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--target", str(directory), "--no-compile", "--only-binary=:all:"]
    command += ["--implementation=cp", f"--python-version={runtime.python}"]
    command += [f"--platform={platform}" for platform in runtime.platforms]
    command += ["--requirement", str(requirements)]
    # What is wrong it says on standard error.
    ended = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    if ended.returncode != 0:
        raise InstallationError(
            f"pip could not install {requirements} for Python {runtime.python} on "
            f"{runtime.architecture}, see above. It takes wheels only: `pip wheel` makes one of a "
            "package that has none, and --find-links in the file says where it is"
        )
