"""The outline that `durable run` and `durable invoke --wait` draw in place on a terminal."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from aws_durable_execution_sdk_python_testing._cli.live_view import LiveView
from aws_durable_execution_sdk_python_testing._cli.progress_views import Event

NOW = 1_000.0


def event(kind: str, name: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    """An event of the operation that has its name for an id."""
    return {
        "EventType": kind,
        "EventId": 1,
        "EventTimestamp": NOW,
        "Id": name,
        "Name": name,
        "ParentId": parent,
        **more,
    }


def failed(kind: str, name: str, parent: str | None = None, message: str = "") -> dict[str, Any]:
    error = {"Payload": {"ErrorType": "OSError", "ErrorMessage": message or f"no {name}"}}
    return event(kind, name, parent, **{f"{kind}Details": {"Error": error}})


def batch(size: int, ended: int, *failing: int) -> Iterator[dict[str, Any]]:
    """A map all of whose branches have begun, and some have ended."""
    yield event("ContextStarted", "pack", SubType="Map")
    for n in range(size):
        yield event("ContextStarted", f"item-{n}", "pack", SubType="MapIteration")
        yield event("StepStarted", f"put-{n}", f"item-{n}")
    for n in range(ended):
        if n in failing:
            yield failed("StepFailed", f"put-{n}", f"item-{n}", f"sku {n}")
            yield failed("ContextFailed", f"item-{n}", "pack", f"sku {n}")
        else:
            yield event("StepSucceeded", f"put-{n}", f"item-{n}")
            yield event("ContextSucceeded", f"item-{n}", "pack")


def shown(*events: Event, width: int = 100, height: int = 25) -> list[str]:
    """The lines on a screen of that size, without what the start of a run prints."""
    console = Console(file=io.StringIO(), width=width, height=height)
    view = LiveView(console, lambda: NOW, lambda name: f"answer {name}")
    for one in events:
        view.event(one)
    with console.capture() as capture:
        console.print(view.drawing())
    lines = [line.rstrip() for line in capture.get().splitlines()]
    assert len(lines) <= height - 2
    assert max(map(len, lines)) <= width
    return lines


def test_names_and_messages_that_look_like_markup_are_shown_as_they_are() -> None:
    name = "item[0] [/b] [red]x"
    _, row, count, failure = shown(failed("StepFailed", name, message="no [/etc/x]"))
    assert row.startswith(f"{name} [STEP]  FAILED")
    assert row.endswith("OSError: no [/etc/x]")
    assert (count, failure) == ("1 failed:", f"  {name} [STEP]  OSError: no [/etc/x]")


@pytest.mark.parametrize("width", [60, 100, 200])
def test_a_map_is_counted_and_its_failures_stay(width: int) -> None:
    """However many branches there are, and however many of them have ended."""
    lines = shown(*batch(80, 62, 5, 32, 59), width=width)
    if width == 60:
        assert lines.pop(2) == "  62/80, 3 failed"
        lines[1] += "  62/80, 3 failed"
    _, first, *branches, more, count, f1, f2, f3 = lines
    assert re.fullmatch(r"pack \[Map\] +STARTED +0 ms +62/80, 3 failed", first)
    assert [line.split()[0] for line in branches[::2]] == [f"item-{n}" for n in range(62, 67)]
    assert more == "  and 13 more under way"
    assert count == "3 failed:"
    assert [one.strip() for one in (f1, f2, f3)] == [
        f"pack / item-{n} / put-{n} [STEP]  OSError: sku {n}" for n in (5, 32, 59)
    ]


def test_of_many_failures_the_newest_are_shown_and_all_are_counted() -> None:
    lines = shown(*batch(1_000, 1_000, *range(0, 1_000, 10)), height=15)
    assert "1,000/1,000, 100 failed" in lines[1]
    assert lines[-5] == "100 failed, the newest 4:"
    assert lines[-1] == "  pack / item-990 / put-990 [STEP]  OSError: sku 990"


def test_a_context_that_has_ended_is_folded() -> None:
    inside = event("StepSucceeded", "inside", "child")
    beginning = event("ContextStarted", "child"), inside
    assert len(shown(*beginning)) == 3
    _, row = shown(*beginning, event("ContextSucceeded", "child"))
    assert row.startswith("child [CONTEXT]  SUCCEEDED")


def test_an_error_that_only_passes_is_one_failure_and_another_is_another() -> None:
    """A context may catch what failed in it, and then fail itself."""
    beginning = event("ContextStarted", "child"), failed("StepFailed", "inside", "child", "down")
    *_, count, one = shown(*beginning, failed("ContextFailed", "child", message="down"))
    assert (count, one) == ("1 failed:", "  child / inside [STEP]  OSError: down")
    *_, count, one, two = shown(*beginning, failed("ContextFailed", "child", message="up"))
    assert (count, two) == ("2 failed:", "  child [CONTEXT]  OSError: up")


def test_a_screen_too_small_for_all_shows_the_newest_below_the_heading() -> None:
    lines = shown(*(event("StepStarted", f"step-{n}") for n in range(20)), height=8)
    assert lines[0].startswith("operation")
    assert lines[1] == "... 16 more"
    assert [line.split()[0] for line in lines[2:]] == ["step-16", "step-17", "step-18", "step-19"]


def test_what_is_newest_stands_below_the_contexts_that_it_is_in() -> None:
    steps = (event("StepStarted", f"step-{n}", "inner") for n in range(20))
    contexts = event("ContextStarted", "outer"), event("ContextStarted", "inner", "outer")
    lines = shown(*contexts, *steps, height=9)
    assert [line.split()[0] for line in lines[1:]] == [
        *("outer", "inner", "...", "step-17", "step-18", "step-19")
    ]


def test_contexts_that_nest_deeper_than_the_screen_is_high_fit() -> None:
    names = [str(n) for n in range(300)]
    around = zip(names, [None, *names[:-1]], strict=True)
    lines = shown(*(event("ContextStarted", *one) for one in around), width=60, height=10)
    assert lines[-1].split()[0] == "299"


@pytest.mark.parametrize("width", [20, 34, 40, 60])
def test_a_narrow_terminal_has_a_row_a_line(width: int) -> None:
    """What says it all is said at the end."""
    long = "a name of many words that no narrow terminal has room for"
    lines = shown(*batch(3, 2, 1), event("StepStarted", long), width=width)
    assert sum("a name of m" in line for line in lines) == 1
    assert "2/3, 1 failed" in "".join(lines)


def test_a_name_cannot_look_like_a_row_of_its_own() -> None:
    _, row = shown(event("StepStarted", "a\nb\x1b[2J\u202ec\u2028d\te"))
    assert row.startswith("a␊b␛[2J�c�d␉e [STEP]")


def test_an_open_callback_is_answered_by_the_name_of_its_wait_for_callback() -> None:
    context = event("ContextStarted", "approval", SubType="WaitForCallback")
    *_, row = shown(context, event("CallbackStarted", "approval create callback id", "approval"))
    assert row.endswith("answer approval")


def test_an_open_callback_of_its_own_is_answered_by_its_own_name() -> None:
    *_, row = shown(event("ContextStarted", "group"), event("CallbackStarted", "approve", "group"))
    assert row.endswith("answer approve")


def test_nothing_is_cut_from_what_must_be_typed() -> None:
    name = "a-name-without-any-blank-in-it-that-is-long"
    _, row, *below = shown(event("CallbackStarted", name), width=40)
    assert "…" in row
    assert "".join(line.strip() for line in below) == f"answer{name}"


def test_a_step_that_is_to_be_tried_again_says_why() -> None:
    retried = failed("StepFailed", "pay", message="down")
    retried["StepFailedDetails"]["RetryDetails"] = {
        "CurrentAttempt": 1,
        "NextAttemptDelaySeconds": 5,
    }
    _, row = shown(retried)
    assert row.startswith("pay [STEP]    PENDING")
    assert row.endswith("attempt 1: OSError: down, again at 1970-01-01 00:16:45 UTC")
