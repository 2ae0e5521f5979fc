"""Every rule of the API's model is broken once, over HTTP, and refused in the service's words.

Requests go out as raw HTTP: clients would refuse some of them themselves. The rules are read from
the model, so one that is added there is tested from then on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from served_handlers import ECHO
from serving_bench import Connection, Reply

from aws_durable_execution_sdk_python._service.model import durable_model
from aws_durable_execution_sdk_python_testing._engine.api_model import Shape, request_of
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

ARN = "arn:aws:lambda:us-west-2:123456789012:function:f:1/durable-execution/n/i"
INVOKE = {"method": "POST", "requestUri": "/2015-03-31/functions/{FunctionName}/invocations"}
HTTP: Mapping[str, Mapping[str, str]] = {
    "Invoke": INVOKE,
    **{name: operation["http"] for name, operation in durable_model()["operations"].items()},
}
# What is right in a place where the model wants something in particular.
RIGHT: Mapping[str, Any] = {
    "DurableExecutionArn": ARN,
    "CheckpointToken": "dG9rZW4=",
    "CallbackId": "Y2FsbGJhY2s=",
    "FunctionName": "echo:1",
    "Id": "a",
    "Type": "STEP",
    "Action": "START",
}


@dataclass(frozen=True)
class Broken:
    """A request that breaks one rule.

    Attributes:
        operation: of the API.
        members: all of them.
        said: what the answer must say, after how many errors there are.
    """

    operation: str
    members: Mapping[str, Any]
    said: str

    def __str__(self) -> str:
        return f"{self.operation}-{self.said.partition(' at ')[2][:60]}"


def broken_values(shape: Shape) -> Iterator[Any]:
    """For each rule, a value that breaks it, and as few others as can be."""
    for rule in shape.rules:
        word, _, number = rule.text.rpartition(" ")
        if "length less" in word and shape.kind == "list":
            yield ["RUNNING"] * (int(number) + 1)
        elif "length less" in word:
            yield (b"x" if shape.kind == "blob" else "x") * (int(number) + 1)
        elif "length greater" in word and shape.kind == "list":
            yield []
        elif "length greater" in word:
            yield ""
        elif "value less" in word:
            yield int(number) + 1
        elif "value greater" in word:
            yield int(number) - 1
        else:
            yield "no \u00e9!"


def breaches(shape: Shape, path: str = "") -> Iterator[tuple[Callable[[Any], Any], str, str]]:
    """For each value that breaks a rule somewhere in a structure: how to put it in, where, what."""
    for name, member in shape.members.items():
        place = f"{path}{name[0].lower()}{name[1:]}"
        if name in shape.required and member.location is None:
            yield _setter(name, None), place, "Member must not be null"
        yield from _of_value(member.shape, name, place)


def _setter(name: str, value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda right: {**right, name: value}


def _of_value(
    shape: Shape, name: str, place: str
) -> Iterator[tuple[Callable[[Any], Any], str, str]]:
    for value in broken_values(shape):
        broken = [rule.text for rule in shape.rules if not rule.fits(value)]
        yield _setter(name, value), place, broken[0]
    if shape.element is not None and shape.element.members:
        for change, inner, text in breaches(shape.element, f"{place}.1.member."):
            yield _wrapped(name, change, listed=True), inner, text
    elif shape.element is not None and shape.element.rules:
        (rule,) = shape.element.rules
        text = f"Member must satisfy constraint: [{rule.text}]"
        yield _setter(name, ["LOST"]), place, text
    elif shape.members:
        for change, inner, text in breaches(shape, f"{place}."):
            yield _wrapped(name, change, listed=False), inner, text


def _wrapped(
    name: str, change: Callable[[Any], Any], *, listed: bool
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    inner = {key: RIGHT[key] for key in ("Id", "Type", "Action")} if listed else {}

    def put(right: dict[str, Any]) -> dict[str, Any]:
        changed = change(dict(inner))
        return {**right, name: [changed] if listed else changed}

    return put


def all_broken() -> Iterator[Broken]:
    for operation in HTTP:
        shape = request_of(operation)
        right = {name: RIGHT[name] for name in shape.required}
        for change, place, text in breaches(shape):
            members = change(right)
            if not cannot_be_sent(members):
                yield Broken(operation, members, f" at '{place}' failed to satisfy: {text}")


def cannot_be_sent(members: Mapping[str, Any]) -> bool:
    """An empty part of a path makes it another path, and no query has an empty list."""
    in_path = ("FunctionName", "DurableExecutionArn", "CallbackId")
    return "" in [members.get(name) for name in in_path] or members.get("Statuses") == []


def send(connection: Connection, broken: Broken) -> Reply:
    """The request, as a client that checks nothing would send it."""
    http, shape = HTTP[broken.operation], request_of(broken.operation)
    path, query, headers, body = http["requestUri"], [], {}, {}
    for name, value in broken.members.items():
        member = shape.members[name]
        if member.location == "uri":
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        elif member.location == "querystring":
            texts = value if isinstance(value, list) else [value]
            query += [(member.location_name, str(text)) for text in texts]
        elif member.location == "header":
            headers[member.location_name] = value
        elif value is not None:
            body[name] = value
    sent: Any = body.get(shape.payload) if shape.payload else body or None
    target = f"{path}?{urlencode(query)}" if query else path
    return connection.send(http["method"], target, sent, headers)


BROKEN = list(all_broken())


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    with DurableServer([ECHO], ServerSettings(max_request_bytes=16 * 2**20)) as server:
        opened = Connection(server.url.removeprefix("http://"))
        yield opened
        opened.close()


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_what_breaks_the_model_is_refused(connection: Connection, broken: Broken) -> None:
    reply = send(connection, broken)
    assert (reply.status, reply.error) == (400, "ValidationException"), reply
    message = reply.json["message"]
    place, text = broken.said.removeprefix(" at ").split(" failed to satisfy: ")
    assert f" at {place} failed to satisfy constraint: {text}" in message
    number = message.count(" failed to satisfy constraint: ")
    assert message.startswith(f"{number} validation error{'' if number == 1 else 's'} detected: ")


def test_every_operation_is_among_them() -> None:
    assert {broken.operation for broken in BROKEN} == set(HTTP)


def test_all_that_is_wrong_is_said_at_once(connection: Connection) -> None:
    members = {
        "DurableExecutionArn": ARN,
        "CheckpointToken": "t",
        "Updates": [
            {"Id": "w", "Type": "WAIT", "Action": "START", "WaitOptions": {"WaitSeconds": 0}},
            {"Id": "a b", "Type": "STEP", "Action": "START"},
        ],
    }
    reply = send(connection, Broken("CheckpointDurableExecution", members, ""))
    assert reply.json == {
        "Type": "ValidationException",
        "message": (
            "2 validation errors detected: "
            "Value '0' at 'updates.1.member.waitOptions.waitSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1; "
            "Value 'a b' at 'updates.2.member.id' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+"
        ),
    }


def test_what_may_be_secret_is_not_quoted(connection: Connection) -> None:
    members = {"DurableExecutionArn": ARN, "Reason": "s" * 1_025}
    reply = send(connection, Broken("PauseDurableExecution", members, ""))
    assert reply.json["message"] == (
        "1 validation error detected: Value at 'reason' failed to satisfy constraint: "
        "Member must have length less than or equal to 1024"
    )


def test_no_request_makes_an_answer_without_end(connection: Connection) -> None:
    updates = [{**RIGHT, "Name": "\u00e9" * 50_000}] + [{"Id": "a b"}] * 20_000
    members = {"DurableExecutionArn": ARN, "CheckpointToken": "t", "Updates": updates}
    reply = send(connection, Broken("CheckpointDurableExecution", members, ""))
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert reply.json["message"].startswith("100 validation errors detected: Value '\u00e9\u00e9")
    assert len(reply.body) < 32_768


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"Updates": {}}, "Invalid updates: must be a list."),
        ({"Updates": [7]}, "Invalid updates.1.member: must be an object."),
        ({"Updates": [{**RIGHT, "Name": 7}]}, "Invalid updates.1.member.name: must be a string."),
        (
            {"Updates": [{**RIGHT, "Error": {"StackTrace": [7]}}]},
            "Invalid updates.1.member.error.stackTrace.1.member: must be a string.",
        ),
        (
            {"Updates": [{**RIGHT, "WaitOptions": {"WaitSeconds": True}}]},
            "Invalid updates.1.member.waitOptions.waitSeconds: must be a whole number.",
        ),
    ],
)
def test_another_type_is_no_request(
    connection: Connection, members: dict[str, Any], text: str
) -> None:
    whole = {"DurableExecutionArn": ARN, "CheckpointToken": "t", **members}
    reply = send(connection, Broken("CheckpointDurableExecution", whole, ""))
    assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert json.loads(reply.body)["message"] == text
