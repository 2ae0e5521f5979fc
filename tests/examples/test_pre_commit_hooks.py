"""The hooks run as pre-commit runs them: the entry, then `args`, then the files."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python_testing import DurableFunctionTestRunner, Recording

ROOT = Path(__file__).parents[2]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
IMPORTS = "from aws_durable_execution_sdk_python import DurableContext, durable_execution\n"
HANDLER = """
@durable_execution
def handler(event, context: DurableContext):
    return context.step(lambda: 1, name="{name}")
"""


def hook(
    name: str, directory: Path, *files: str, args: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a hook where a project is."""
    told: dict[str, Any] = HOOKS[name]
    command, *rest = shlex.split(told["entry"])
    given = files if told.get("pass_filenames", True) else ()
    # The script of this environment, as pre-commit has it first on its path.
    script = Path(sys.executable).with_name(command)
    return subprocess.run(
        [str(script), *rest, *args, *given], cwd=directory, capture_output=True, text=True
    )


def test_the_lint_reads_the_files_that_are_committed(tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(IMPORTS + HANDLER.format(name="one"))
    (tmp_path / "other.py").write_text("x = 1\n")
    (tmp_path / "bad.py").write_text(
        IMPORTS + "import time" + HANDLER.format(name="one") + "    return time.time()\n"
    )
    (tmp_path / "broken.py").write_text("def\n")
    assert hook("durable-lint", tmp_path, "good.py", "other.py").returncode == 0
    found = hook("durable-lint", tmp_path, "good.py", "bad.py")
    assert found.returncode == 1
    assert "bad.py" in found.stdout
    assert hook("durable-lint", tmp_path, "good.py", "broken.py").returncode == 2


def test_the_replay_runs_all_recordings_whatever_is_committed(tmp_path: Path) -> None:
    @durable_execution
    def recorded(event: Any, context: DurableContext) -> int:
        return context.step(lambda: 1, name="one")

    with DurableFunctionTestRunner(recorded) as runner:
        recording = Recording(runner.run().events)
    (tmp_path / "recordings").mkdir()
    recording.save(tmp_path / "recordings" / "order-1.json")
    args = ("recordings", "--handler", "app.py:handler")

    (tmp_path / "app.py").write_text(IMPORTS + HANDLER.format(name="one"))
    assert hook("durable-replay", tmp_path, "app.py", args=args).returncode == 0
    (tmp_path / "app.py").write_text(IMPORTS + HANDLER.format(name="two"))
    diverges = hook("durable-replay", tmp_path, "app.py", args=args)
    assert diverges.returncode == 1
    assert "order-1.json" in diverges.stdout


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_has_all_that_pre_commit_asks_for(name: str) -> None:
    told = HOOKS[name]
    assert {"id", "name", "entry", "language"} <= told.keys()
    for place in told.get("additional_dependencies", ()):
        assert (ROOT / place / "pyproject.toml").is_file()
