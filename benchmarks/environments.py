"""The lanes' virtual environments, made by `setup`: each with one SDK, from where users get it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_DIRECTORY = Path(__file__).resolve().parent / ".venvs"

# By environment: what pip is asked for. The official SDK has our import name, hence the separation.
REQUIREMENTS = {
    "ours": ["--editable", str(ROOT)],
    "official": ["aws-durable-execution-sdk-python==3.0.0"],
    "fork": ["async-durable-execution==2.5.0"],
}
SHOWN = {
    "ours": ("aws-durable-execution-sdk-python", "aioboto3", "aiobotocore", "botocore", "aiohttp"),
    "official": ("aws-durable-execution-sdk-python", "boto3", "botocore"),
    "fork": ("async-durable-execution", "botocore"),
}

_VERSIONS = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    print(name, importlib.metadata.version(name))
"""


def interpreter(name: str, directory: Path = DEFAULT_DIRECTORY) -> Path:
    return directory / name / "bin" / "python"


def install(name: str, directory: Path = DEFAULT_DIRECTORY, python: str = sys.executable) -> None:
    """Make an environment anew.

    Raises:
        subprocess.CalledProcessError: venv or pip failed; they have said why.
    """
    shutil.rmtree(directory / name, ignore_errors=True)
    subprocess.run([python, "-m", "venv", str(directory / name)], check=True)
    pip = [str(interpreter(name, directory)), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", *REQUIREMENTS[name]], check=True)


def versions(name: str, directory: Path = DEFAULT_DIRECTORY) -> dict[str, str]:
    """What is installed that matters, by distribution. Empty if there is no such environment."""
    python = interpreter(name, directory)
    if not python.exists():
        return {}
    command = [str(python), "-c", _VERSIONS, *SHOWN[name]]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)
