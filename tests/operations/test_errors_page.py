"""What docs/advanced/error-handling.md says of bounds is so."""

from __future__ import annotations

from pathlib import Path

from aws_durable_execution_sdk_python._core import error_details, stack_traces

PAGE = Path(__file__).parents[2] / "docs" / "advanced" / "error-handling.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_bounds_are_those_of_the_code() -> None:
    assert f"up to {error_details.MAX_STATE_BYTES // 1024} KiB an error" in TEXT
    assert f"to a depth of {error_details.MAX_CHAIN}" in TEXT
    assert f"the first {error_details.MAX_GROUP}:" in TEXT
    assert f"at most {stack_traces.MAX_FRAMES};" in TEXT
