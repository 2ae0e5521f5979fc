"""Runs a program on a durable context, blocking or async.

The interpreter is written once. Its coroutines await what async operations return; what blocking
ones return is there already, so in blocking code they run to their end without an event loop.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from model_bodies import Bodies
from model_configs import batch_options, callback_times, retrying
from model_efforts import go_astray, labour, stray_async, strive
from model_http import boto3_client
from model_joints import LOOSE, ONE_AT_A_TIME, PLENTY_SECONDS, Begin, joined
from model_process import Process
from model_programs import (
    Answer,
    Batch,
    Callback,
    Cancel,
    Child,
    Condition,
    DurableOp,
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
    Stray,
    Try,
    Wait,
    WaitForCallback,
    Within,
    Work,
    cancels,
    races,
)
from model_values import PADDING, describe, observed
from model_world import Point, Transport, World

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
    WithRetryConfig,
)


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

    client = boto3_client() if world.plan.transport is Transport.BOTO3 else None
    return durable_execution(boto3_client=client)(run_async if program.is_async else run_blocking)


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
        self._bodies = Bodies(world, process)

    async def program(self, context: Any, program: Program, path: str) -> Any:
        if not program.is_async:
            self._world.loose.add(path)
        with self._process.flow(path):
            values = await self._sequence(context, program.ops, path)
            if program.stray is not None:
                await self._go_astray(context, program.stray)
            return [values, PADDING] if program.is_large else values

    async def _go_astray(self, context: Any, stray: Stray) -> None:
        if _is_async(context):
            await stray_async(stray)
        go_astray(stray)

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
        self._returns(op, path)
        value = _outcome(context, op, result)
        self._observe(op, path, value)
        return value

    def _returns(self, op: Op, path: str) -> None:
        if isinstance(op, DurableOp | Callback):
            self._process.returns(path)
            if isinstance(op, Batch):
                self._process.decide(path)

    def _observe(self, op: Op, path: str, value: Any) -> None:
        self._process.check_running()
        self._world.observe(path, value)
        if isinstance(op, Step | Condition):
            self._world.check_stored(path)

    def _begin(self, context: Any, op: Op, path: str) -> Any:
        """Call the operation: its value in blocking code, in async code an awaitable."""
        if races(op, _is_async(context)):
            self._world.raced.add(path)
        if cancels(op, _is_async(context)):
            self._world.cancelled.add(path)
        if isinstance(op, DurableOp | Callback):
            self._process.call(path)
        return _BEGIN[type(op)](self, context, op, path)

    # -- one operation ----------------------------------------------------------------------

    def _step(self, context: Any, op: Step, path: str) -> Any:
        return self._bodies.step(context, op, path)

    def _condition(self, context: Any, op: Condition, path: str) -> Any:
        return self._bodies.condition(context, op, path)

    def _wait(self, context: Any, op: Wait, path: str) -> Any:
        return context.wait(seconds=op.seconds, name=path)

    def _work(self, context: Any, op: Work, path: str) -> Any:
        if _is_async(context):
            return self._work_async(op, path)
        labour(op)
        return "worked"

    async def _work_async(self, op: Work, path: str) -> Any:
        self._process.reach(Point.CODE, path)
        with self._process.awaited(path):
            await strive(op)
        return "worked"

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
        return self._bodies.wait_for_callback(context, op, path)

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
        return with_retry(context, function, config, path)

    async def _try(self, context: Any, op: Try, path: str) -> Any:
        try:
            return await self._sequence(context, op.ops, path)
        except Exception as error:
            return describe(error)

    async def _gather(self, context: Any, op: Gather, path: str) -> Any:
        if not _is_async(context):
            return self._one_by_one(context, op.ops, path)
        if op.by in LOOSE:
            self._world.loose.add(path)
        if op.by in ONE_AT_A_TIME:
            self._world.unattended.add(path)
        begins = [self._beginning(context, o, f"{path}.{i}") for i, o in enumerate(op.ops)]
        outcomes = await joined(op.by, begins)
        return [_outcome(context, o, one) for o, one in zip(op.ops, outcomes, strict=True)]

    def _beginning(self, context: Any, op: SingleOp, path: str) -> Begin:
        return lambda: self._begin(context, op, path)

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
            begun = await asyncio.wait_for(begun, 0 if op.expires else PLENTY_SECONDS)
        return _outcome(context, op.op, begun)

    def _all_begun(self, context: Any, ops: Sequence[SingleOp], path: str) -> list[Any]:
        return [self._begin(context, op, f"{path}.{i}") for i, op in enumerate(ops)]

    def _one_by_one(self, context: Any, ops: Sequence[SingleOp], path: str) -> list[Any]:
        return [self._caught(context, op, f"{path}.{i}") for i, op in enumerate(ops)]

    def _caught(self, context: Any, op: SingleOp, path: str) -> Any:
        try:
            result = self._begin(context, op, path)
        except Exception as error:
            return observed(error)
        self._returns(op, path)
        return _outcome(context, op, result)


_BEGIN: dict[type[Any], Callable[..., Any]] = {
    Step: Run._step,
    Wait: Run._wait,
    Work: Run._work,
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
