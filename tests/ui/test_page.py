"""What can be seen and done on the page, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import programs
import pytest
from page import DOWN, END, ENTER, HOME, LEFT, RIGHT, Page

from aws_durable_execution_sdk_python_testing._engine import Limits

Show = Callable[..., Page]
HOSTILE = programs.HOSTILE
ORDERS = pytest.mark.parametrize("order", [programs.order, programs.order_async])


@ORDERS
def test_an_execution_is_started_followed_and_its_callback_answered(show: Show, order: Any) -> None:
    page = show(order)
    page.open()
    page.press("Start an execution")
    page.write("dialog textarea", '{"amount": 21}')
    page.write("dialog input", "order-1")
    page.press("Start", "dialog form")
    page.state("running")
    assert page.find("h1").text == "order-1"
    page.choose("add up")
    page.shows("42", "#details pre")
    page.shows(f"programs.py:{_line_of(order, 'add up')}", "#details .source")
    page.choose("approval create callback id")
    page.succeed('{"by": "me"}')
    page.state("succeeded")
    page.press("Execution", ".tools")
    page.shows('"by": "me"', "#details")
    page.shows('"total": 42', "#details")


def _line_of(handler: Any, name: str) -> int:
    """Where a program of the page's asks for an operation."""
    lines = Path(programs.__file__).read_text().splitlines()
    numbered = list(enumerate(lines, 1))
    begin = next(n for n, line in numbered if f"def {handler.__name__}(" in line)
    return next(n for n, line in numbered if n > begin and f'name="{name}"' in line)


def test_the_execution_itself_offers_the_callbacks_that_it_waits_for(show: Show) -> None:
    page = show(programs.watched)
    page.open(page.start("watched", {}))
    page.shows("Waits for a callback: approval", "#details")
    page.press("Heartbeat", "#details")
    page.shows("sent", "#details .callback")
    page.press("Fail", "#details")
    page.write("dialog input", "TooExpensive")
    page.write("dialog textarea", "not this year")
    page.press("Fail", "dialog form")
    page.state("failed")
    page.shows("not this year", "#details .error")


def test_an_event_that_is_no_json_is_refused_with_what_is_wrong(show: Show) -> None:
    page = show(programs.quick)
    page.open()
    page.press("Start an execution")
    page.write("dialog textarea", '{\n  "amount": }')
    page.shows("No JSON: Unexpected token", "dialog .editor")
    page.press("Start", "dialog form")
    page.shows("No JSON", "dialog .problem")
    assert page.count("dialog[open]") == 1


def test_an_event_is_offered_again(show: Show) -> None:
    page = show(programs.quick)
    page.open()
    page.begin('{"again": true}')
    page.state("succeeded")
    page.open()
    page.press("Start an execution")
    page.write("dialog textarea", "{}")
    page.press('{"again": true}', "dialog .recent")
    assert json.loads(page.find("dialog textarea").get_property("value")) == {"again": True}


def test_an_execution_is_paused_resumed_stopped_and_deleted(show: Show) -> None:
    page = show(programs.resting)
    page.open(page.start("resting", {}, "rest-1"))
    page.pause_resume_and_stop()
    page.press("Delete", ".heading")
    page.press("Delete", "dialog form")
    page.shows("No executions.")


def test_the_list_is_live(show: Show) -> None:
    page = show(programs.resting)
    page.open()
    page.shows("No executions.")
    page.start("resting", {}, "rest-2")
    page.shows("rest-2", ".executions")
    page.shows("running", ".executions")


def test_the_list_is_narrowed(show: Show) -> None:
    page = show(programs.resting, programs.quick)
    page.start("resting", {}, "rest-1")
    page.start("quick", {}, "quick-1")
    page.start("quick", {}, "quick-2")
    for query, names in {
        "": ["quick-2", "quick-1", "rest-1"],
        "?function=quick": ["quick-2", "quick-1"],
        "?status=RUNNING": ["rest-1"],
        "?name=quick-1": ["quick-1"],
        "?before=2001-01-01T00:00:00": [],
        "?after=2001-01-01T00:00:00&status=SUCCEEDED": ["quick-2", "quick-1"],
    }.items():
        page.open(query=query)
        page.until(lambda names=names: page.texts(".executions .name a") == names)  # type: ignore[misc]


def test_a_filter_stands_in_the_address(show: Show) -> None:
    page = show(programs.quick)
    page.open()
    page.write(".filters [name=name]", f"quick-1{ENTER}")
    page.until(lambda: page.driver.current_url.endswith("#/?name=quick-1"))


def test_what_others_wrote_is_shown_as_text(show: Show) -> None:
    page = show(programs.hostile)
    page.open()
    page.begin(json.dumps(programs.HOSTILE))
    page.shows("Waits for a callback: <b>approve</b>", "#details")
    page.shows(programs.HOSTILE.replace('"', '\\"'), "#details")
    page.succeed(json.dumps(programs.HOSTILE))
    page.state("failed")
    page.shows(programs.HOSTILE, "#details .error .message")
    for name in ("<i>broken</i>", "<b>approve</b>", programs.HOSTILE):
        page.choose(name)
        page.shows("onerror", "#details")
    page.open()
    page.shows("failed", ".executions")
    assert page.driver.execute_script("return window.hit") is None
    assert page.count("img, main script, main b, main i") == 0


