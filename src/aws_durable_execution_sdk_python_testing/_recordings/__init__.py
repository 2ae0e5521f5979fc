"""Recorded histories, and today's code run against them.

A recording is the history of an execution in a file. `replay` runs a handler against it as the
service would resume it: what is recorded is given back, nothing new is done, no step runs. Where
the code asks for something else than what is recorded, executions that are under way with the old
code would fail; the report says where and why.

Example:
    ```python
    from aws_durable_execution_sdk_python_testing import assert_replays

    from app import handler


    def test_orders_under_way_survive_this_change():
        assert_replays(handler, "tests/recordings/order-1.json")
    ```
"""

from aws_durable_execution_sdk_python_testing._recordings.playback import assert_replays, replay
from aws_durable_execution_sdk_python_testing._recordings.recording import (
    Recording,
    RecordingError,
    find_recordings,
)
from aws_durable_execution_sdk_python_testing._recordings.replay_report import (
    Divergence,
    ReplayDivergedError,
    ReplayReport,
)

__all__ = [
    "Divergence",
    "Recording",
    "RecordingError",
    "ReplayDivergedError",
    "ReplayReport",
    "assert_replays",
    "find_recordings",
    "replay",
]
