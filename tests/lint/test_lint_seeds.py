"""The lint against the seed documents: all that they call right is clean, the wrong is found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from aws_durable_execution_sdk_python_testing.lint import lint_source

SEEDS = Path(__file__).resolve().parents[2].parent / "shared" / "seeds"

pytestmark = pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed documents are not here")

# What the documents import elsewhere, or leave out.
PRELUDE = "import time, uuid, requests\nfrom aws_durable_execution_sdk_python import *\n"

# The blocks that are called wrong and that show code a replay does not repeat.
FOUND = {
    "Don't share state between steps": {"DUR301"},
    "Modifying mutable objects between steps": {"DUR304"},
    "Using context inside its own operations": {"DUR201"},
}

# Those that the lint cannot see, or that replay alike.
REPLAYS = "replays alike: the advice is about "
UNSEEN = {
    "Keep functions focused": f"{REPLAYS}design, and the body is empty",
    "Use @durable_step for reusable functions": f"{REPLAYS}style",
    "Handle errors explicitly": f"{REPLAYS}which errors to retry",
    "Set realistic timeouts": f"{REPLAYS}how long to wait",
    "Use descriptive operation names": f"{REPLAYS}names for people",
    "Minimize checkpoint size": (
        "download_from_s3 is not in the block: what a function of another file does is not known"
    ),
    "Batch operations when possible": f"{REPLAYS}the number of checkpoints",
    "Use parallel operations for independent work": f"{REPLAYS}speed",
    "Use JSON-serializable types": "this SDK does serialise datetime and Decimal",
    "Forgetting to handle callback timeouts": f"{REPLAYS}a None that is not asked for",
    "Creating too many small steps": f"{REPLAYS}the number of checkpoints",
}

# Signatures, not code.
NOT_PYTHON = {("steps.md", "context.step()")}


@dataclass(frozen=True)
class Block:
    document: str
    heading: str
    label: str
    code: str

    @property
    def is_wrong(self) -> bool:
        return self.label in ("Avoid:", "Wrong:")

    def __str__(self) -> str:
        return f"{self.document}: {self.heading} {self.label}"


def blocks() -> list[Block]:
    """The Python blocks of the seeds, with the heading and the bold line that they are under."""
    found = []
    pattern = re.compile(
        r"^#+ (?:\W+ )?(?P<heading>[^\n]*)$"
        r"|^\*\*(?P<label>[^\n*]+?)\*\*$"
        r"|```python\n(?P<code>.*?)```",
        re.MULTILINE | re.DOTALL,
    )
    for document in sorted(SEEDS.glob("*.md")):
        heading = label = ""
        for match in pattern.finditer(document.read_text(encoding="utf-8")):
            if match["heading"] is not None:
                heading, label = match["heading"], ""
            elif match["label"] is not None:
                label = match["label"]
            else:
                found.append(Block(document.name, heading, label, match["code"]))
    return found


BLOCKS = blocks()
WRONG = [block for block in BLOCKS if block.is_wrong]
RIGHT = [
    block
    for block in BLOCKS
    if not block.is_wrong and (block.document, block.heading) not in NOT_PYTHON
]


@pytest.mark.parametrize("block", RIGHT, ids=str)
def test_nothing_is_found_in_what_is_not_called_wrong(block: Block) -> None:
    assert lint_source(PRELUDE + block.code, block.heading) == []


@pytest.mark.parametrize("block", WRONG, ids=str)
def test_what_is_called_wrong_is_found_where_it_can_be(block: Block) -> None:
    codes = {finding.code for finding in lint_source(PRELUDE + block.code)}
    assert codes == FOUND.get(block.heading, set())


def test_every_block_that_is_called_wrong_is_accounted_for() -> None:
    assert {block.heading for block in WRONG} == FOUND.keys() | UNSEEN.keys()
    assert len(WRONG) == len(FOUND) + len(UNSEEN)


def test_the_documents_are_read_whole() -> None:
    assert len(BLOCKS) == sum(
        document.read_text(encoding="utf-8").count("```python\n") for document in SEEDS.glob("*.md")
    )
