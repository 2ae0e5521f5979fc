"""The functions that a program's operations run outside of the durable world: steps and checks."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Iterator
from typing import Any

from model_configs import callback_times, retrying
from model_efforts import go_astray, labour, stray_async, strive
from model_process import Process
from model_programs import (
    Answer,
    Condition,
    InvokeFunction,
    ModelError,
    Step,
    Stray,
    WaitForCallback,
)
from model_world import Point, World

from aws_durable_execution_sdk_python.config import (
    StepConfig,
    StepSemantics,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision
from aws_durable_execution_sdk_python_testing._engine import ServiceError


def plain_function(world: World, op: InvokeFunction) -> Any:
    """What `InvokeFunction` calls. It must be called once, whatever happens to its caller."""

    def function(event: Any, context: Any) -> Any:
        world.at_most_once.add(event["path"])
        world.body_runs(event["path"], 1)
        if op.fails:
            raise ModelError("the function failed")
        return op.value

    return function


class Bodies:
    """Calls the operations that run bodies, in one invocation."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process

    def step(self, context: Any, op: Step, path: str) -> Any:
        # Every limit is different, so that the clock can tell whose time is up.
        limit = 1 + zlib.crc32(path.encode()) / 1000 if op.has_timeout else None

        def fails(attempt: int) -> bool:
            # Interruptions may take the place of failures, or make attempts beyond the last.
            return attempt <= op.failures or op.attempts <= op.failures

        def body(step: Any) -> Any:
            with self._body(path, step.attempt, op.seconds):
                if op.work is not None:
                    labour(op.work)
                if fails(step.attempt):
                    fail(path, op.stray)
                return op.value

        async def async_body(step: Any) -> Any:
            await asyncio.sleep(0)
            with self._async_body(path, step.attempt, op.seconds):
                if op.work is not None:
                    with self._process.awaited(path):
                        await strive(op.work)
                if fails(step.attempt):
                    if limit is not None:
                        self._world.clock.run_out(limit)
                        await asyncio.Event().wait()
                    await fail_async(path, op.stray)
                return op.value

        semantics = StepSemantics.AT_LEAST_ONCE_PER_RETRY
        if op.at_most_once:
            self._world.at_most_once.add(path)
            semantics = StepSemantics.AT_MOST_ONCE_PER_RETRY
        config = StepConfig[Any](retrying(op.attempts), semantics, timeout=limit)
        return context.step(async_body if op.is_async else body, name=path, config=config)

    def condition(self, context: Any, op: Condition, path: str) -> Any:
        def check(state: Any, info: Any) -> Any:
            with self._body(path, info.attempt):
                if info.attempt == op.fails_at:
                    fail(path, op.stray)
                return {"checks": state["checks"] + 1}

        async def async_check(state: Any, info: Any) -> Any:
            await asyncio.sleep(0)
            with self._async_body(path, info.attempt):
                if info.attempt == op.fails_at:
                    await fail_async(path, op.stray)
                return {"checks": state["checks"] + 1}

        def strategy(state: Any, attempt: int) -> WaitForConditionDecision:
            if state["checks"] >= op.checks:
                return WaitForConditionDecision.stop_polling()
            return WaitForConditionDecision.continue_waiting(attempt)

        config = WaitForConditionConfig[Any](strategy, {"checks": 0})
        return context.wait_for_condition(
            async_check if op.is_async else check, config=config, name=path
        )

    def wait_for_callback(self, context: Any, op: WaitForCallback, path: str) -> Any:
        step = f"{path} submitter"

        def submit(callback_id: str) -> None:
            # The submitter is not told its attempt: it fails until it was called often enough.
            run = self._world.times_run(step) + 1
            with self._body(step, run):
                if run <= op.failures:
                    raise ModelError(f"{step} failed")
                if op.answer is Answer.EARLY:
                    # A repeated submitter finds that the callback has been answered already.
                    with contextlib.suppress(ServiceError):
                        self._world.service.callback_succeed(callback_id, b'"early"')

        config = WaitForCallbackConfig[Any](
            **callback_times(op.answer), retry_strategy=retrying(op.failures + 1)
        )
        return context.wait_for_callback(submit, name=path, config=config)

    @contextlib.contextmanager
    def _body(self, path: str, attempt: int, seconds: int = 0) -> Iterator[None]:
        self._world.loose.add(path)  # a thread cannot be interrupted
        with self._async_body(path, attempt, seconds):
            yield

    @contextlib.contextmanager
    def _async_body(self, path: str, attempt: int, seconds: int = 0) -> Iterator[None]:
        process = self._process
        process.reach(Point.CODE, path)
        self._world.body_runs(path, attempt, informed=process.informed)
        with process.flow(path):
            process.reach(Point.BODY_START, path)
            self._world.clock.pass_by(seconds)
            try:
                yield
            except Exception:
                process.reach(Point.BODY_END, path)
                raise
            process.reach(Point.BODY_END, path)


def fail(path: str, stray: Stray | None) -> None:
    """Fail as blocking code does."""
    if stray is not None:
        go_astray(stray)
    raise ModelError(f"{path} failed")


async def fail_async(path: str, stray: Stray | None) -> None:
    """Fail as async code does."""
    if stray is not None:
        await stray_async(stray)
    raise ModelError(f"{path} failed")
