"""Programs that are at rest: they wait for nothing but durable work, however they go about it.

Whatever else is alive - timers, idle connections, threads, tasks - cannot end their waiting. An
invocation in which nothing else runs is to be suspended at once.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import anyio
import anyio.to_thread
import httpx
from programs_at_work import KEPT, POOL, load, loop
from slow_server import PORT, URL

Program = Callable[[Any], Awaitable[Any]]

PROGRAMS: dict[str, Program] = {}


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def wait(c: Any) -> Any:
    """A durable wait; called at once, so that concurrent tasks need not share the context."""
    return c.wait(seconds=600)


async def finish(awaitable: Awaitable[Any]) -> None:
    await awaitable


def background(coroutine: Any) -> None:
    KEPT["background"] = asyncio.create_task(coroutine)


# ------------------------------------------------------------------------------ ways of awaiting


@program
async def plain(c: Any) -> None:
    await wait(c)


@program
async def async_generator(c: Any) -> None:
    async def generate() -> Any:
        await wait(c)
        yield 1

    async for _ in generate():
        pass


@program
async def nested_generators(c: Any) -> None:
    async def inner() -> Any:
        await wait(c)
        yield 1

    async def outer() -> Any:
        async for each in inner():
            yield each

    await anext(outer(), None)


@program
async def generator_thrown_into(c: Any) -> None:
    async def generate() -> Any:
        try:
            yield 1
        except ValueError:
            await wait(c)
            yield 2

    values = generate()
    await anext(values)
    await values.athrow(ValueError)


@program
async def asynccontextmanager(c: Any) -> None:
    @contextlib.asynccontextmanager
    async def manager() -> Any:
        await wait(c)
        yield

    async with manager():
        pass


class Lazy:
    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __await__(self) -> Any:
        return self.make().__await__()


class LazyGenerator(Lazy):
    def __await__(self) -> Any:
        return (yield from self.make().__await__())


@program
async def awaitable_object(c: Any) -> None:
    await Lazy(lambda: wait(c))


@program
async def awaitable_generator(c: Any) -> None:
    await LazyGenerator(lambda: wait(c))


# ------------------------------------------------------------------------------------- asyncio's


@program
async def gather(c: Any) -> None:
    await asyncio.gather(wait(c), wait(c))


@program
async def gather_below_a_generator(c: Any) -> None:
    async def generate() -> Any:
        yield await asyncio.gather(wait(c), asyncio.shield(wait(c)))

    async for _ in generate():
        pass


@program
async def first_completed(c: Any) -> None:
    tasks = [asyncio.ensure_future(wait(c)) for _ in range(2)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait(tasks)


@program
async def as_completed(c: Any) -> None:
    for done in asyncio.as_completed([wait(c), wait(c)]):
        await done


@program
async def wait_for(c: Any) -> None:
    await asyncio.wait_for(wait(c), 30)


@program
async def wait_for_below_gather(c: Any) -> None:
    await asyncio.gather(asyncio.wait_for(wait(c), 30), wait(c))


@program
async def wait_for_around_gather(c: Any) -> None:
    await asyncio.wait_for(asyncio.gather(wait(c), wait(c)), 30)


@program
async def asyncio_wait_with_a_timeout(c: Any) -> None:
    await asyncio.wait([asyncio.ensure_future(wait(c))], timeout=30)


@program
async def timeout(c: Any) -> None:
    async with asyncio.timeout(30):
        await wait(c)


@program
async def timeout_around_gather(c: Any) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(wait(c), wait(c))


@program
async def task_group(c: Any) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(wait(c))


@program
async def timeout_around_a_task_group(c: Any) -> None:
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(wait(c))


@program
async def future_resolved_by_a_sibling(c: Any) -> None:
    future = loop().create_future()

    async def resolve(child: Any) -> None:
        await wait(child)
        if not future.done():
            future.set_result(1)

    async def awaiting(child: Any) -> None:
        await future

    await c.parallel([resolve, awaiting])


@program
async def barrier(c: Any) -> None:
    both = asyncio.Barrier(2)

    async def slow(child: Any) -> None:
        await wait(child)
        await both.wait()

    async def fast(child: Any) -> None:
        await both.wait()

    await c.parallel([slow, fast])


@program
async def condition(c: Any) -> None:
    changed, out = asyncio.Condition(), []

    async def change(child: Any) -> None:
        await wait(child)
        async with changed:
            out.append(1)
            changed.notify_all()

    async def see(child: Any) -> None:
        async with changed:
            await changed.wait_for(lambda: out)

    await c.parallel([change, see])


@program
async def eager_tasks(c: Any) -> None:
    if sys.version_info < (3, 12):
        await wait(c)
        return
    loop().set_task_factory(asyncio.eager_task_factory)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait(c))
            group.create_task(wait(c))
    finally:
        loop().set_task_factory(None)


def _holding(make: Callable[[], Any]) -> Program:
    async def run(c: Any) -> None:
        lock = make()

        async def hold(child: Any) -> None:
            async with lock:
                await wait(child)

        await c.parallel([hold, hold])

    return run


for _name, _make in {
    "asyncio_lock": asyncio.Lock,
    "asyncio_semaphore": lambda: asyncio.Semaphore(1),
    "anyio_lock": anyio.Lock,
    "anyio_semaphore": lambda: anyio.Semaphore(1),
    "anyio_limiter": lambda: anyio.CapacityLimiter(1),
}.items():
    PROGRAMS[_name] = _holding(_make)

holding_a_lock = PROGRAMS["asyncio_lock"]


# --------------------------------------------------------------------------------------- anyio's


@program
async def anyio_groups(c: Any) -> None:
    async def inner(awaitable: Any) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(finish, awaitable)

    async with anyio.create_task_group() as group:
        group.start_soon(inner, wait(c))
        group.start_soon(finish, wait(c))


@program
async def fail_after(c: Any) -> None:
    with anyio.fail_after(100):
        await wait(c)


@program
async def fail_after_around_a_group(c: Any) -> None:
    with anyio.fail_after(100):
        await anyio_groups(c)


@program
async def fail_after_below_a_group(c: Any) -> None:
    async def inner(awaitable: Any) -> None:
        with anyio.fail_after(100):
            await awaitable

    async with anyio.create_task_group() as group:
        group.start_soon(inner, wait(c))


@program
async def anyio_event(c: Any) -> None:
    event = anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(event.wait)
        await wait(c)
        event.set()


@program
async def anyio_stream(c: Any) -> None:
    send, receive = anyio.create_memory_object_stream[Any](0)

    async def read() -> None:
        async for awaitable in receive:
            await awaitable

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await send.send(wait(c))
        await send.send(wait(c))
        send.close()


@program
async def session_with_a_listener_on_a_socket(c: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)

    async def listen() -> None:
        while await reader.read(10):
            pass

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        await anyio_groups(c)
        group.cancel_scope.cancel()
    writer.close()


# ----------------------------------------------------------------------- beside what is alive


async def beat() -> None:
    while True:  # noqa: ASYNC110 - as such tasks do
        await asyncio.sleep(0.02)


async def spin() -> None:
    while True:  # noqa: ASYNC110 - never to rest is what is tested
        await asyncio.sleep(0)


def _beside(start: Callable[[], Any], then: Program) -> Program:
    async def run(c: Any) -> None:
        background(start())
        await then(c)
        KEPT.pop("background").cancel()

    return run


for _name, _start in {"beat": beat, "spin": spin}.items():
    PROGRAMS[f"{_name}_in_the_background"] = _beside(_start, plain)
    PROGRAMS[f"{_name}_beside_a_lock"] = _beside(_start, holding_a_lock)
    PROGRAMS[f"{_name}_beside_a_group"] = _beside(_start, anyio_groups)


@program
async def background_task_with_an_error_callback(c: Any) -> None:
    background(beat())
    KEPT["background"].add_done_callback(lambda task: task.cancelled() or task.exception())
    await wait(c)


@program
async def beat_that_logs_by_the_contexts_logger(c: Any) -> None:
    logger = c.logger

    async def log() -> None:
        while True:
            await asyncio.sleep(0.02)
            logger.debug("alive")

    background(log())
    await wait(c)


@program
async def beat_that_holds_a_callback(c: Any) -> None:
    callback = await c.create_callback(name="unused")

    async def look() -> None:
        while True:
            await asyncio.sleep(0.02)
            assert callback.callback_id

    background(look())
    await wait(c)


@program
async def idle_aiohttp_pool(c: Any) -> None:
    session = KEPT["idle session"] = aiohttp.ClientSession()
    async with session.get(URL) as response:
        await response.read()
    await holding_a_lock(c)
    await session.close()


@program
async def idle_httpx_pool(c: Any) -> None:
    client = KEPT["idle client"] = httpx.AsyncClient()
    await client.get(URL)
    await anyio_groups(c)
    await client.aclose()


@program
async def idle_worker_threads(c: Any) -> None:
    await anyio.to_thread.run_sync(load)
    await asyncio.to_thread(load)
    await asyncio.wrap_future(POOL.submit(load))
    await holding_a_lock(c)


@program
async def listener_to_server_sent_events(c: Any) -> None:
    client = KEPT["listener"] = httpx.AsyncClient()
    heard = asyncio.Event()

    async def listen() -> None:
        async with client.stream("GET", URL + "/sse") as response:
            async for _ in response.aiter_raw():
                heard.set()

    background(listen())
    await heard.wait()
    await anyio_groups(c)


@program
async def idle_server(c: Any) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = KEPT["server"] = await asyncio.start_server(serve, "127.0.0.1", 0)
    await holding_a_lock(c)
    server.close()


@program
async def signal_handler(c: Any) -> None:
    event = asyncio.Event()
    with contextlib.suppress(RuntimeError, ValueError):  # only the main thread may
        loop().add_signal_handler(signal.SIGUSR1, event.set)

    async def send(child: Any) -> None:
        await wait(child)
        event.set()

    async def see(child: Any) -> None:
        await event.wait()

    await c.parallel([send, see])


@program
async def thread_that_waits_for_nothing_of_ours(c: Any) -> None:
    stop = threading.Event()
    threading.Thread(target=stop.wait, daemon=True).start()
    await holding_a_lock(c)
    stop.set()


@program
async def busy_thread_of_a_pool(c: Any) -> None:
    stop = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(stop.wait)
        try:
            await holding_a_lock(c)
        finally:
            stop.set()


@program
async def pending_timer(c: Any) -> None:
    loop().call_later(3600, print)
    await anyio_groups(c)
