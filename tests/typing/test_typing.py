"""What type checkers make of the public API: see `samples`, and the examples.

A line that ends in `# error` must be an error for mypy and for pyright, and no other may be.
"""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SAMPLES = sorted((HERE / "samples").glob("*.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

EXECUTION = "aws_durable_execution_sdk_python"
TESTING = "aws_durable_execution_sdk_python_testing"
PUBLIC_MODULES = [
    EXECUTION,
    *(
        f"{EXECUTION}.{name}"
        for name in (
            "concurrency.models",
            "config",
            "context",
            "exceptions",
            "execution",
            "filesystem_serdes",
            "lambda_service",
            "logger",
            "offload",
            "integrations.emf",
            "integrations.otel",
            "plugin",
            "plugin_discovery",
            "preview",
            "retries",
            "s3_serdes",
            "serdes",
            "serdes_pipeline",
            "types",
            "waits",
        )
    ),
    TESTING,
]

Line = tuple[str, int]


def run_mypy(*files: Path, cache: Path) -> dict[Line, str]:
    """The errors mypy finds in these files, by name and line."""
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(cache)]
    finished = subprocess.run(
        [*command, *map(str, files)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode in (0, 1), finished.stdout + finished.stderr
    errors = re.findall(r"^(.*?):(\d+): error: (.*)$", finished.stdout, re.MULTILINE)
    return {(Path(file).name, int(line)): message for file, line, message in errors}


def run_pyright(project: Path) -> dict[Line, str]:
    """The errors and warnings pyright finds in a project, by file name and line."""
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "--outputjson"]
    finished = subprocess.run(
        [*command, "--project", str(project)], capture_output=True, text=True, check=False
    )
    assert finished.returncode in (0, 1), finished.stdout + finished.stderr
    return {
        (Path(found["file"]).name, found["range"]["start"]["line"] + 1): found["message"]
        for found in json.loads(finished.stdout)["generalDiagnostics"]
    }


def marked_lines() -> set[Line]:
    return {
        (sample.name, number)
        for sample in SAMPLES
        for number, line in enumerate(sample.read_text().splitlines(), 1)
        if line.endswith("# error")
    }


def mistakes(found: dict[Line, str]) -> dict[Line, str]:
    """Where a checker and the marks differ, and what the checker says there."""
    return {line: found.get(line, "no error") for line in marked_lines() ^ found.keys()}


@pytest.fixture(scope="module")
def cache(request: pytest.FixtureRequest) -> Path:
    directory: Path = request.config.cache.mkdir("mypy")
    return directory


def test_mypy_infers_results_and_finds_mistakes(cache: Path) -> None:
    assert mistakes(run_mypy(*SAMPLES, cache=cache)) == {}


def test_mypy_accepts_the_examples(cache: Path) -> None:
    assert run_mypy(*EXAMPLES, cache=cache) == {}


def test_pyright_infers_results_finds_mistakes_and_accepts_the_examples() -> None:
    assert mistakes(run_pyright(HERE)) == {}


def public_names(module: ModuleType) -> list[str]:
    """What `__all__` names, else what the module defines without an underscore."""
    declared: list[str] | None = getattr(module, "__all__", None)
    return declared or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


def test_checkers_see_every_public_name(tmp_path: Path, cache: Path) -> None:
    lines = []
    for module_name in PUBLIC_MODULES:
        names = public_names(importlib.import_module(module_name))
        assert names
        lines += [f"from {module_name} import {name} as {name}" for name in names]
    program = tmp_path / "every_name.py"
    # In functions of their own: a name may be defined in several modules.
    program.write_text("".join(f"def f{i}() -> None:\n    {x}\n" for i, x in enumerate(lines)))
    (tmp_path / "pyrightconfig.json").write_text(
        json.dumps({"typeCheckingMode": "strict", "reportUnusedImport": False})
    )
    assert run_mypy(program, cache=cache) == {}
    assert run_pyright(tmp_path) == {}
