"""Malformed requests, kills and damaged stores, as many as are wanted, from one seed.

    python benchmarks/attack.py --requests 10000 --kills 100 --damages 800 --seed 1

- *Requests*: bytes that are almost requests of the durable API go to a service in this process.
  Each answer must be one of the documented ones, no 5xx among them, and nothing of what was sent
  may be in the log.
- *Kills*: a process writes to a store and says what has been acknowledged, until it gets a SIGKILL
  at a random moment. Whatever it has said must be in the store, and a command as a whole.
- *Damages*: bytes of a store are flipped, cut, deleted, overwritten or put in. It must open as
  some beginning of what it held, or say in a `StoreError` what is wrong.

The exit code is 1 if any of that did not hold.
"""

from __future__ import annotations

import logging
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import click

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    hosted,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget, Engine, StartExecution
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings
from aws_durable_execution_sdk_python_testing.stores import (
    FileSystemExecutionStore,
    SQLiteExecutionStore,
    StoreError,
)

SECRET = "hunter2-4111111111111111"
ARN = "arn:aws:lambda:us-west-2:123456789012:function:f:1/durable-execution/n/i"
STORES: dict[str, Callable[[Path], FileSystemExecutionStore | SQLiteExecutionStore]] = {
    "SQLite": SQLiteExecutionStore.create_and_initialize,
    "file system": FileSystemExecutionStore.create,
}


@dataclass
class Tally:
    """What came of one kind of attack.

    Attributes:
        outcomes: how often each.
        wrong: what must not be, with what brought it about.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


# ------------------------------------------------------------------------------- requests


def requests(chance: random.Random, count: int) -> Iterator[bytes]:
    """Requests that are broken in one place or another, or in none."""
    executions = f"/2025-12-01/durable-executions/{quote(ARN, safe='')}"
    callbacks = f"/2025-12-01/durable-execution-callbacks/{SECRET}"
    targets = [
        ("POST", "/2015-03-31/functions/echo/invocations?Qualifier=1"),
        ("POST", "/start-durable-execution"),
        ("PUT", "/lambda-endpoint"),
        *(("POST", f"{executions}/{what}") for what in ("checkpoint", "stop", "pause", "resume")),
        *(
            ("GET", f"{executions}{what}")
            for what in ("", "/state?Marker=x", "/history?MaxItems=1")
        ),
        ("DELETE", executions),
        *(("POST", f"{callbacks}/{what}") for what in ("succeed", "fail", "heartbeat")),
        ("GET", "/2025-12-01/functions/echo/durable-executions?Statuses=RUNNING"),
        ("GET", "/health"),
    ]
    bodies = [
        b"",
        b"{}",
        b'{"CheckpointToken":"%s","Updates":[{"Id":"a"}]}' % SECRET.encode(),
        b'{"a":1e999}',
        b"[" * 2_000,
        SECRET.encode(),
        b"\xff\xfe",
    ]
    for _ in range(count):
        method, target = chance.choice(targets)
        body = chance.choice(bodies)
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {SECRET}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        yield _mutated(head.encode() + body, chance)


def _mutated(request: bytes, chance: random.Random) -> bytes:
    data = bytearray(request)
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        place = chance.randrange(len(data))
        kind = chance.randrange(4)
        if kind == 0:
            data[place] = chance.randrange(256)
        elif kind == 1:
            del data[place : place + chance.randint(1, 8)]
        elif kind == 2:
            data[place:place] = chance.choice((b"\r", b"\n", b"\0", b":", b"%", SECRET.encode()))
        else:
            data[place:place] = data[place : place + 40]
    return bytes(data)


class _Log(logging.Handler):
    """Remembers whether the secret was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.leaks += SECRET in self.format(record)


def attack_with_requests(chance: random.Random, count: int) -> Tally:
    tally, log = Tally(), _Log()
    logging.getLogger().addHandler(log)
    functions = [
        hosted("plain", lambda event, context: event),
        DeclaredFunction(name="echo", handler=_echo, durable=DurableTarget()),
    ]
    with DurableServer(functions, ServerSettings(api_rates=False)) as server:
        parts = urlsplit(server.url)
        for request in requests(chance, count):
            answer = _answer((parts.hostname or "", parts.port or 0), request)
            status = answer.split(b" ", 2)[1].decode() if answer else "none: not a whole request"
            tally.outcomes[status] += 1
            failed = not status.startswith("2") and answer
            if status.startswith("5") or (failed and b"x-amzn-errortype" not in answer.lower()):
                tally.wrong.append(f"{status}: {request!r}")
    logging.getLogger().removeHandler(log)
    if log.leaks:
        tally.wrong.append(f"{log.leaks} lines of the log quote a request")
    return tally


def _echo(event: object, context: object) -> dict[str, str]:
    return {"Status": "SUCCEEDED", "Result": "1"}


