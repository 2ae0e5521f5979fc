"""Timers of user code that a suspension forgets: a time-out around nothing but durable work.

Looked for when an invocation is about to be suspended, and only to tell: each line of code is named
once in a process. Where the line is cannot be had more cheaply than from who waits there.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from types import CoroutineType, FrameType, GeneratorType
from typing import Any

import anyio

from aws_durable_execution_sdk_python._kernel.liveness import Asleep, settled
from aws_durable_execution_sdk_python._kernel.reachability import Search, waits_for

_log = logging.getLogger(__name__)

# How many objects lie between a timer and who waits, at most.
_LIMIT = 2_000
# Where the lines of frameworks are, which are not what the user wrote.
_NOT_USERS = tuple(
    os.path.dirname(file) + os.sep
    for file in (os.path.dirname(__file__), asyncio.__file__, anyio.__file__)
)
_told: set[tuple[str, int]] = set()


def warn(timers: Iterable[asyncio.TimerHandle], asleep: Asleep) -> None:
    """Name the lines that wait for durable work under these timers.

    Parameters:
        timers: those of the invocation that are still to fire.
        asleep: the tasks that wait for durable work.
    """
    tasks: dict[object, asyncio.Task[Any]] = {}
    for timer in timers:
        tasks = tasks or resting(asleep)
        task = tasks.get(reached(timer, tasks, asleep))
        waits_at = None if task is None else line(task)
        if waits_at is not None and waits_at not in _told:
            _told.add(waits_at)
            _log.warning(
                'File "%s", line %d: a timer around this durable wait (asyncio.timeout, wait_for, '
                "anyio.fail_after, call_later or the like) is forgotten, because the invocation is "
                "suspended; the next one sets it anew. Let the service keep the time: "
                "CallbackConfig(timeout=...), or a race against context.wait(...). "
                "See docs/asyncio.md",
                *waits_at,
            )


def reached(
    timer: asyncio.TimerHandle, tasks: Mapping[object, asyncio.Task[Any]], asleep: Asleep
) -> object | None:
    """What a timer reaches first: a task, to cancel it, or what one waits for, to let it go on.

    Parameters:
        tasks: by themselves and by what they wait for.
    """
    found = Search(tasks, asleep=asleep, limit=_LIMIT, by_name=False).run([timer])
    return None if found is None else found.target


def resting(asleep: Asleep) -> dict[object, asyncio.Task[Any]]:
    """By themselves and by what they wait for: tasks that durable work alone makes go on."""
    completed = settled(asleep, _LIMIT)
    tasks: dict[object, asyncio.Task[Any]] = {}
    for task in asyncio.all_tasks():
        waiter = waits_for(task)
        if task in asleep or id(waiter) in completed:
            tasks[task] = tasks[waiter] = task
    return tasks


def rests(task: asyncio.Task[Any], asleep: Asleep) -> bool:
    """Whether a task is one of those, or what one of those waits for makes it go on."""
    return task in asleep or id(waits_for(task)) in settled(asleep, _LIMIT)


def line(task: asyncio.Task[Any]) -> tuple[str, int] | None:
    """The innermost line of the user's in which a task waits."""
    found = None
    for frame in _frames(task.get_coro()):
        if not frame.f_code.co_filename.startswith(_NOT_USERS):
            found = frame.f_code.co_filename, frame.f_lineno
    return found


def _frames(flow: object) -> Iterator[FrameType]:
    while isinstance(flow, CoroutineType | GeneratorType):
        if isinstance(flow, CoroutineType):
            frame, flow = flow.cr_frame, flow.cr_await
        else:
            frame, flow = flow.gi_frame, flow.gi_yieldfrom
        if frame is not None:
            yield frame