def test_three_thousand_branches_are_a_grid_of_what_is_in_view(show: Show) -> None:
    page = show(programs.wide, limits=Limits(operations=100_000))
    page.open(page.start("wide", 3000))
    page.state("succeeded")
    page.shows("3,000/3,000, 30 failed", ".rows")
    assert 100 < page.count(".cell") < 2500
    page.key(END)
    page.until(lambda: page.count('.cell[title^="map-item-2999,"]') == 1)
    page.key(ENTER)
    page.shows("map-item-2", "#details h2")
    page.press("Next failure", ".tools")
    page.shows("sku-7", "#details .error")
    page.press("Next failure", ".tools")
    page.shows("sku-107", "#details .error")
    assert page.keep("branches-1280-light")


def test_the_timeline_is_used_by_keyboard(show: Show) -> None:
    page = show(programs.order)
    page.open(page.start("order", {"amount": 1}))
    page.shows("approval submitter", ".rows")
    page.key(HOME, DOWN, ENTER)
    page.shows("add up", "#details h2")
    page.key(DOWN, LEFT)
    page.until(lambda: page.count(".row.operation") == 2)
    page.key(RIGHT)
    page.until(lambda: page.count(".row.operation") == 4)
    active = page.find("#timeline").get_attribute("aria-activedescendant")
    assert "approval" in page.find(f"#{active}").text


def test_attempts_waits_and_batches_are_drawn(show: Show) -> None:
    page = show(programs.shop)
    page.open(page.start("shop", {}, "order-2041"))
    page.shows("Waits for a callback: approval", "#details")
    assert page.count(".bar.attempt.is-FAILED") == 1
    assert page.count(".bar.delay") == 1
    assert page.count(".bar.waits") == 2
    assert page.count(".cell") == 80
    page.choose("reserve stock")
    page.shows("ConnectionError: the warehouse does not answer", "#details .attempts")
    page.choose("pack all")
    for scheme in ("light", "dark"):
        for width, height in ((1280, 900), (390, 844)):
            page.look_like(width, height, scheme)
            page.until(lambda: page.count(".row.operation") > 5)
            assert page.keep(f"execution-{width}-{scheme}")
            assert _overflow(page) <= 0


def test_the_list_fits(show: Show) -> None:
    page = show(programs.order, programs.resting, programs.quick)
    page.start("resting", {}, "monthly-report-2026-11")
    for number in range(6):
        page.start("quick", {}, f"thumbnail-{number}")
    page.start("order", {"amount": 3}, "order-2041")
    page.start("order", {}, "order-2042")
    page.open()
    page.until(lambda: len(page.texts(".executions .name")) == 9)
    page.shows("failed", ".executions")
    for scheme in ("light", "dark"):
        for width, height in ((1280, 900), (390, 844)):
            page.look_like(width, height, scheme)
            assert page.keep(f"list-{width}-{scheme}")
            assert _overflow(page) <= 0


def test_the_code_as_it_is_replays_or_diverges(show: Show) -> None:
    page = show(programs.quick)
    page.open(page.start("quick", {}))
    page.state("succeeded")
    page.press("Replay", ".heading")
    page.shows("The code replays", "#details")
    page.choose("echo")
    page.shows("programs.py", "#details .source")


def _overflow(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    return int(page.driver.execute_script(script))


@pytest.mark.parametrize("handler", [programs.talkative, programs.talkative_async])
def test_what_a_function_logs_is_shown(show: Show, handler: Any) -> None:
    page = show(handler)
    page.open(page.start(handler.__name__, HOSTILE))
    page.state("succeeded")
    page.shows(f"WARNING weighed {HOSTILE}", "#details")
    page.shows(f"WARNING sent {HOSTILE}", "#details")


def test_values_are_shown_as_they_stand_on_record(show: Show) -> None:
    page = show(programs.exact)
    page.open(page.start("exact", {}))
    page.state("succeeded")
    page.choose("numbers")
    page.shows('"number": 12345678901234567890', "#details pre")
    page.choose("types")
    page.shows('"when": "2026-01-02T03:04:00"', "#details pre")


def test_a_value_that_is_kept_elsewhere_shows_its_preview(show: Show, tmp_path: Path) -> None:
    page = show(programs.keeping_elsewhere(tmp_path))
    page.open(page.start("large", {}))
    page.state("succeeded")
    page.choose("print")
    page.shows("The value is kept elsewhere", "#details")
    page.shows('"name": "spring"', "#details")
    page.shows(str(tmp_path), "#details")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_they_are_on(show: Show, scheme: str) -> None:
    """WCAG's ratio of 4.5, for every colour that text has, on every ground that it is on."""
    page = show(programs.quick)
    page.look_like(1280, 900, scheme)
    page.open()
    colours = {
        name: page.driver.execute_script(_COLOUR, f"--{name}")
        for name in ("ink", "faint", "accent", "good", "bad", "busy", "wait", "quiet")
    }
    for ground in ("page", "card", "hover"):
        below = _luminance(page.driver.execute_script(_COLOUR, f"--{ground}"))
        for name, colour in colours.items():
            lighter, darker = sorted((_luminance(colour), below), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, f"{name} on {ground}"


_COLOUR = """
return getComputedStyle(document.documentElement).getPropertyValue(arguments[0]).trim()
"""


def _luminance(colour: str) -> float:
    """WCAG's relative luminance of a colour such as #1d4fbf."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
