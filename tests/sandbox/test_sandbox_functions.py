"""How functions are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_durable_execution_sdk_python_testing._sandbox import SandboxFunction


def test_a_files_directory_becomes_the_task_root(tmp_path: Path) -> None:
    (tmp_path / "orders.py").touch()
    function = SandboxFunction.parse(f"{tmp_path}/orders.py:handle")
    assert (function.handler, function.task_root) == ("orders.handle", tmp_path)


def test_a_module_is_imported_from_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    function = SandboxFunction.parse("shop.orders:handle")
    assert (function.handler, function.task_root) == ("shop.orders.handle", tmp_path)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("orders.py", "expected FILE:HANDLER"),
        ("orders.py:", "expected FILE:HANDLER"),
        ("orders.py:handle()", "expected FILE:HANDLER"),
        ("gone.py:handle", "no such file"),
        ("my.orders.py:handle", "dot in its name"),
        ("shop/orders:handle", "neither a Python file nor the name of a module"),
    ],
)
def test_other_targets_are_refused(
    target: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.orders.py").touch()
    with pytest.raises(ValueError, match=reason):
        SandboxFunction.parse(target)
