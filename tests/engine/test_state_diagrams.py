"""The pictures of docs/architecture.md say what the engine's tables say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_pictures_are_drawn_from_the_tables_as_they_are() -> None:
    command = [sys.executable, str(ROOT / "tools" / "diagrams.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_picture_is_shown() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = {path.name for path in (ROOT / "docs" / "images").glob("states-*.svg")}
    assert drawn
    assert {name for name in drawn if f"(images/{name})" in text} == drawn
