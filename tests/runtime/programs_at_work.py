"""Programs that are at work: each returns after some 20 ms, and nothing but time has to pass.

They wait by every means there is for something that is alive: a thread, a timer, a process, a
connection. An invocation in which one of them runs is not to be suspended.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import dataclasses
import functools
import queue
import socket
import subprocess
import sys
import threading
import time
import types
import weakref
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import aiohttp
import anyio
import anyio.from_thread
import anyio.to_thread
import httpx
from slow_server import PORT, URL

Program = Callable[[Any], Awaitable[Any]]

PROGRAMS: dict[str, Program] = {}
POOL = concurrent.futures.ThreadPoolExecutor(4)
# What programs share by name alone.
KEPT: dict[str, Any] = {}
VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("variable")
shared_state = sys.modules["shared_state"] = types.ModuleType("shared_state")


class Registry:
    queue: ClassVar[Any] = None
    futures: ClassVar[Any] = weakref.WeakValueDictionary()


def program(function: Program) -> Program:
    PROGRAMS[function.__name__] = function
    return function


def load() -> int:
    time.sleep(0.02)
    return 1


def loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


def later(callback: Callable[..., Any], *args: Any) -> None:
    loop().call_later(0.02, callback, *args)


def in_thread(target: Callable[[], Any]) -> None:
    threading.Thread(target=target, daemon=True).start()


# ------------------------------------------------------------------------------------ executors


@program
async def plain_executor_future(c: Any) -> None:
    await loop().run_in_executor(None, load)


@program
async def gather_of_executor_futures(c: Any) -> None:
    await asyncio.gather(*(loop().run_in_executor(None, load) for _ in range(2)))


@program
async def wait_for_executor_future(c: Any) -> None:
    await asyncio.wait_for(loop().run_in_executor(None, load), 5)


@program
async def shield_of_executor_future(c: Any) -> None:
    await asyncio.shield(loop().run_in_executor(None, load))


@program
async def as_completed_of_executor_futures(c: Any) -> None:
    for done in asyncio.as_completed([loop().run_in_executor(None, load) for _ in range(2)]):
        await done


@program
async def asyncio_wait_of_executor_futures(c: Any) -> None:
    await asyncio.wait([loop().run_in_executor(None, load)])


@program
async def wrapped_future_of_a_pool_of_ones_own(c: Any) -> None:
    await asyncio.wrap_future(POOL.submit(load))


@program
async def pool_of_ones_own_that_calls_back(c: Any) -> None:
    event, here = asyncio.Event(), loop()
    POOL.submit(lambda: (load(), here.call_soon_threadsafe(event.set)))
    await event.wait()


@program
async def concurrent_futures_waited_for_in_a_thread(c: Any) -> None:
    await asyncio.to_thread(concurrent.futures.wait, [POOL.submit(load) for _ in range(2)])


@program
async def anyio_thread(c: Any) -> None:
    await anyio.to_thread.run_sync(load)


@program
async def anyio_thread_that_calls_back(c: Any) -> None:
    async def on_loop() -> None:
        await anyio.sleep(0.01)

    await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(on_loop))


# -------------------------------------------------------------------------------------- threads


@program
async def queue_fed_by_a_thread(c: Any) -> None:
    items: asyncio.Queue[int] = asyncio.Queue()
    here = loop()
    in_thread(lambda: (load(), here.call_soon_threadsafe(items.put_nowait, 1)))
    await items.get()


def _feed_kept_queue() -> None:
    load()
    KEPT["loop"].call_soon_threadsafe(KEPT["queue"].put_nowait, 1)


@program
async def global_queue_fed_by_a_thread(c: Any) -> None:
    KEPT.update(queue=asyncio.Queue(), loop=loop())
    in_thread(_feed_kept_queue)
    await KEPT["queue"].get()


_jobs: queue.Queue[Any] = queue.Queue()


def _serve_jobs() -> None:
    while True:
        job = _jobs.get()
        load()
        job()
        del job


@program
async def thread_of_the_module_fed_by_a_queue(c: Any) -> None:
    if "server of jobs" not in KEPT:
        KEPT["server of jobs"] = threading.Thread(target=_serve_jobs, daemon=True)
        KEPT["server of jobs"].start()
    done, here = loop().create_future(), loop()
    _jobs.put(lambda: here.call_soon_threadsafe(done.set_result, 1))
    await done


class Pending:
    events: ClassVar[dict[str, asyncio.Event]] = {}

    @classmethod
    def settle(cls) -> None:
        cls.events["answer"].set()


@program
async def timer_that_calls_a_method_of_a_class(c: Any) -> None:
    Pending.events["answer"] = asyncio.Event()
    later(Pending.settle)
    await Pending.events["answer"].wait()


@program
async def timer_whose_function_has_a_class_at_hand(c: Any) -> None:
    class Local:
        event = asyncio.Event()

    later(lambda: Local.event.set())
    await Local.event.wait()


# A pool whose threads were there before any invocation.
OLD_POOL = concurrent.futures.ThreadPoolExecutor(1)
OLD_POOL.submit(int).result()
ROWS = [{"id": number, "tags": [str(number), {}]} for number in range(20_000)]


def _load_with_rows(rows: list[Any], then: Callable[..., Any]) -> None:
    for _ in range(5):  # longer than it takes to search for it
        load()
    then()


@program
async def thread_from_before_with_much_data_at_hand(c: Any) -> None:
    event, here = asyncio.Event(), loop()
    OLD_POOL.submit(_load_with_rows, ROWS, lambda: here.call_soon_threadsafe(event.set))
    await event.wait()


@program
async def threads_from_before_with_much_data_gathered(c: Any) -> None:
    await asyncio.gather(
        *(asyncio.wrap_future(OLD_POOL.submit(_load_with_rows, ROWS, int)) for _ in range(3))
    )


@program
async def coroutine_run_by_a_thread(c: Any) -> None:
    event, here = asyncio.Event(), loop()

    async def on_loop() -> None:
        await asyncio.sleep(0.01)
        event.set()

    in_thread(lambda: asyncio.run_coroutine_threadsafe(on_loop(), here).result())
    await event.wait()


@program
async def event_loop_in_a_thread(c: Any) -> None:
    event, here = asyncio.Event(), loop()

    async def main() -> None:
        async def inner() -> None:
            await asyncio.sleep(0.02)
            here.call_soon_threadsafe(event.set)

        keep = {asyncio.create_task(inner())}
        await asyncio.wait(keep)

    def run() -> None:
        with asyncio.Runner() as runner:
            runner.run(main())

    in_thread(run)
    await event.wait()


@program
async def blocking_portal(c: Any) -> None:
    event, here = asyncio.Event(), loop()

    async def main() -> None:
        await anyio.sleep(0.02)
        here.call_soon_threadsafe(event.set)

    with anyio.from_thread.start_blocking_portal() as portal:
        portal.start_task_soon(main)
        await event.wait()


@program
async def condition_fed_by_a_task_with_a_thread(c: Any) -> None:
    condition, out = asyncio.Condition(), []

    async def feed() -> None:
        out.append(await asyncio.to_thread(load))
        async with condition:
            condition.notify_all()

    keep = asyncio.create_task(feed())
    async with condition:
        await condition.wait_for(lambda: out)
    await keep


@program
async def barrier_of_two_threads(c: Any) -> None:
    barrier = asyncio.Barrier(2)

    async def other() -> None:
        await asyncio.to_thread(load)
        await barrier.wait()

    keep = asyncio.create_task(other())
    await barrier.wait()
    await keep


# --------------------------------------------------------------------------------------- timers


@program
async def event_set_by_a_timer(c: Any) -> None:
    event = asyncio.Event()
    later(event.set)
    await event.wait()


@program
async def event_set_by_a_partial(c: Any) -> None:
    event = asyncio.Event()
    later(functools.partial(functools.partial(lambda e: e.set()), event))
    await event.wait()


@program
async def queue_fed_by_a_background_task(c: Any) -> None:
    items: asyncio.Queue[int] = asyncio.Queue()

    async def produce() -> None:
        await asyncio.sleep(0.02)
        await items.put(1)

    keep = asyncio.create_task(produce())
    await items.get()
    await keep


@program
async def anyio_group_over_a_sleep(c: Any) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0.02)


@program
async def anyio_stream_fed_by_a_sleeper(c: Any) -> None:
    send, receive = anyio.create_memory_object_stream[int](0)

    async def produce() -> None:
        await anyio.sleep(0.02)
        await send.send(1)

    async with anyio.create_task_group() as group, send, receive:
        group.start_soon(produce)
        await receive.receive()


@program
async def timeout_around_a_lock(c: Any) -> None:
    lock = asyncio.Lock()
    await lock.acquire()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.02):
            await lock.acquire()


@program
async def wait_for_around_an_event(c: Any) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), 0.02)


@program
async def anyio_deadline_around_an_event(c: Any) -> None:
    with anyio.move_on_after(0.02):
        await anyio.Event().wait()


@program
async def async_generator_that_sleeps(c: Any) -> None:
    async def generate() -> Any:
        try:
            yield 1
        except ValueError:
            await asyncio.sleep(0.02)
            yield 2

    values = generate()
    await anext(values)
    await values.athrow(ValueError)
    await values.aclose()


@program
async def timer_of_the_loops_time(c: Any) -> None:
    done = loop().create_future()
    loop().call_at(loop().time() + 0.02, done.set_result, None)
    await done


# ---------------------------------------------------------------- links from a timer to the waiter


@program
async def link_by_a_context_variable(c: Any) -> None:
    VARIABLE.set(asyncio.Queue())
    later(lambda: VARIABLE.get().put_nowait(1))
    await VARIABLE.get().get()


@program
async def link_by_a_class_attribute(c: Any) -> None:
    Registry.queue = asyncio.Queue()
    later(lambda: Registry.queue.put_nowait(1))
    await Registry.queue.get()


@program
async def link_by_an_instances_class(c: Any) -> None:
    Registry.queue = asyncio.Queue()
    registry = Registry()
    later(lambda: registry.queue.put_nowait(1))
    await registry.queue.get()


@program
async def link_by_weak_values(c: Any) -> None:
    done = Registry.futures[7] = loop().create_future()
    later(lambda: Registry.futures[7].set_result(1))
    await done


@program
async def link_by_a_weak_method(c: Any) -> None:
    event = asyncio.Event()
    method = weakref.WeakMethod(event.set)
    later(lambda: method()())
    await event.wait()


@program
async def link_by_a_weak_proxy(c: Any) -> None:
    event = asyncio.Event()
    proxy = weakref.proxy(event)
    later(lambda: proxy.set())
    await event.wait()


@program
async def link_by_a_module_attribute(c: Any) -> None:
    shared_state.queue = asyncio.Queue()  # type: ignore[attr-defined]
    later(lambda: shared_state.queue.put_nowait(1))  # type: ignore[attr-defined]
    await shared_state.queue.get()  # type: ignore[attr-defined]


@program
async def link_by_a_class_of_a_module(c: Any) -> None:
    shared_state.Registry = Registry  # type: ignore[attr-defined]
    Registry.queue = asyncio.Queue()
    later(lambda: shared_state.Registry.queue.put_nowait(1))  # type: ignore[attr-defined]
    await Registry.queue.get()


@program
async def link_by_an_import_in_a_function(c: Any) -> None:
    def feed() -> None:
        import shared_state as state  # type: ignore[import-not-found]

        state.queue.put_nowait(1)

    shared_state.queue = asyncio.Queue()  # type: ignore[attr-defined]
    later(feed)
    await shared_state.queue.get()  # type: ignore[attr-defined]


@program
async def link_by_getattr(c: Any) -> None:
    Registry.queue = asyncio.Queue()
    later(lambda: getattr(Registry, "queue").put_nowait(1))  # noqa: B009 - what is tested
    await Registry.queue.get()


class Slotted:
    __slots__ = ("event",)

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def fire(self) -> None:
        self.event.set()


@program
async def link_by_slots(c: Any) -> None:
    slotted = Slotted()
    later(slotted.fire)
    await slotted.event.wait()


@dataclasses.dataclass
class Holder:
    event: asyncio.Event = dataclasses.field(default_factory=asyncio.Event)

    def __call__(self) -> None:
        self.event.set()


@program
async def link_by_a_callable_dataclass(c: Any) -> None:
    holder = Holder()
    later(holder)
    await holder.event.wait()


@program
async def link_by_a_closure_of_a_class(c: Any) -> None:
    event = asyncio.Event()

    class Local:
        def fire(self) -> None:
            event.set()

    later(Local().fire)
    await event.wait()


# ------------------------------------------------------------------ connections and processes


@program
async def anyio_socket(c: Any) -> None:
    async with await anyio.connect_tcp("127.0.0.1", PORT) as stream:
        await stream.send(b"GET /slow HTTP/1.1\r\n\r\n")
        await stream.receive()


@program
async def aiohttp_request(c: Any) -> None:
    async with aiohttp.ClientSession() as session, session.get(URL + "/slow") as response:
        await response.read()


@program
async def aiohttp_stream(c: Any) -> None:
    async with aiohttp.ClientSession() as session, session.get(URL + "/stream") as response:
        async for _ in response.content.iter_any():
            pass


@program
async def aiohttp_request_below_gather_of_a_kept_session(c: Any) -> None:
    session = KEPT["session"] = aiohttp.ClientSession()

    async def fetch() -> None:
        async with session.get(URL + "/slow") as response:
            await response.read()

    await asyncio.gather(fetch(), fetch())
    await session.close()


@program
async def httpx_stream(c: Any) -> None:
    async with httpx.AsyncClient() as client, client.stream("GET", URL + "/stream") as response:
        async for _ in response.aiter_raw():
            pass


@program
async def httpx_requests_in_a_group(c: Any) -> None:
    async with httpx.AsyncClient() as client, asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(client.get(URL + "/slow"))


@program
async def process_waited_for(c: Any) -> None:
    process = await asyncio.create_subprocess_exec("sleep", "0.02")
    await process.wait()


@program
async def process_read_from(c: Any) -> None:
    process = await asyncio.create_subprocess_shell("sleep 0.02; echo", stdout=subprocess.PIPE)
    await process.communicate()


@program
async def protocol_that_feeds_a_queue(c: Any) -> None:
    items: asyncio.Queue[bytes] = asyncio.Queue()

    class Protocol(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            transport.write(b"GET /slow HTTP/1.1\r\n\r\n")

        def data_received(self, data: bytes) -> None:
            items.put_nowait(data)

    transport, _ = await loop().create_connection(Protocol, "127.0.0.1", PORT)
    await items.get()
    transport.close()


class GlobalProtocol(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        transport.write(b"GET /slow HTTP/1.1\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        KEPT["received"].put_nowait(data)


@program
async def protocol_that_feeds_a_global_queue(c: Any) -> None:
    KEPT["received"] = asyncio.Queue()
    transport, _ = await loop().create_connection(GlobalProtocol, "127.0.0.1", PORT)
    await KEPT["received"].get()
    transport.close()


@program
async def server_whose_connection_feeds_a_queue(c: Any) -> None:
    items: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await items.put(await reader.read(1))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    def connect() -> None:
        with socket.create_connection(("127.0.0.1", port)) as client:
            load()
            client.send(b"x")

    in_thread(connect)
    await items.get()
    server.close()


@program
async def reader_of_a_pipe(c: Any) -> None:
    ours, theirs = socket.socketpair()
    event = asyncio.Event()
    loop().add_reader(ours, event.set)
    in_thread(lambda: (load(), theirs.send(b"x")))
    await event.wait()
    loop().remove_reader(ours)
    ours.close()
    theirs.close()


@program
async def request_answered_by_a_reader_task(c: Any) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    pending: list[Any] = []

    async def read() -> None:
        while await reader.readuntil(b"hi"):
            pending.pop().set_result(1)

    KEPT["reader"] = asyncio.create_task(read())
    answered = loop().create_future()
    pending.append(answered)
    writer.write(b"GET /slow HTTP/1.1\r\n\r\n")
    await answered
    KEPT["reader"].cancel()
    writer.close()


# ------------------------------------------------------------------------------- spinning tasks


@program
async def event_set_by_a_task_that_spins(c: Any) -> None:
    event, until = asyncio.Event(), loop().time() + 0.06

    async def spin() -> None:
        while loop().time() < until:  # noqa: ASYNC110 - what is tested
            await asyncio.sleep(0)
        event.set()

    keep = asyncio.create_task(spin())
    await event.wait()
    await keep
