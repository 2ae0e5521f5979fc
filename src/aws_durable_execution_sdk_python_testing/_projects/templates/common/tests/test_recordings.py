"""Executions on record replay with today's code: what is under way can go on with it.

`durable record EXECUTION -o tests/recordings/NAME.json` adds one, from here or, with --aws, from
Lambda. Remove one when no execution that began as it did is running any more.
"""

from pathlib import Path

import pytest
from app import handler

from aws_durable_execution_sdk_python_testing import assert_replays

RECORDINGS = sorted((Path(__file__).parent / "recordings").glob("*.json"))


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_it_replays(recording: Path) -> None:
    assert_replays(handler, recording)
