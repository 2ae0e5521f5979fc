"""Runs a program on a durable context, blocking or async.

The interpreter is written once. Its coroutines await what async operations return; what blocking
ones return is there already, so in blocking code they run to their end without an event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import zlib
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from model_configs import batch_options, callback_times, retrying
from model_programs import (
    Answer,
    Batch,
    Callback,
    Cancel,
    Child,
    Condition,
    Gather,
    InvokeDurable,
    InvokeFunction,
    Map,
    ModelError,
    Op,
    Parallel,
    Program,
    Race,
    Retry,
    SingleOp,
    Step,
    Try,
    Wait,
    WaitForCallback,
    Within,
    cancels,
    races,
)
from model_values import PADDING, describe, observed
from model_world import Point, Process, World

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
    with_retry,
)
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    MapConfig,
    ParallelConfig,
    StepConfig,
    StepSemantics,
    WaitForCallbackConfig,
    WithRetryConfig,
)
from aws_durable_execution_sdk_python.waits import WaitForConditionConfig, WaitForConditionDecision
from aws_durable_execution_sdk_python_testing._engine import ServiceError

# Real seconds, which no program takes.
_PLENTY_SECONDS = 3600


def handler(world: World, program: Program, names: dict[str, str]) -> Any:
    """The Lambda handler of a program. The event names the path that its operations start at."""

    def function(context: Any) -> Callable[[Any, str], Coroutine[Any, Any, Any]]:
        process = world.processes[context.execution_context.durable_execution_arn]
        run = Run(world, process, names)
        return lambda ctx, path: run.program(ctx, program, path)

    async def run_async(event: Any, context: AsyncDurableContext) -> Any:
        return await function(context)(context, event["path"])

    def run_blocking(event: Any, context: DurableContext) -> Any:
        return _drive(function(context)(context, event["path"]))

    return durable_execution(run_async if program.is_async else run_blocking)


def plain_function(world: World, op: InvokeFunction) -> Any:
    """What `InvokeFunction` calls. It must be called once, whatever happens to its caller."""

    def function(event: Any, context: Any) -> Any:
        world.at_most_once.add(event["path"])
        world.body_runs(event["path"], 1)
        if op.fails:
            raise ModelError("the function failed")
        return op.value

    return function


def _drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    coroutine.close()
    raise AssertionError("a blocking program awaited something that was not ready")


async def _settled(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


class Run:
    """A program in one invocation."""

    def __init__(self, world: World, process: Process, names: dict[str, str]) -> None:
        self._world = world
        self._process = process
        self._names = names

    async def program(self, context: Any, program: Program, path: str) -> Any:
        values = await self._sequence(context, program.ops, path)
        return [values, PADDING] if program.is_large else values

    async def _sequence(self, context: Any, ops: Sequence[Op], path: str) -> list[Any]:
        return [await self._perform(context, op, f"{path}.{i}") for i, op in enumerate(ops)]

    async def _perform(self, context: Any, op: Op, path: str) -> Any:
        """Do an operation; what comes of it, value or error, is what every replay must see."""
        self._process.reach(Point.CODE, path)
        try:
            result = await _settled(self._begin(context, op, path))
            if isinstance(op, Batch) and op.throws and not op.races:
                result.throw_if_error()
        except Exception as error:
            self._observe(op, path, describe(error))
            raise
        value = _outcome(context, op, result)
        self._observe(op, path, value)
        return value

    def _observe(self, op: Op, path: str, value: Any) -> None:
        self._world.observe(path, value)
        if isinstance(op, Step | Condition):
            self._world.check_stored(path)

    def _begin(self, context: Any, op: Op, path: str) -> Any:
        """Call the operation: its value in blocking code, in async code an awaitable."""
        if races(op, _is_async(context)):
            self._world.raced.add(path)
        if cancels(op, _is_async(context)):
            self._world.cancelled.add(path)
        return _BEGIN[type(op)](self, context, op, path)

    # -- bodies -----------------------------------------------------------------------------

    def _body(self, path: str, attempt: int, seconds: int, work: Callable[[], Any]) -> Any:
        process = self._process
        process.reach(Point.CODE, path)
        self._world.body_runs(path, attempt, informed=process.informed)
        process.reach(Point.BODY_START, path)
        self._world.clock.pass_by(seconds)
        try:
            return work()
        finally:
            process.reach(Point.BODY_END, path)

    def _step(self, context: Any, op: Step, path: str) -> Any:
        # Every limit is different, so that the clock can tell whose time is up.
        limit = 1 + zlib.crc32(path.encode()) / 1000 if op.has_timeout else None

        def fails(attempt: int) -> bool:
            # Interruptions may take the place of failures, or make attempts beyond the last.
            return attempt <= op.failures or op.attempts <= op.failures

        def work(attempt: int) -> Any:
            if fails(attempt):
                raise ModelError(f"{path} failed")
            return op.value

        def body(step: Any) -> Any:
            return self._body(path, step.attempt, op.seconds, lambda: work(step.attempt))

        async def async_body(step: Any) -> Any:
            await asyncio.sleep(0)
            if limit is not None and fails(step.attempt):
                self._body(path, step.attempt, op.seconds, lambda: None)
                self._world.clock.run_out(limit)
                await asyncio.Event().wait()
            return body(step)

        semantics = StepSemantics.AT_LEAST_ONCE_PER_RETRY
        if op.at_most_once:
            self._world.at_most_once.add(path)
            semantics = StepSemantics.AT_MOST_ONCE_PER_RETRY
        config = StepConfig[Any](retrying(op.attempts), semantics, timeout=limit)
        return context.step(async_body if op.is_async else body, name=path, config=config)

    def _wait(self, context: Any, op: Wait, path: str) -> Any:
        return context.wait(seconds=op.seconds, name=path)

    def _condition(self, context: Any, op: Condition, path: str) -> Any:
        def work(state: Any, attempt: int) -> Any:
            if attempt == op.fails_at:
                raise ModelError(f"{path} failed")
            return {"checks": state["checks"] + 1}

        def check(state: Any, info: Any) -> Any:
            return self._body(path, info.attempt, 0, lambda: work(state, info.attempt))

        async def async_check(state: Any, info: Any) -> Any:
            await asyncio.sleep(0)
            return check(state, info)

        def strategy(state: Any, attempt: int) -> WaitForConditionDecision:
            if state["checks"] >= op.checks:
                return WaitForConditionDecision.stop_polling()
            return WaitForConditionDecision.continue_waiting(attempt)

        config = WaitForConditionConfig[Any](strategy, {"checks": 0})
        return context.wait_for_condition(
            async_check if op.is_async else check, config=config, name=path
        )

    # -- the world outside --------------------------------------------------------------------

    async def _callback(self, context: Any, op: Callback, path: str) -> Any:
        self._expect(op.answer, path)
        config = CallbackConfig[Any](
            **callback_times(op.answer),
            on_timeout="raise" if op.raises_on_timeout else "none",
        )
        callback = await _settled(context.create_callback(name=path, config=config))
        self._process.reach(Point.CODE, path)
        return await _settled(callback.result())

    def _wait_for_callback(self, context: Any, op: WaitForCallback, path: str) -> Any:
        self._expect(op.answer, path)
        step = f"{path} submitter"

        def work(callback_id: str, run: int) -> None:
            if run <= op.failures:
                raise ModelError(f"{step} failed")
            if op.answer is Answer.EARLY:
                # A repeated submitter finds that the callback has been answered already.
                with contextlib.suppress(ServiceError):
                    self._world.service.callback_succeed(callback_id, b'"early"')

        def submit(callback_id: str) -> None:
            # The submitter is not told its attempt: it fails until it was called often enough.
            run = self._world.times_run(step) + 1
            self._body(step, run, 0, lambda: work(callback_id, run))

        config = WaitForCallbackConfig[Any](
            **callback_times(op.answer), retry_strategy=retrying(op.failures + 1)
        )
        return context.wait_for_callback(submit, name=path, config=config)

    def _expect(self, answer: Answer, path: str) -> None:
        if answer is Answer.SUCCESS:
            self._world.answers[path] = {"answer": path}
        elif answer is Answer.FAILURE:
            self._world.answers[path] = ModelError(f"{path} was refused")

    def _invoke(self, context: Any, op: InvokeFunction | InvokeDurable, path: str) -> Any:
        return context.invoke(self._names[repr(op)], {"path": path}, name=path)

    # -- contexts -----------------------------------------------------------------------------

    def _child(self, context: Any, op: Child, path: str) -> Any:
        config = ChildConfig[Any](is_virtual=op.is_virtual)
        return context.run_in_child_context(self._function(op.program, path), path, config)

    def _map(self, context: Any, op: Map, path: str) -> Any:
        config = MapConfig[Any](**batch_options(op), item_namer=lambda _, i: f"{path}[{i}]")
        paths = [f"{path}[{i}]" for i in range(op.size)]
        return context.map(paths, self._function(op.program), name=path, config=config)

    def _parallel(self, context: Any, op: Parallel, path: str) -> Any:
        config = ParallelConfig[Any](**batch_options(op))
        branches = [self._function(p, f"{path}[{i}]") for i, p in enumerate(op.branches)]
        return context.parallel(branches, name=path, config=config)

    def _function(self, program: Program, path: str = "") -> Any:
        """A function of the program's kind; without a path it is given one as its item."""

        async def run_async(context: AsyncDurableContext, item: str = path, *_: Any) -> Any:
            return await self.program(context, program, item)

        def run_blocking(context: DurableContext, item: str = path, *_: Any) -> Any:
            return _drive(self.program(context, program, item))

        return run_async if program.is_async else run_blocking

    # -- patterns -----------------------------------------------------------------------------

    def _retry(self, context: Any, op: Retry, path: str) -> Any:
        async def run(context: Any, attempt: int) -> Any:
            values = await self._sequence(context, op.ops, f"{path}!{attempt}")
            if attempt <= op.failures:
                raise ModelError(f"{path} failed")
            return values

        async def run_async(context: AsyncDurableContext, attempt: int) -> Any:
            return await run(context, attempt)

        def run_blocking(context: DurableContext, attempt: int) -> Any:
            return _drive(run(context, attempt))

        function = run_async if _is_async(context) else run_blocking
        config = WithRetryConfig(retrying(op.attempts), op.is_wrapped)
        return with_retry(context, function, path, config)

    async def _try(self, context: Any, op: Try, path: str) -> Any:
        try:
            return await self._sequence(context, op.ops, path)
        except Exception as error:
            return describe(error)

    async def _gather(self, context: Any, op: Gather, path: str) -> Any:
        if not _is_async(context):
            return self._one_by_one(context, op.ops, path)
        begun = self._all_begun(context, op.ops, path)
        results = await asyncio.gather(*begun, return_exceptions=True)
        return [_outcome(context, o, result) for o, result in zip(op.ops, results, strict=True)]

    async def _race(self, context: Any, op: Race, path: str) -> Any:
        if not _is_async(context):
            return self._one_by_one(context, op.ops, path)
        tasks = [asyncio.ensure_future(each) for each in self._all_begun(context, op.ops, path)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    async def _cancel(self, context: Any, op: Cancel, path: str) -> Any:
        if not _is_async(context):
            return self._one_by_one(context, (op.op,), path)
        task = asyncio.ensure_future(self._begin(context, op.op, f"{path}.0"))
        for _ in range(op.after):
            await asyncio.sleep(0)
        task.cancel()
        return await asyncio.gather(task, return_exceptions=True)

    async def _within(self, context: Any, op: Within, path: str) -> Any:
        begun = self._begin(context, op.op, f"{path}.0")
        if _is_async(context):
            begun = await asyncio.wait_for(begun, 0 if op.expires else _PLENTY_SECONDS)
        return _outcome(context, op.op, begun)

    def _all_begun(self, context: Any, ops: Sequence[SingleOp], path: str) -> list[Any]:
        return [self._begin(context, op, f"{path}.{i}") for i, op in enumerate(ops)]

    def _one_by_one(self, context: Any, ops: Sequence[SingleOp], path: str) -> list[Any]:
        return [self._caught(context, op, f"{path}.{i}") for i, op in enumerate(ops)]

    def _caught(self, context: Any, op: SingleOp, path: str) -> Any:
        try:
            return _outcome(context, op, self._begin(context, op, path))
        except Exception as error:
            return observed(error)


_BEGIN: dict[type[Any], Callable[..., Any]] = {
    Step: Run._step,
    Wait: Run._wait,
    Callback: Run._callback,
    WaitForCallback: Run._wait_for_callback,
    Condition: Run._condition,
    InvokeFunction: Run._invoke,
    InvokeDurable: Run._invoke,
    Child: Run._child,
    Map: Run._map,
    Parallel: Run._parallel,
    Retry: Run._retry,
    Try: Run._try,
    Gather: Run._gather,
    Race: Run._race,
    Cancel: Run._cancel,
    Within: Run._within,
}


def _is_async(context: Any) -> bool:
    return isinstance(context, AsyncDurableContext)


def _outcome(context: Any, op: Op, result: Any) -> Any:
    """What is to be the same in every run."""
    return "raced" if races(op, _is_async(context)) else observed(result)
