"""The hooks that docs/upgrading.md shows are those of the repository."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")


def test_the_hooks_are_those_of_the_repository() -> None:
    (block,) = re.findall(r"^```yaml\n(repos:.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    shown = {hook["id"] for hook in yaml.safe_load(block)["repos"][0]["hooks"]}
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert shown == {hook["id"] for hook in hooks}
