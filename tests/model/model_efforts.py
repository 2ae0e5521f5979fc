"""What user code waits for that is not durable: threads, timers, tasks, sockets.

While any of it is under way and somebody waits for it, an invocation must not be suspended. All of
it takes real time, a few milliseconds.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.to_thread
from model_programs import Effort, Stray, Work

# A program's own executor, as a module has one.
_executor = ThreadPoolExecutor(4, thread_name_prefix="model-program")


def labour(work: Work) -> None:
    """Do the work in blocking code."""
    seconds = work.millis / 1000
    if work.effort in (Effort.OWN_EXECUTOR, Effort.GATHERED_THREADS):
        _executor.submit(time.sleep, seconds).result()
    elif work.effort in (Effort.SLEEP, Effort.THREAD):
        time.sleep(seconds)
    else:
        asyncio.run(strive(work))


async def strive(work: Work) -> None:
    """Do the work in async code."""
    await _EFFORTS[work.effort](work.millis / 1000)


def go_astray(stray: Stray) -> None:
    """Raise a CancelledError in blocking code."""
    if stray is Stray.AWAITED:
        asyncio.run(stray_async(stray))
    raise asyncio.CancelledError("nobody asked for it")


async def stray_async(stray: Stray) -> None:
    """Raise a CancelledError in async code."""
    if stray is Stray.AWAITED:
        task = asyncio.create_task(asyncio.sleep(3600))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task
    raise asyncio.CancelledError("nobody asked for it")


async def _gathered(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    jobs = (loop.run_in_executor(None, time.sleep, seconds) for _ in range(2))
    await asyncio.wait_for(asyncio.gather(*jobs), 3600)


async def _own_executor(seconds: float) -> None:
    await asyncio.get_running_loop().run_in_executor(_executor, time.sleep, seconds)


async def _event(seconds: float) -> None:
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def work() -> None:
        time.sleep(seconds)
        loop.call_soon_threadsafe(event.set)

    thread = threading.Thread(target=work, name="model-program")
    thread.start()
    try:
        await event.wait()
    finally:
        thread.join()


async def _queue(seconds: float) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue()
    timer = asyncio.get_running_loop().call_later(seconds, queue.put_nowait, 1)
    try:
        await queue.get()
    finally:
        timer.cancel()


async def _future(seconds: float) -> None:
    future = asyncio.get_running_loop().create_future()

    async def resolve() -> None:
        await asyncio.sleep(seconds)
        future.set_result(None)

    task = asyncio.create_task(resolve())
    try:
        await future
    finally:
        task.cancel()


async def _stream(seconds: float) -> None:
    send, receive = anyio.create_memory_object_stream[int](1)

    async def work() -> None:
        await anyio.sleep(seconds)
        await send.send(1)

    with send, receive:
        async with anyio.create_task_group() as group:
            group.start_soon(work)
            await receive.receive()


async def _socket(seconds: float) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    def work() -> None:
        time.sleep(seconds)
        theirs.send(b"x")

    thread = threading.Thread(target=work, name="model-program")
    thread.start()
    try:
        await asyncio.get_running_loop().sock_recv(ours, 1)
    finally:
        thread.join()
        ours.close()
        theirs.close()


_EFFORTS: dict[Effort, Callable[[float], Awaitable[None]]] = {
    Effort.SLEEP: asyncio.sleep,
    Effort.ANYIO_SLEEP: anyio.sleep,
    Effort.THREAD: lambda seconds: asyncio.to_thread(time.sleep, seconds),
    Effort.GATHERED_THREADS: _gathered,
    Effort.OWN_EXECUTOR: _own_executor,
    Effort.ANYIO_THREAD: lambda seconds: anyio.to_thread.run_sync(time.sleep, seconds),
    Effort.EVENT: _event,
    Effort.QUEUE: _queue,
    Effort.FUTURE: _future,
    Effort.STREAM: _stream,
    Effort.SOCKET: _socket,
}