def _answer(address: tuple[str, int], request: bytes) -> bytes:
    """All that comes back; nothing if the service waits for the rest of the request."""
    with socket.create_connection(address) as client:
        client.settimeout(0.2)
        received = b""
        try:
            client.sendall(request)
            while data := client.recv(65_536):
                received += data
        except OSError:  # it waits, or has cut the connection with the rest unread
            pass
    return received


# ---------------------------------------------------------------------------------- kills

_WRITER = """
import sys
from pathlib import Path
from attack import STORES
store = STORES[sys.argv[1]](Path(sys.argv[2]))
number = max([record["n"] for _, record in store.load()], default=0)
while True:
    number += 1
    store.append([(f"arn-{number % 7}", {"n": number}), (f"arn-{number % 5 + 10}", {"n": number})])
    print(number, flush=True)
"""


def attack_with_kills(chance: random.Random, count: int, directory: Path) -> Tally:
    tally = Tally()
    for kind, open_store in STORES.items():
        path = directory / f"killed-{kind.replace(' ', '-')}"
        for _ in range(count // len(STORES)):
            acknowledged = _write_until_killed(kind, path, chance.randint(1, 60))
            with closing(open_store(path)) as store:
                found = Counter(record["n"] for _, record in store.load())
            tally.outcomes[kind] += 1
            if any(found[number] != 2 for number in range(1, acknowledged + 1)):
                tally.wrong.append(f"{kind}: something of the first {acknowledged} is missing")
            if any(times != 2 for times in found.values()):
                tally.wrong.append(f"{kind}: a command is there in part")
    return tally


def _write_until_killed(kind: str, path: Path, lines: int) -> int:
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, kind, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent,
    ) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        return max(map(int, process.stdout.read().split()), default=lines)


# -------------------------------------------------------------------------------- damages


def attack_with_damages(chance: random.Random, count: int, directory: Path) -> Tally:
    tally = Tally()
    for kind, open_store in STORES.items():
        original = directory / f"original-{kind.replace(' ', '-')}"
        with closing(open_store(original)) as store:
            engine = Engine(store)
            for number in range(5):
                request = StartExecution(function_name="f", input=f'{{"n":{number}}}')
                arn = engine.start_execution(request, 0.0).arn
                if number % 2:
                    engine.stop_execution(arn, None, 1.0)
            expected = list(store.load())
        for _ in range(count // len(STORES)):
            outcome = _open_damaged(kind, original, directory / "damaged", chance, expected)
            tally.outcomes[outcome] += 1
            if outcome.startswith("wrong"):
                tally.wrong.append(f"{kind}: {outcome}")
    return tally


def _open_damaged(
    kind: str, original: Path, path: Path, chance: random.Random, expected: list[object]
) -> str:
    copy = shutil.copytree if original.is_dir() else shutil.copy
    copy(original, path)
    files = [path] if path.is_file() else [one for one in path.iterdir() if one.stat().st_size]
    target = chance.choice(sorted(files))
    data = bytearray(target.read_bytes())
    place = chance.randrange(len(data))
    match chance.randrange(5):
        case 0:
            data[place] ^= 1 << chance.randrange(8)
        case 1:
            del data[place:]
        case 2:
            del data[place : place + chance.randint(1, 200)]
        case 3:
            data[place : place + 16] = chance.randbytes(16)
        case _:
            data[place:place] = chance.randbytes(chance.randint(1, 50))
    target.write_bytes(data)
    try:
        with closing(STORES[kind](path)) as store:
            Engine(store)
            found = list(store.load())
        return "opens" if all(one in expected for one in found) else "wrong content"
    except StoreError:
        return "StoreError"
    except Exception as error:
        return f"wrong error: {type(error).__name__}"
    finally:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        for beside in path.parent.glob(f"{path.name}-*"):
            beside.unlink()


# ------------------------------------------------------------------------------------ main


@click.command()
@click.option("--requests", "request_count", default=2_000, show_default=True)
@click.option("--kills", default=20, show_default=True)
@click.option("--damages", default=400, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(request_count: int, kills: int, damages: int, seed: int) -> None:
    """Attack the local service and its stores."""
    with tempfile.TemporaryDirectory() as place:
        tallies = {
            "requests": attack_with_requests(random.Random(seed), request_count),
            "kills": attack_with_kills(random.Random(seed), kills, Path(place)),
            "damages": attack_with_damages(random.Random(seed), damages, Path(place)),
        }
    for name, tally in tallies.items():
        shown = ", ".join(f"{outcome}: {times}" for outcome, times in tally.outcomes.most_common())
        click.echo(f"{name}: {tally.outcomes.total()}, wrong: {len(tally.wrong)} ({shown})")
        for wrong in tally.wrong[:10]:
            click.echo(f"  {wrong[:300]}")
    sys.exit(any(tally.wrong for tally in tallies.values()))


if __name__ == "__main__":
    main()
