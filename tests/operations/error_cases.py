"""Errors of all kinds: how each is raised, and what code that catches it reads."""

from __future__ import annotations

import abc
import asyncio
import decimal
import enum
import http
import http.client
import io
import json
import socket
import ssl
import subprocess
import threading
import urllib.error
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from email.message import Message
from typing import Any

import click
import httpx
from botocore.exceptions import ClientError, EndpointConnectionError

from aws_durable_execution_sdk_python import StepError
from aws_durable_execution_sdk_python.exceptions import ConcurrentContextUseError


class OrderError(Exception):
    """A class of the user's."""


class LimitError(OrderError):
    """One whose constructor needs arguments, and whose `args` are others."""

    def __init__(self, limit: int, *, unit: str) -> None:
        super().__init__(f"over {limit} {unit}")
        self.limit = limit
        self.unit = unit


class StrictError(Exception):
    """One that cannot even be allocated without arguments, by its own code."""

    def __new__(cls, code: int) -> StrictError:
        return super().__new__(cls, code)


class SlottedError(Exception):
    __slots__ = ("code", "never_set", "reason")

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason


class FrozenError(Exception):
    """One whose attributes cannot be set, and some of which are computed."""

    def __init__(self, code: int) -> None:
        super().__init__("frozen")
        self.__dict__["_code"] = code

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("__"):
            raise AttributeError(name)
        super().__setattr__(name, value)

    @property
    def code(self) -> int:
        return int(self.__dict__["_code"])


class MessageError(Exception):
    """One with attributes that an operation's error has too."""

    def __init__(self) -> None:
        super().__init__("the text")
        self.message = {"title": "the user's"}
        self.data = [1, 2]
        self.error_type = "card"


class AbstractError(Exception, abc.ABC):
    """One of another metaclass."""


class Meta(type):
    def __call__(cls, *args: Any) -> Any:
        made = cls.__new__(cls, *args)
        made.__init__(*args)
        return made


class HookedError(Exception, metaclass=Meta):
    """One whose class has a metaclass of its own."""


@dataclass
class RecordError(Exception):
    order: str
    lines: list[int] = field(default_factory=list)

    def __str__(self) -> str:
        return f"order {self.order}"


class Colour(enum.StrEnum):
    RED = "red"


class StatusError(Exception):
    def __init__(self) -> None:
        super().__init__("status")
        self.status = http.HTTPStatus.NOT_FOUND
        self.colour = Colour.RED
        self.at = datetime(2026, 1, 2)
        self.amount = Decimal("1.50")
        self.id = uuid.UUID(int=7)
        self.pair = (1, b"\xff")
        self.by_number = {1: "one"}
        self.ratio = float("inf")


class HoldingError(Exception):
    """One that holds what cannot be stored."""

    def __init__(self, lock: object) -> None:
        super().__init__(lock)
        self.lock = lock
        self.body = "x" * 9000
        self.code = 5

    def __str__(self) -> str:
        return "held"

    @property
    def body_start(self) -> str:
        return str(self.body[:10])


class WrappingError(Exception):
    """As SQLAlchemy's: the driver's error is an attribute."""

    def __init__(self, orig: Exception) -> None:
        super().__init__("wrapped")
        self.orig = orig


class NamedError(Exception):
    """One whose class has what errors of operations have, as something else."""

    data = "of the class"

    @property
    def message(self) -> str:
        return f"<{self.args[0]}>"


class OwnGetattrError(Exception):
    """One that computes attributes from others that may not be there."""

    def __init__(self) -> None:
        super().__init__("own")
        self.table = {"code": 9}

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["table"][name]


class Outer:
    class InnerError(ValueError):
        """One nested in a class."""


class StepKind(StepError):
    """One that is a StepError already."""


class ManyErrors(ExceptionGroup[Exception]):
    """A group of the user's."""

    def derive(self, excs: Any, /) -> Any:
        return ManyErrors(self.message, excs)


def response_error() -> Exception:
    request = httpx.Request("GET", "https://example.com/?token=1", headers={"authorization": "x"})
    response = httpx.Response(404, request=request, text="nothing")
    return httpx.HTTPStatusError("not found", request=request, response=response)


