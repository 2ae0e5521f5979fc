"""What is no HTTP request is answered like every other error, and none of its bytes are logged.

The service and the Runtime API of sandboxes are built on the same listener; the programs run
against both.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from served_handlers import ECHO
from serving_bench import Served

from aws_durable_execution_sdk_python_testing._sandbox.runtime_api import RuntimeApi

Serve = Callable[..., Served]

SECRET = "hunter2-4111111111111111"
HEAD = f"Host: 127.0.0.1\r\nAuthorization: AWS4 {SECRET}\r\n"
POST = f"POST /2025-12-01/durable-executions/{SECRET}/checkpoint HTTP/1.1\r\n{HEAD}"
CHUNKED = f"{POST}Transfer-Encoding: chunked\r\n\r\n"

UNREADABLE = {
    "a lone CR in a header": f"{POST}X-Token: a\r{SECRET}\r\n\r\n",
    "no chunk size": f"{CHUNKED}{SECRET}\r\n\r\n",
    "a bad chunk after a good one": f"{CHUNKED}5\r\nabcde\r\n{SECRET}\r\n\r\n",
    "a length that is none": f"{POST}Content-Length: {SECRET}\r\n\r\n",
    "a negative length": f"{POST}Content-Length: -5\r\n\r\n{SECRET}",
    "two lengths": f"{POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n{SECRET}",
    "length and chunks": f"{POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}",
    "no method": f"{SECRET} \r\n\r\n",
    "another protocol": f"\x16\x03\x01{SECRET}\r\n\r\n",
    "a bad version": f"GET /{SECRET} HTTP/9.x\r\n{HEAD}\r\n",
    "a header without a colon": f"{POST}{SECRET}\r\n\r\n",
    "a null byte in a header": f"{POST}X-Token: {SECRET}\0\r\n\r\n",
    "a header that is too long": f"{POST}X-Token: {SECRET * 2000}\r\n\r\n",
    "a line that is too long": f"GET /{SECRET * 2000} HTTP/1.1\r\n{HEAD}\r\n",
}


class LoopThread:
    """An event loop for the Runtime API."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def run(self, work: object) -> str:
        return str(asyncio.run_coroutine_threadsafe(work, self.loop).result(30))  # type: ignore[arg-type]

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture(params=["service", "runtime API"])
def address(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    if request.param == "service":
        served = request.getfixturevalue("serve")(ECHO)
        parts = urlsplit(served.url)
        yield parts.hostname or "", parts.port or 0
        return
    thread = LoopThread()
    api = RuntimeApi(at_rest=lambda: None)
    host, _, port = thread.run(api.open()).partition(":")
    yield host, int(port)
    thread.run(api.close())
    thread.close()


def answer(address: tuple[str, int], request: str) -> str:
    """All that comes back, up to where the connection ends."""
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(request.encode("latin-1"))
        received = bytearray()
        while data := client.recv(65_536):
            received += data
    return received.decode("latin-1")


@pytest.mark.parametrize("kind", sorted(UNREADABLE))
def test_what_is_no_request_gets_a_documented_answer_and_is_not_quoted(
    address: tuple[str, int],
    kind: str,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.INFO)
    text = answer(address, UNREADABLE[kind])
    head, _, body = text.partition("\r\n\r\n")
    status = head.partition("\r\n")[0]
    assert status.split()[1] in ("400", "404"), status
    assert "x-amzn-errortype: " in head.lower()
    assert "x-amzn-requestid: " in head.lower()
    assert body.startswith("{")
    printed = capfd.readouterr()
    formatter = logging.Formatter("%(name)s %(message)s")
    logged = [formatter.format(record) + str(vars(record)) for record in caplog.records]
    assert SECRET not in "".join([text, *logged, printed.out, printed.err])


def test_the_log_says_that_there_was_one(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    parts = urlsplit(serve(ECHO).url)
    answer((parts.hostname or "", parts.port or 0), UNREADABLE["no method"])
    (record,) = [one for one in caplog.records if "requests" in one.name]
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("a request could not be read or answered: Bad")


def test_the_server_goes_on(serve: Serve) -> None:
    served = serve(ECHO)
    parts = urlsplit(served.url)
    for request in UNREADABLE.values():
        answer((parts.hostname or "", parts.port or 0), request)
    assert served.send("GET", "/health").json == {"status": "healthy"}


@pytest.mark.parametrize("host", ["", " "])
def test_no_address_is_not_every_address(serve: Serve, host: str) -> None:
    with pytest.raises(ValueError, match="address"):
        serve(ECHO, host=host)
