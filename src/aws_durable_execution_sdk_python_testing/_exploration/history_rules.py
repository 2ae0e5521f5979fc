"""What must hold of every history, whatever the program and however often it was cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Event = Mapping[str, Any]

_TERMINAL = ("Succeeded", "Failed", "TimedOut", "Stopped", "Cancelled")
# Changes of these come from the handler alone; others may be ended by the service at any time.
_BY_HANDLER = ("Step", "Context")


def problems(events: Sequence[Event], *, invocations: int, ended: bool) -> list[str]:
    """What is wrong with a history; nothing, if all is well.

    Parameters:
        events: all events, oldest first.
        invocations: how many invocations there were.
        ended: whether the execution has ended, so that its end must be there.
    """
    return [
        *_numbering(events),
        *_execution(events, invocations, ended),
        *_operations(events),
    ]


def outcomes(events: Sequence[Event]) -> dict[str, tuple[Any, ...]]:
    """How each operation ended: by id, its name, its parent and its last event."""
    return {
        event["Id"]: (event.get("Name"), event.get("ParentId"), event["EventType"])
        for event in events
        if "Id" in event and not event["EventType"].startswith("Execution")
    }


def _numbering(events: Sequence[Event]) -> Iterator[str]:
    if [event["EventId"] for event in events] != list(range(1, len(events) + 1)):
        yield "the events are not numbered from 1 on"
    times = [event["EventTimestamp"] for event in events]
    if times != sorted(times):
        yield "the events are not in the order of their times"


def _execution(events: Sequence[Event], invocations: int, ended: bool) -> Iterator[str]:
    kinds = [event["EventType"] for event in events]
    if kinds[0] != "ExecutionStarted" or kinds.count("ExecutionStarted") != 1:
        yield "the execution does not start once, at the beginning"
    if not ended:
        return
    ends = [kind for kind in kinds if _verb(kind, "Execution") in _TERMINAL]
    if len(ends) != 1:
        yield f"the execution does not end once: {ends}"
    if kinds[-1] not in ends:
        yield f"the last event is {kinds[-1]}"
    requests = Counter(
        event["InvocationCompletedDetails"]["RequestId"]
        for event in events
        if event["EventType"] == "InvocationCompleted"
    )
    if len(requests) != invocations or set(requests.values()) != {1}:
        yield f"{invocations} invocations, but completed were {dict(requests)}"


def _operations(events: Sequence[Event]) -> Iterator[str]:
    """Follow every operation through its states."""
    states: dict[str, str] = {}
    parents: dict[str, str | None] = {}
    for event in events:
        kind = event["EventType"]
        if kind.startswith("Execution") or kind == "InvocationCompleted":
            continue
        key, verb = event["Id"], _verb(kind)
        label = f"{kind} of {event.get('Name') or key}"
        if verb == "Started":
            if states.get(key, "waiting") != "waiting":
                yield f"{label} comes when it is {states[key]} already"
            parents[key] = event.get("ParentId")
            states[key] = "started"
        elif states.get(key) != "started":
            yield f"{label} comes when it is {states.get(key)}"
        else:
            states[key] = "waiting" if _is_retry(event) else "ended"
        if verb == "Started" or kind.startswith(_BY_HANDLER):
            yield from _ancestors(label, key, states, parents)


def _ancestors(
    label: str, key: str, states: Mapping[str, str], parents: Mapping[str, str | None]
) -> Iterator[str]:
    parent = parents.get(key)
    while parent is not None:
        if states.get(parent) != "started":
            yield f"{label} comes when {parent} above it is {states.get(parent)}"
        parent = parents.get(parent)


def _is_retry(event: Event) -> bool:
    details: Mapping[str, Any] = event.get(f"{event['EventType']}Details") or {}
    return "NextAttemptDelaySeconds" in (details.get("RetryDetails") or {})


def _verb(kind: str, subject: str = "") -> str:
    for verb in ("Started", *_TERMINAL):
        if kind.endswith(verb) and kind.startswith(subject):
            return verb
    return ""
