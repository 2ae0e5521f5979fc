"""What all tests share: which of them a run leaves out, how many random programs it tries, and what
is made once for all.

Of random programs (tests/model, tests/replay_model), by profiles of Hypothesis: without
`--hypothesis-profile` a few, the same each time. "thorough" runs twenty times as many, as
continuous integration does. "nightly" runs as many as a night allows, others each night.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import settings

# What starts one process after the other, waits in real time, or does a thing a thousand times:
# half of the time that all tests take. A run that names no path leaves these out, and `--slow` runs
# nothing else; continuous integration does both.
_SLOW = (
    "conformance",
    "faults",
    "lint/test_lint_corpus.py",
    "operations/test_deep_nesting.py",
    "projects",
    "runtime/test_many_branches.py",
    "sandbox",
    "server/test_serve_command.py",
    "testing/test_check_deploy.py",
    "testing/test_deep_results.py",
    "testing/test_durable_run.py",
    "testing/test_terminal.py",
    "typing",
    "ui",
)
_HERE = Path(__file__).parent
_BOTOCORE = os.path.dirname(botocore.__file__) + os.sep

# Every run tries the same examples; what a night finds besides is its business.
settings.register_profile("fixed", derandomize=True, print_blob=True)
settings.load_profile("fixed")
settings.register_profile("thorough", derandomize=True, print_blob=True)
settings.register_profile("nightly", print_blob=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--slow", action="store_true", help="run only what a run that names no path leaves out"
    )


def pytest_report_header(config: pytest.Config) -> str:
    if _names_paths(config):
        return "tests: all below the paths given"
    return "tests: the slow ones" if config.getoption("--slow") else "tests: all but the slow ones"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Whether nothing of a file is run. Importing it takes time as well."""
    if _names_paths(config) or collection_path.suffix != ".py":
        return None
    is_slow = any(collection_path.is_relative_to(_HERE / path) for path in _SLOW)
    return None if is_slow is config.getoption("--slow") else True


def _names_paths(config: pytest.Config) -> bool:
    return config.args_source is not pytest.Config.ArgsSource.TESTPATHS


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Every botocore session reads and parses the same megabytes again: here the process does once.

    Only below botocore's own directory; what tests write there is none of it.
    """
    read = JSONFileLoader.load_file
    known: dict[str, Any] = {}

    def load_file(self: JSONFileLoader, file_path: str) -> Any:
        if not file_path.startswith(_BOTOCORE):
            return read(self, file_path)
        if file_path not in known:
            known[file_path] = read(self, file_path)
        return known[file_path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield


@pytest.fixture(scope="session")
def s3_port() -> Iterator[int]:
    """Where a real S3 listens, in a process of its own: moto changes every botocore around it."""
    command = [sys.executable, str(_HERE / "s3_process.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.stdin.close()
