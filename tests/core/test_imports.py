"""Imports go one way, and naming the package loads nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import aws_durable_execution_sdk_python

ROOT = Path(aws_durable_execution_sdk_python.__file__).parent
PACKAGE = ROOT.name

# Layer -> what it may import of this package besides itself and the leaf modules.
ALLOWED = {
    "_core": set(),
    "_service": {"_core"},
    "_kernel": {"_core", "_service"},
    "_operations": {"_core", "_kernel"},
    "_lambda": {"_core", "_kernel", "_service"},
}
LEAVES = {"exceptions", "config", "_config_legacy", "retries", "waits", "serdes", "logger", "types"}
# The journal and the codec know the errors they raise, and nothing else above them.
CORE_LEAVES = {"exceptions"}


def imported(path: Path) -> set[str]:
    """The parts of this package that a module imports when it is imported itself."""
    found = set()
    tree = ast.parse(path.read_text())
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in guarded:
            parts = node.module.split(".")
            if parts[0] == PACKAGE:
                found |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
            assert parts[0] != PACKAGE + "_testing", path
    return found


def test_layers_import_downwards_only() -> None:
    for layer, below in ALLOWED.items():
        leaves = CORE_LEAVES if layer == "_core" else LEAVES
        for path in (ROOT / layer).rglob("*.py"):
            extra = imported(path) - below - leaves - {layer}
            assert not extra, f"{path.relative_to(ROOT)} imports {extra}"


def test_importing_the_package_loads_no_aws_library() -> None:
    heavy = ["boto3", "botocore", "aioboto3", "aiobotocore", "aiohttp"]
    code = f"import sys, {PACKAGE}; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
