"""Compares recorded histories with expected ones, and says where they differ.

An expected value is one of

- `'*'`: anything that is there;
- a mapping: each of its keys must match, the recorded one may have more, so `{}` is any mapping;
- `${/pattern/}`: anything that the regular expression finds;
- `${NAME}`: the first value met takes the name, from then on it must be the same; no two names
  may stand for the same value;
- anything else: itself.

What is not there never matches. Two keys mean something by their absence: an event without a
`ParentId` belongs to no context, and `RetryDetails` that give the attempt without a next delay
are those of the last attempt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]

_CAPTURE = re.compile(r"\$\{(\w+)\}")
_PATTERN = re.compile(r"\$\{/(.*)/\}")


class Matcher:
    """Matches values of one history: it remembers what the names stand for."""

    def __init__(self) -> None:
        self._captured: dict[str, Any] = {}

    def differences(self, expected: Any, recorded: Any, path: str) -> Iterator[str]:
        """What is wrong with `recorded`, one line per difference; `path` says where it is."""
        if recorded is None and expected is not None:
            yield f"{path}: {expected!r} is missing"
        elif isinstance(expected, Mapping):
            yield from self._in_mapping(expected, recorded, path)
        elif not self._matches(expected, recorded):
            yield f"{path}: expected {self._shown(expected)}, recorded {recorded!r}"

    def _in_mapping(self, expected: Mapping[str, Any], recorded: Any, path: str) -> Iterator[str]:
        if not isinstance(recorded, Mapping):
            yield f"{path}: expected a mapping, recorded {recorded!r}"
            return
        for key, value in expected.items():
            yield from self.differences(value, recorded.get(key), f"{path}.{key}")
        last_attempt = "CurrentAttempt" in expected and "NextAttemptDelaySeconds" not in expected
        if last_attempt and recorded.get("NextAttemptDelaySeconds") is not None:
            yield f"{path}: another attempt follows, none was expected"

    def _matches(self, expected: Any, recorded: Any) -> bool:
        if not isinstance(expected, str):
            return bool(expected == recorded)
        if pattern := _PATTERN.fullmatch(expected):
            return re.search(pattern[1], str(recorded)) is not None
        if capture := _CAPTURE.fullmatch(expected):
            return self._capture(capture[1], recorded)
        return expected in ("*", recorded)

    def _capture(self, name: str, recorded: Any) -> bool:
        if name not in self._captured and recorded not in self._captured.values():
            self._captured[name] = recorded
        return bool(self._captured.get(name) == recorded)

    def _shown(self, expected: Any) -> str:
        capture = _CAPTURE.fullmatch(str(expected))
        if capture and capture[1] in self._captured:
            return f"{expected} = {self._captured[capture[1]]!r}"
        return repr(expected)


def history_differences(
    expected: Sequence[Event], recorded: Sequence[Event], *, running: bool = False
) -> list[str]:
    """What is wrong with a recorded history; empty if nothing is.

    Events that are not listed may only be the start of the execution, completed invocations
    between the listed ones, and after them the last completed invocation and the end of the
    execution.

    Parameters:
        expected: the events that matter, in order; each names its `EventId`.
        recorded: all events.
        running: the execution was looked at right after the last listed event.
    """
    matcher = Matcher()
    by_id = {event["EventId"]: event for event in recorded}
    problems = [] if list(by_id) == list(range(1, len(recorded) + 1)) else ["ids have gaps"]
    for event in expected:
        event_id = event["EventId"]
        path = f"event {event_id} ({event['EventType']})"
        listed = by_id.pop(event_id, None)
        problems += matcher.differences(event, listed, path)
        if listed is not None and "ParentId" in listed and "ParentId" not in event:
            problems.append(f"{path}: belongs to a context, expected at the top level")
    last = expected[-1]["EventId"]
    before = [event["EventType"] for event_id, event in by_id.items() if event_id < last]
    after = [event["EventType"] for event_id, event in by_id.items() if event_id > last]
    if before[:1] != ["ExecutionStarted"] or set(before[1:]) - {"InvocationCompleted"}:
        problems.append(f"events that are not listed: {before}")
    if not _is_end(after, expected[-1]["EventType"], running=running):
        problems.append(f"events after the last one that is listed: {after}")
    return problems


def _is_end(after: Sequence[str], last: str, *, running: bool) -> bool:
    """Whether these events may follow the last one that is listed."""
    if running or last.startswith("Execution"):
        return not after
    if last != "InvocationCompleted":
        if after[:1] != ["InvocationCompleted"]:
            return False
        after = after[1:]
    return len(after) == 1 and re.fullmatch("Execution(Succeeded|Failed)", after[0]) is not None


def default_retry_differences(
    parameters: Mapping[str, Any], recorded: Sequence[Event]
) -> list[str]:
    """Which recorded retry delays do not follow from exponential backing off with full jitter.

    Parameters:
        parameters: MaxAttempts, InitialDelay, MaxDelay (as in "5s"), BackoffRate, Jitter.
        recorded: all events of the execution.
    """
    assert parameters["Jitter"] == "FULL"
    first, limit = (int(parameters[key].removesuffix("s")) for key in ("InitialDelay", "MaxDelay"))
    problems = []
    for event in recorded:
        details = event.get("StepFailedDetails", {}).get("RetryDetails", {})
        attempt, delay = details.get("CurrentAttempt"), details.get("NextAttemptDelaySeconds")
        if delay is None:
            continue
        longest = min(limit, first * parameters["BackoffRate"] ** (attempt - 1))
        if not 0 <= delay <= longest or attempt >= parameters["MaxAttempts"]:
            problems.append(f"attempt {attempt}: {delay} s, expected 0 to {longest} s")
    return problems
