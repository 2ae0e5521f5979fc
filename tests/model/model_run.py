"""Runs a program on the local service and judges what came of it."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from model_bodies import plain_function
from model_interpreter import handler
from model_latency import LateClient
from model_oracle import expected, reduced
from model_process import CrashingInvoker
from model_programs import InvokeDurable, InvokeFunction, Program, has_races, operations
from model_values import is_below
from model_world import Plan, Transport, World

from aws_durable_execution_sdk_python._kernel import branches, workers
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    Limits,
    PlainTarget,
    StartExecution,
)
from aws_durable_execution_sdk_python_testing._exploration.history_rules import outcomes, problems
from aws_durable_execution_sdk_python_testing._faults import Fault, FaultyInvoker
from aws_durable_execution_sdk_python_testing._functions.in_process import InProcessInvoker
from aws_durable_execution_sdk_python_testing._local_service.callback_responder import (
    CallbackResponder,
)
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing.stores.memory import InMemoryExecutionStore

# Real seconds in which nothing happens; only a program that hangs gets there.
_PATIENCE = 20
# Crashes are planned, so the service must never give an execution up because of them.
# Small pages, so that states come in several.
_LIMITS = Limits(invocation_attempts=1000, invocation_retry_maximum=2.0, page_bytes=2_000)


@dataclass(frozen=True)
class Ran:
    """How a run of a program ended.

    Attributes:
        outcome: status, result and error of the execution.
        histories: the events of the execution, and of those it invoked, by ARN.
        arn: the execution.
    """

    world: World
    outcome: dict[str, Any]
    histories: dict[str, list[dict[str, Any]]]
    arn: str


def run(program: Program, plan: Plan = Plan()) -> Ran:  # noqa: B008 - frozen
    """Run a program to its end, with whatever is planned to go wrong."""
    world = World(plan)
    inner = InProcessInvoker()
    invoker = FaultyInvoker(CrashingInvoker(world, inner), world.faults)
    service = LocalService(invoker, InMemoryExecutionStore(), clock=world.clock, limits=_LIMITS)
    world.service = service
    try:
        _register(service, inner, world, program)
        request = StartExecution(
            function_name="model", execution_name="run", input=json.dumps({"path": "p"})
        )
        arn = service.start(request, responder=CallbackResponder(world.answers))
        _await_end(service, world, arn)
        histories = {each: service.history(each) for each in list(world.invocations)}
        return Ran(world, _outcome(service.execution(arn)), histories, arn)
    finally:
        service.close()


def _register(
    service: LocalService, inner: InProcessInvoker, world: World, program: Program
) -> None:
    names = function_names(program)
    inner.register("model", _connected(world, handler(world, program, names)))
    for op in _functions(program):
        name = names[repr(op)]
        if isinstance(op, InvokeDurable):
            inner.register(name, _connected(world, handler(world, op.program, names)))
            service.register_target(name, DurableTarget())
        else:
            inner.register(name, plain_function(world, op))
            service.register_target(name, PlainTarget())


def _connected(world: World, durable: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The handler with the client that the plan is for; over HTTP it uses its own."""

    def function(event: Any, context: Any) -> Any:
        client = None
        if world.plan.transport is Transport.IN_PROCESS:
            process = world.processes[event.durable_execution_arn]
            client = LateClient(event.service_client, world.delays, process.answered)
        return durable(replace(event, service_client=client), context)

    return function


def _await_end(service: LocalService, world: World, arn: str) -> None:
    points = -1
    while points != world.points:  # a busy machine takes its time, but something happens
        points = world.points
        with contextlib.suppress(TimeoutError):
            return service.wait_until_ended(arn, _PATIENCE)
    runs = (f"{each} {process.whereabouts()}" for each, process in world.processes.items())
    raise AssertionError("\n".join(("the program hangs", *runs, *world.violations, *_stacks())))


def _stacks() -> Iterator[str]:
    """Where each thread is."""
    frames = sys._current_frames()
    for thread in threading.enumerate():
        if thread.ident in frames:
            yield f"{thread.name}\n{''.join(traceback.format_stack(frames[thread.ident]))}"


