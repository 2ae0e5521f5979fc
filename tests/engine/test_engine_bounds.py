"""What keeps one execution, or one request, from taking everything."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from bench import Bench, Handler, callback, context, invoke, step

from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    InvalidParameterValueError,
    InvokeHandler,
    Limits,
)


def test_too_many_bytes_refuse_the_checkpoint_and_fail_the_execution() -> None:
    """What went in counts, and what every attempt came to."""
    handler = Bench(limits=Limits(written_bytes=100)).start(input="x" * 40)
    handler.checkpoint(step("SUCCEED", "a", Payload="y" * 40))
    handler.checkpoint(step("SUCCEED", "b", Payload="z" * 20))
    with pytest.raises(InvalidParameterValueError, match="limit of 100 bytes written"):
        handler.checkpoint(step("SUCCEED", "c", Payload="1"))
    handler.succeeds()
    assert handler.status == "FAILED"


def test_answers_from_outside_count_too() -> None:
    handler = Bench(limits=Limits(written_bytes=100)).start(input="")
    handler.checkpoint(callback())
    handler.bench.engine.callback_succeed(handler.callback_id(), b"x" * 100, handler.bench.now)
    with pytest.raises(InvalidParameterValueError, match="bytes written"):
        handler.checkpoint(step("SUCCEED", Payload="1"))


def deepest(bench: Bench, name: str, depth: int) -> Handler:
    """Let a function invoke itself so many times; the innermost execution."""
    handler = bench.start(function_name=name)
    for _ in range(depth):
        handler.checkpoint(invoke(name))
        (effect,) = bench.engine.take_effects()
        assert isinstance(effect, InvokeHandler)
        handler = Handler(bench, effect.arn)
        handler.begin()
    return handler


def test_a_function_that_invokes_itself_is_stopped() -> None:
    """Each of its executions lives on without the first one, so nothing else would."""
    bench = Bench(limits=Limits(invoke_depth=4))
    bench.engine.register_target("loop", DurableTarget())
    handler = deepest(bench, "loop", 3)
    handler.checkpoint(invoke("loop"))
    error = handler.operation("i")["ChainedInvokeDetails"]["Error"]
    assert error["ErrorType"] == "RecursiveInvocationException"
    assert "loop" in error["ErrorMessage"]
    assert bench.engine.take_effects() == []


def test_it_may_invoke_others_and_depth_survives_a_restart() -> None:
    bench = Bench(limits=Limits(invoke_depth=4))
    bench.engine.register_target("loop", DurableTarget())
    bench.engine.register_target("other", DurableTarget())
    handler = deepest(bench, "loop", 3)
    handler.checkpoint(invoke("other"))
    assert handler.operation("i")["Status"] == "STARTED"
    again = Bench(bench.store, limits=Limits(invoke_depth=4), now=bench.now)
    again.engine.register_target("loop", DurableTarget())
    again.engine.recover(again.now)
    moved = Handler(again, handler.arn)
    moved.begin()
    moved.checkpoint(invoke("loop", "j"))
    assert moved.operation("j")["Status"] == "FAILED"


def events_of(handler: Handler, **request: Any) -> tuple[list[list[int]], list[str]]:
    """The event ids of each page, and the markers between."""
    pages, markers = [], []
    marker = None
    while True:
        page = handler.bench.engine.get_history(handler.arn, marker=marker, **request)
        pages.append([event["EventId"] for event in page["Events"]])
        marker = page.get("NextMarker")
        if marker is None:
            return pages, markers
        markers.append(marker)


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_of_history_are_bounded_by_bytes(reverse: bool) -> None:
    handler = Bench(limits=Limits(page_bytes=2_500)).start()
    for number in range(6):
        handler.checkpoint(step("SUCCEED", f"s{number}", Payload="x" * 1_000))
    pages, _ = events_of(handler, reverse_order=reverse)
    everything = [event_id for page in pages for event_id in page]
    assert everything == sorted(everything, reverse=reverse)
    assert len(everything) == 7
    assert max(map(len, pages)) <= 3
    (whole,), _ = events_of(handler, reverse_order=reverse, include_execution_data=False)
    assert whole == everything


def flipped(marker: str, bit: int) -> str:
    data = bytearray(base64.b64decode(marker))
    data[bit // 8] ^= 1 << bit % 8
    return base64.b64encode(data).decode()


@pytest.fixture
def paged() -> tuple[Handler, str]:
    """An execution, and the marker of its history's second page."""
    handler = Bench().start()
    handler.checkpoint(context("START"), context("SUCCEED"))
    marker = handler.bench.engine.get_history(handler.arn, max_items=1)["NextMarker"]
    return handler, marker


def test_forged_markers_are_refused(paged: tuple[Handler, str]) -> None:
    """Whatever is changed in one."""
    handler, marker = paged
    engine = handler.bench.engine
    assert engine.get_history(handler.arn, marker=marker)["Events"][0]["EventId"] == 2
    forged = [flipped(marker, bit) for bit in range(8 * len(base64.b64decode(marker)))]
    for one in (*forged, "AAAA", "9" * 5_000, "\u0661\u0662", f"{marker} ", marker[4:], marker * 2):
        with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
            engine.get_history(handler.arn, marker=one)


def test_a_marker_says_nothing_of_what_it_stands_for(paged: tuple[Handler, str]) -> None:
    handler, marker = paged
    assert handler.arn.encode() not in base64.b64decode(marker)


def test_a_marker_belongs_to_its_execution_and_its_kind_of_list(paged: tuple[Handler, str]) -> None:
    handler, marker = paged
    engine = handler.bench.engine
    for read in (
        lambda: engine.get_history(handler.bench.start().arn, marker=marker),
        lambda: engine.get_history(handler.arn, marker=marker, reverse_order=True),
        lambda: engine.get_state(handler.arn, handler.token or "", marker),
        lambda: engine.list_executions(marker=marker),
    ):
        with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
            read()


def test_a_marker_is_good_for_a_day(paged: tuple[Handler, str]) -> None:
    handler, marker = paged
    engine, day = handler.bench.engine, 24 * 60 * 60
    engine.fire_due(handler.bench.now + day)
    assert engine.get_history(handler.arn, marker=marker)["Events"]
    engine.fire_due(handler.bench.now + day + 0.001)
    with pytest.raises(InvalidParameterValueError, match="Invalid marker: it has expired"):
        engine.get_history(handler.arn, marker=marker)


@pytest.mark.parametrize("value", ["yes", 1, 0, []])
def test_a_flag_is_true_or_false(value: Any) -> None:
    handler = Bench().start()
    handler.checkpoint(context("START"))
    with pytest.raises(InvalidParameterValueError, match="replayChildren"):
        handler.checkpoint(context("SUCCEED", ContextOptions={"ReplayChildren": value}))


def test_a_callback_id_is_not_longer_than_it_may_be() -> None:
    bench = Bench()
    with pytest.raises(InvalidParameterValueError, match="callback id"):
        bench.engine.callback_succeed("QUFB" * 400, b"1", bench.now)