def client_error() -> Exception:
    error = {"Code": "ConditionalCheckFailedException", "Message": "dup"}
    metadata = {"HTTPStatusCode": 400, "RetryAttempts": 0, "HTTPHeaders": {}}
    return ClientError({"Error": error, "ResponseMetadata": metadata}, "PutItem")  # type: ignore[typeddict-item]


def noted() -> Exception:
    error = OrderError("noted")
    error.add_note("while charging")
    error.add_note("card ending in 42")
    return error


def caused() -> Exception:
    try:
        try:
            raise KeyError("rate")
        except KeyError as missing:
            raise LimitError(3, unit="kg") from missing
    except LimitError as error:
        return error


def wrapped_twice() -> Exception:
    """An error that is there as the cause and as an attribute, as SQLAlchemy's are."""
    try:
        try:
            raise OSError(5, "disk")
        except OSError as error:
            raise WrappingError(error) from error
    except WrappingError as error:
        return error


def handled() -> Exception:
    try:
        try:
            raise OSError(5, "disk")
        except OSError:
            raise OrderError("while writing")  # noqa: B904
    except OrderError as error:
        return error


def silenced() -> Exception:
    try:
        try:
            raise KeyError("k")
        except KeyError:
            raise OrderError("alone") from None
    except OrderError as error:
        return error


def loading_error() -> Exception:
    try:
        json.loads("{")
    except json.JSONDecodeError as error:
        return error
    raise AssertionError


def group() -> Exception:
    inner = ExceptionGroup("inner", [KeyError("b"), client_error()])
    return ExceptionGroup("many", [ValueError("a"), inner])


def own_groups() -> Exception:
    return ManyErrors("many", [ValueError("a"), ManyErrors("few", [KeyError("b"), OSError(5)])])


@dataclass(frozen=True)
class Case:
    """One kind of error.

    Attributes:
        make: gives the error to raise.
        kept: what code reads of it, by attribute.
        lost: the attributes that cannot be kept.
    """

    make: Callable[[], Exception]
    kept: Mapping[str, Any] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


