"""The table that `durable run` and `durable invoke --wait` fill in place on a terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from aws_durable_execution_sdk_python_testing._cli.progress_views import LiveView

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


def shown(*events: dict[str, Any], width: int = 100, height: int = 25) -> list[str]:
    """The lines left on a screen of that size."""
    out = io.StringIO()
    view = LiveView(
        Console(file=out, width=width, height=height), lambda: NOW, lambda name: f"answer {name}"
    )
    with view.live():
        for one in events:
            view.event(one)
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_names_that_look_like_markup_are_shown_as_they_are() -> None:
    _, row = shown(event("StepStarted", "item[0] [/b] [red]x"))
    assert row.startswith("item[0] [/b] [red]x [STEP]")


def test_messages_that_look_like_markup_are_shown_as_they_are() -> None:
    error = {"Payload": {"ErrorType": "OSError", "ErrorMessage": "no [/etc/x]"}}
    _, row = shown(event("StepFailed", "read", StepFailedDetails={"Error": error}))
    assert row.endswith("OSError: no [/etc/x]")


def test_a_screen_too_small_for_all_shows_the_newest_below_the_heading() -> None:
    lines = shown(*(event("StepStarted", f"step-{n}") for n in range(20)), height=8)
    assert lines[0].startswith("operation")
    assert lines[1] == "..."
    assert [line.split()[0] for line in lines[2:]] == ["step-16", "step-17", "step-18", "step-19"]


def test_rows_that_wrap_do_not_push_the_newest_off_the_screen() -> None:
    long = "a name of many words that no narrow terminal has room for"
    lines = shown(*(event("StepStarted", f"{long} {n}") for n in range(5)), width=40, height=10)
    assert len(lines) == 8
    assert any("4 [STEP]" in line for line in lines[-2:])


def test_a_name_that_wraps_stays_below_its_context() -> None:
    child = event("StepStarted", "a name of many words", "group")
    _, _, *rows = shown(event("ContextStarted", "group"), child, width=40)
    assert len(rows) > 1
    assert all(row.startswith("  ") for row in rows)


def test_an_open_callback_is_answered_by_the_name_of_its_wait_for_callback() -> None:
    context = event("ContextStarted", "approval", SubType="WaitForCallback")
    *_, row = shown(context, event("CallbackStarted", "approval create callback id", "approval"))
    assert row.endswith("answer approval")


def test_an_open_callback_of_its_own_is_answered_by_its_own_name() -> None:
    *_, row = shown(event("ContextStarted", "group"), event("CallbackStarted", "approve", "group"))
    assert row.endswith("answer approve")


def test_nothing_is_cut_from_what_must_be_typed() -> None:
    name = "a-name-without-any-blank-in-it"
    lines = shown(event("CallbackStarted", name), width=40)
    folded = "".join(line[-12:].strip() for line in lines)
    assert "…" not in "".join(lines)
    assert folded.endswith("in-it")