def function_names(program: Program) -> dict[str, str]:
    """The name of each function that a program invokes, by the operation that does."""
    return {repr(op): f"function-{i}" for i, op in enumerate(_functions(program))}


def _functions(program: Program) -> list[InvokeFunction | InvokeDurable]:
    return [op for op in operations(program.ops) if isinstance(op, InvokeFunction | InvokeDurable)]


def _outcome(execution: dict[str, Any]) -> dict[str, Any]:
    error = execution.get("Error") or {}
    result = execution.get("Result")
    return {
        "status": execution["Status"],
        "result": None if result is None else json.loads(result),
        "error": (error.get("ErrorType"), error.get("ErrorMessage")),
    }


# ------------------------------------------------------------------------------------- judging


def check(program: Program, plan: Plan) -> Ran:
    """Run with and without what is planned, and assert that both keep every promise and agree.

    Returns:
        The run without.
    """
    try:
        with _bounded(plan.threads):
            return _judge(program, run(program, plan.calm), run(program, plan))
    except Exception as error:
        error.add_note(f"Again: check({program!r}, {plan!r})")
        raise


def _judge(program: Program, calm: Ran, troubled: Ran) -> Ran:
    assert violations(program, calm) == []
    assert violations(program, troubled) == []
    assert reduced(calm.outcome) == expected(program, "p")
    if _is_cut_short(troubled):
        return calm  # no invocation can mend that: an execution may fail, and so its invoker
    assert troubled.outcome == calm.outcome
    raced = calm.world.raced | troubled.world.raced
    assert seen(troubled, raced) == seen(calm, raced)
    assert _ended(troubled, raced) == _ended(calm, raced)
    return calm


@contextlib.contextmanager
def _bounded(threads: int | None) -> Iterator[None]:
    """Bound the threads for blocking code; both runs are bounded alike."""
    with pytest.MonkeyPatch.context() as patch:
        if threads is not None:
            patch.setattr(workers, "MAX_THREADS", threads)
            patch.setattr(branches, "MAX_THREADS", threads)
        yield


def violations(program: Program, ran: Ran) -> list[str]:
    """Promises that a run broke, whatever it ended with."""
    world = ran.world
    found = list(world.violations)
    for arn, events in ran.histories.items():
        # When a race is decided, what its losers had invoked may still be running; and so may
        # what an execution had invoked that fails meanwhile.
        ended = arn == ran.arn or not (has_races(program) or _is_cut_short(ran))
        found += problems(events, invocations=world.invocations[arn], ended=ended)
    bodies = {path for path, _ in world.runs}
    # A step that is cancelled before its body begins is recorded as failed.
    found += [
        f"{path} completed but never ran"
        for path in sorted(world.completed - bodies)
        if not is_below(path, world.cancelled)
    ]
    found += [
        f"{path} ran {count} times for attempt {attempt}"
        for (path, attempt), count in world.runs.items()
        if count > 1 + world.interruptions and not is_below(path, world.cancelled)
    ]
    return found


def _is_cut_short(ran: Ran) -> bool:
    """Whether an execution may have failed in the middle."""
    return any(each.fault is Fault.KMS_ERROR for each in ran.world.faults.injected)


def seen(ran: Ran, raced: Collection[str]) -> dict[str, Any]:
    """What the code saw, but for what it saw or not as timing would have it."""
    return {path: value for path, value in ran.world.seen.items() if not is_below(path, raced)}


def _ended(ran: Ran, raced: Collection[str]) -> dict[str, tuple[Any, ...]]:
    """How the operations ended, but for those that did or not as timing would have it."""
    ended = outcomes(ran.histories[ran.arn])

    def by_timing(key: str | None) -> bool:
        if key is None:
            return False
        name, parent, _ = ended[key]
        return name in raced or is_below(name or "", raced) or by_timing(parent)

    return {key: value for key, value in ended.items() if not by_timing(key)}