CASES: dict[str, Case] = {
    "ValueError": Case(lambda: ValueError("bad")),
    "without text": Case(ValueError),
    "KeyError": Case(lambda: KeyError("k")),
    "IndexError": Case(lambda: IndexError(1, "two")),
    "ZeroDivisionError": Case(lambda: ZeroDivisionError("division by zero")),
    "OSError": Case(lambda: OSError(28, "full"), {"errno": 28, "strerror": "full"}),
    "FileNotFoundError": Case(
        lambda: FileNotFoundError(2, "no such file", "a.txt"),
        {"errno": 2, "filename": "a.txt"},
    ),
    "ConnectionResetError": Case(lambda: ConnectionResetError(104, "reset"), {"errno": 104}),
    "BlockingIOError": Case(
        lambda: BlockingIOError(11, "later", 7), {"errno": 11, "characters_written": 7}
    ),
    "TimeoutError": Case(lambda: TimeoutError("late")),
    "UnicodeDecodeError": Case(
        lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        {"encoding": "utf-8", "object": b"\xff", "start": 0, "end": 1, "reason": "invalid"},
    ),
    "SyntaxError": Case(
        lambda: SyntaxError("bad", ("f.py", 3, 4, "x =")), {"lineno": 3, "filename": "f.py"}
    ),
    "ModuleNotFoundError": Case(
        lambda: ModuleNotFoundError("no orders", name="orders", path="/x"),
        {"name": "orders", "path": "/x"},
    ),
    "AttributeError": Case(lambda: AttributeError("no", name="total"), {"name": "total"}),
    "NameError": Case(lambda: NameError("no", name="total"), {"name": "total"}),
    "JSONDecodeError": Case(loading_error, {"pos": 1, "lineno": 1, "colno": 2, "doc": "{"}),
    "CalledProcessError": Case(
        lambda: subprocess.CalledProcessError(3, ["make"], output="out"),
        {"returncode": 3, "cmd": ["make"], "stdout": "out"},
    ),
    "TimeoutExpired": Case(
        lambda: subprocess.TimeoutExpired("make", 1.5), {"timeout": 1.5, "cmd": "make"}
    ),
    "IncompleteReadError": Case(
        lambda: asyncio.IncompleteReadError(b"ab", 5), {"partial": b"ab", "expected": 5}
    ),
    "InvalidOperation": Case(lambda: decimal.InvalidOperation("bad")),
    "gaierror": Case(lambda: socket.gaierror(-2, "unknown"), {"errno": -2}),
    "SSLError": Case(lambda: ssl.SSLError(1, "certificate"), {"errno": 1}),
    "http.client": Case(
        lambda: http.client.IncompleteRead(b"ab", 5), {"partial": b"ab", "expected": 5}
    ),
    "urllib": Case(
        lambda: urllib.error.HTTPError("https://a", 503, "busy", Message(), io.BytesIO()),
        {"code": 503, "msg": "busy", "filename": "https://a"},
        ("fp",),
    ),
    "URLError": Case(
        lambda: urllib.error.URLError(OSError(5, "io")), {"reason.errno": 5, "args.0.errno": 5}
    ),
    "ClickException": Case(lambda: click.ClickException("no file"), {"exit_code": 1}),
    "ClientError": Case(
        client_error,
        {"operation_name": "PutItem", "response": client_error().response},  # type: ignore[attr-defined]
    ),
    "EndpointConnectionError": Case(
        lambda: EndpointConnectionError(endpoint_url="https://a"),
        {"kwargs": {"endpoint_url": "https://a"}},
    ),
    "httpx.HTTPStatusError": Case(response_error, {"response.status_code": 404}),
    "httpx.ConnectError": Case(lambda: httpx.ConnectError("refused")),
    "user": Case(lambda: OrderError("o-1", 3), {"args": ("o-1", 3)}),
    "keyword-only": Case(lambda: LimitError(3, unit="kg"), {"limit": 3, "unit": "kg"}),
    "allocation": Case(lambda: StrictError(7), {"args": (7,)}),
    "slots": Case(lambda: SlottedError(4, "r"), {"code": 4, "reason": "r"}, ("never_set",)),
    "frozen": Case(lambda: FrozenError(6), {"code": 6}),
    "same names": Case(
        MessageError,
        {"message": {"title": "the user's"}, "data": [1, 2], "error_type": "card"},
    ),
    "abstract": Case(lambda: AbstractError("a")),
    "hooked": Case(lambda: HookedError("h")),
    "dataclass": Case(lambda: RecordError("o-1", [1]), {"order": "o-1", "lines": [1]}),
    "values": Case(
        StatusError,
        {
            "status": 404,
            "colour": "red",
            "at": datetime(2026, 1, 2),
            "amount": Decimal("1.50"),
            "id": uuid.UUID(int=7),
            "pair": (1, b"\xff"),
            "by_number": {1: "one"},
            "ratio": float("inf"),
        },
    ),
    "holding": Case(
        lambda: HoldingError(threading.Lock()), {"code": 5}, ("lock", "body", "body_start", "args")
    ),
    "wrapping its cause": Case(
        wrapped_twice, {"orig.errno": 5, "__cause__.errno": 5, "__context__.errno": 5}
    ),
    "groups of its own": Case(
        own_groups, {"message": "many", "exceptions.1.message": "few", "exceptions.1.args.0": "few"}
    ),
    "names below": Case(
        lambda: ExceptionGroup("g", [NamedError("n")]),
        {"exceptions.0.message": "<n>", "exceptions.0.data": "of the class"},
    ),
    "wrapping": Case(lambda: WrappingError(OSError(5, "disk")), {"orig.errno": 5}),
    "own getattr": Case(OwnGetattrError, {"code": 9}, ("other",)),
    "nested class": Case(lambda: Outer.InnerError("in")),
    "step error": Case(lambda: StepKind("own")),
    "notes": Case(noted, {"__notes__": ["while charging", "card ending in 42"]}),
    "cause": Case(caused, {"limit": 3, "__cause__.args": ("rate",), "__suppress_context__": True}),
    "context": Case(handled, {"__context__.errno": 5, "__suppress_context__": False}),
    "silenced": Case(silenced, {"__cause__": None, "__suppress_context__": True}),
    "group": Case(group, {"exceptions.0.args": ("a",), "exceptions.1.exceptions.0.args": ("b",)}),
    "user's group": Case(
        lambda: ManyErrors("all", [OSError(5, "disk")]), {"exceptions.0.errno": 5}
    ),
    "SDK's in a group": Case(
        lambda: ExceptionGroup("tasks", [ConcurrentContextUseError("give each its own context")])
    ),
}
