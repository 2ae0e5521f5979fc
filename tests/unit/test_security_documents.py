"""Every defence that the security documents claim points to tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFERENCE = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
DOCUMENTS = ["SECURITY.md", "docs/threat-model.md"]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_test_that_is_named_exists(document: str) -> None:
    references = REFERENCE.findall((ROOT / document).read_text(encoding="utf-8"))
    assert references
    for file, name in references:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        functions |= {n.name for n in ast.walk(tree) if isinstance(n, ast.AsyncFunctionDef)}
        assert not name or name in functions, f"{document} names {file}::{name}"


def test_every_defence_names_a_test() -> None:
    text = (ROOT / "docs/threat-model.md").read_text(encoding="utf-8")
    tables = re.findall(r"\| Threat \| Defence \| Tests \|\n\|[-|]+\|\n((?:\|.*\n)+)", text)
    assert len(tables) == text.count("| Threat |")
    for row in "".join(tables).splitlines():
        assert REFERENCE.search(row.split("|")[-2]), row
