"""The endpoint that runs the functions."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web
from soaking.functions import HANDLERS
from soaking.ledger import Acknowledging, InvocationRecord, Ledger, current

from aws_durable_execution_sdk_python.execution import DurableExecutionInvocationInputWithClient

INVOCATION_THREADS = 64
MAX_EVENT_BYTES = 64 * 1024 * 1024


class FunctionHost:
    """The endpoint the service invokes; it outlives the service."""

    def __init__(self) -> None:
        self.url = ""
        self.service: Any = None  # a boto3 client, once there is a service
        self.ledgers: defaultdict[str, Ledger] = defaultdict(Ledger)
        self.invocations = 0
        self.failed_invocations: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(INVOCATION_THREADS, "function")
        self._free_threads = asyncio.Semaphore(INVOCATION_THREADS)
        self._ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._ready.wait()

    async def _serve(self) -> None:
        app = web.Application(client_max_size=MAX_EVENT_BYTES)
        app.router.add_post("/2015-03-31/functions/{name}/invocations", self._answer)
        # What a service that is dead now still had waiting for a thread is not run at all.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await asyncio.Event().wait()

    async def _answer(self, request: web.Request) -> web.Response:
        name, event = request.match_info["name"], await request.json()
        loop = asyncio.get_running_loop()
        try:
            async with self._free_threads:
                answer = await loop.run_in_executor(self._pool, self._invoke, name, event)
        except Exception as error:
            report = {"errorType": type(error).__name__, "errorMessage": str(error)}
            headers = {"X-Amz-Function-Error": "Unhandled"}
            return web.json_response(report, headers=headers)
        return web.json_response(answer)

    def _invoke(self, name: str, event: dict[str, Any]) -> Any:
        self.invocations += 1
        ledger = self.ledgers[event["DurableExecutionArn"]]
        record = InvocationRecord(ledger, frozenset(ledger.ended_steps))
        token = current.set(record)
        try:
            client = Acknowledging(self.service, ledger)
            given = DurableExecutionInvocationInputWithClient.from_event(event, client)
            return HANDLERS[name](given, None)
        except Exception as error:
            self.failed_invocations[type(error).__name__] += 1
            raise
        finally:
            current.reset(token)
            ledger.repeated += [run for run in record.runs if run in record.known_at_start]
