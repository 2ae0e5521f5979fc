"""Responses of a durable function, as tests expect them."""

from __future__ import annotations

import json
from typing import Any

PENDING = {"Status": "PENDING"}


def succeeded(value: Any) -> dict[str, Any]:
    return {"Status": "SUCCEEDED", "Result": json.dumps(value)}


def untraced(error: dict[str, Any]) -> dict[str, Any]:
    """A stored error without its trace, which it has."""
    trace = error["StackTrace"]
    assert trace
    assert all(isinstance(line, str) and line.endswith("\n") for line in trace)
    return {key: value for key, value in error.items() if key != "StackTrace"}


def failure(answer: dict[str, Any]) -> tuple[str | None, str | None]:
    """Type and message of a FAILED answer."""
    assert answer["Status"] == "FAILED", answer
    assert "Result" not in answer
    return answer["Error"].get("ErrorType"), answer["Error"].get("ErrorMessage")
