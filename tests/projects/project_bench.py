"""Runs commands in a project's directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aws_durable_execution_sdk_python_testing as testing

TEMPLATES = ("order", "approval", "etl", "agent")


class Commands:
    """The commands of this environment, which import what lies in `packages` first."""

    def __init__(self, packages: Path) -> None:
        bin = Path(sys.executable).parent
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        self._environment = {
            **inherited,
            "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(packages),
            "PYTHONDONTWRITEBYTECODE": "1",
            # Whatever else is installed here is no part of a new project.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_ADDOPTS": f"-p no:cacheprovider -p {testing.__name__}.pytest_plugin",
        }

    def run(
        self, command: str, directory: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a line of a shell."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=directory,
            env={**self._environment, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def succeed(
        self, command: str, directory: Path, environment: Mapping[str, str] | None = None
    ) -> str:
        """Run a line of a shell that has to succeed; what it prints."""
        ended = self.run(command, directory, environment)
        assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout

    @contextmanager
    def serving(self, arguments: str, directory: Path, command: str = "serve") -> Iterator[str]:
        """A `durable serve` at a free port, or a command like it; its address."""
        with subprocess.Popen(
            ["bash", "-c", f"exec durable {command} --port 0 {arguments}"],
            cwd=directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                yield process.stdout.readline().rpartition(" ")[2].strip()
            finally:
                process.terminate()
