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


def forged(scope: str, position: str) -> str:
    return base64.b64encode(f"{scope}\n{position}".encode()).decode()


@pytest.mark.parametrize(
    "position", ["0", "-1", "999999", "9" * 5_000, "\u0661\u0662", "1.5", "", " 1", "1_0"]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_forged_markers_are_refused(position: str, reverse: bool) -> None:
    handler = Bench().start()
    scope = f"{'reverse ' if reverse else ''}history {handler.arn}"
    with pytest.raises(InvalidParameterValueError, match="Invalid marker"):
        handler.bench.engine.get_history(
            handler.arn, marker=forged(scope, position), reverse_order=reverse
        )


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
