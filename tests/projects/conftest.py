"""New projects and their bundles, made with what the built wheels hold."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from project_bench import Commands

ROOT = Path(__file__).parents[2]
TESTING = ROOT / "src" / "aws_durable_execution_sdk_python_testing"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the wheels of both distributions."""
    directory = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    # As the packages' own backend builds them, which is installed: nothing is fetched.
    command += ["--no-build-isolation", "--wheel-dir", str(directory), str(ROOT), str(TESTING)]
    subprocess.run(command, check=True)
    return directory


@pytest.fixture(scope="session")
def commands(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """The commands of this environment, with the code of the wheels in place of the checkout's."""
    installed = tmp_path_factory.mktemp("installed")
    for wheel in wheels.iterdir():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(installed)
    return Commands(installed)
