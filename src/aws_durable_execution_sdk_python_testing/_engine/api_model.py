"""What the API's model says of requests: their members, where each is, and what values it takes.

The rules are those of botocore's service model, in the form the SDK carries it: none stands here.
A value of another type than the model's is no request at all. Of what is one, the rules that are
broken are found, in the order of the request, and told in one answer: so many of them, and so much
of each value, that no request makes an answer without end.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from aws_durable_execution_sdk_python._service.model import durable_model
from aws_durable_execution_sdk_python_testing._engine.service_errors import (
    InvalidParameterValueError,
    ShapeError,
)

_MOST_VIOLATIONS = 100
_LONGEST_QUOTE = 1_000  # characters
# Python's types of the model's, and what is said of a value that has another one.
_TYPES: Mapping[str, tuple[type[Any] | tuple[type[Any], ...], str]] = {
    "string": (str, "a string"),
    "integer": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "timestamp": ((int, float), "a time"),
    "blob": (bytes, "bytes"),
    "list": (list, "a list"),
    "structure": (Mapping, "an object"),
}
# Invoke is older than durable functions: of it the SDK's model has only what they have added.
INVOKE_SHAPES: Mapping[str, Any] = {
    "InvocationType": {"type": "string", "enum": ["Event", "RequestResponse", "DryRun"]},
    "LogType": {"type": "string", "enum": ["None", "Tail"]},
    "Blob": {"type": "blob", "sensitive": True},
    "InvocationRequest": {
        "type": "structure",
        "required": ["FunctionName"],
        "payload": "Payload",
        "members": {
            name: {"shape": shape, "location": location, "locationName": location_name}
            for name, shape, location, location_name in (
                ("FunctionName", "DurableFunctionName", "uri", "FunctionName"),
                ("InvocationType", "InvocationType", "header", "X-Amz-Invocation-Type"),
                ("LogType", "LogType", "header", "X-Amz-Log-Type"),
                ("ClientContext", "String", "header", "X-Amz-Client-Context"),
                (
                    "DurableExecutionName",
                    "DurableExecutionName",
                    "header",
                    "X-Amz-Durable-Execution-Name",
                ),
                ("Payload", "Blob", None, "Payload"),
                ("Qualifier", "DurableQualifier", "querystring", "Qualifier"),
                ("TenantId", "DurableTenantId", "header", "X-Amz-Tenant-Id"),
            )
        },
    },
}


def check_members(operation: str, members: Mapping[str, Any]) -> None:
    """Hold some members of a request against the model; None is one that was left out.

    Raises:
        InvalidParameterValueError: a value is of another type.
        ShapeError: values of the right types that the model does not allow.
    """
    _refuse(request_of(operation).of_members(members, ""))


def check_request(operation: str, members: Mapping[str, Any]) -> None:
    """Hold a whole request against the model: what it must have is missed as well."""
    _refuse(request_of(operation).violations(members, ""))


def check_error_members(error: Any) -> None:
    """Check what a wire error object is made of."""
    check_members("StopDurableExecution", {"Error": error})


def _refuse(violations: Iterator[str]) -> None:
    found = list(islice(violations, _MOST_VIOLATIONS))
    if found:
        raise ShapeError(found)


@functools.cache
def request_of(operation: str) -> Shape:
    """The input of an operation, by the operation's name in the API."""
    model = durable_model()
    operations = {**model["operations"], "Invoke": {"input": {"shape": "InvocationRequest"}}}
    name = operations[operation]["input"]["shape"]
    return Shape.make({**model["shapes"], **INVOKE_SHAPES}, name)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value must satisfy, in the service's words."""

    fits: Callable[[Any], Any]
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure.

    Attributes:
        shape: what values it takes.
        location: `uri`, `querystring` or `header`; None for the body.
        location_name: what it is called there.
    """

    shape: Shape
    location: str | None
    location_name: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What values are taken in one place.

    Attributes:
        kind: the type in the model, such as `boolean`.
        rules: for the value itself.
        secret: whether answers must not quote it.
        element: of a list, what its elements are.
        members: of a structure, by name. What is not among them is none of its business.
        required: those that must be there.
        payload: the one that is the body as a whole, if there is one.
    """

    kind: str
    rules: Sequence[Rule]
    secret: bool
    element: Shape | None
    members: Mapping[str, Member]
    required: Sequence[str]
    payload: str | None

    @classmethod
    def make(cls, shapes: Mapping[str, Any], name: str) -> Shape:
        """The shape of that name. None of a request's contains itself."""
        model = shapes[name]
        element = model.get("member")
        members = {
            key: Member(
                cls.make(shapes, member["shape"]),
                member.get("location"),
                member.get("locationName", key),
            )
            for key, member in model.get("members", {}).items()
        }
        return cls(
            kind=model["type"],
            rules=list(_rules(model)),
            secret=model.get("sensitive", False),
            element=element and cls.make(shapes, element["shape"]),
            members=members,
            required=model.get("required", ()),
            payload=model.get("payload"),
        )

    def violations(self, value: Any, path: str) -> Iterator[str]:
        """What is wrong with a value at a path; an empty one is the request itself."""
        self._check_type(value, path)
        for rule in self.rules:
            if not rule.fits(value):
                yield violation(path, rule.text, "" if self.secret else _quoted(value))
        if self.element is not None:
            yield from self._of_elements(value, path, self.element)
        for name in self.required:
            if value.get(name) is None:
                yield violation(_below(path, name), "Member must not be null", " null")
        if self.members:
            yield from self.of_members(value, path)

    def of_members(self, value: Mapping[str, Any], path: str) -> Iterator[str]:
        """What is wrong with those members that are there."""
        for name, one in value.items():
            member = self.members.get(name)
            if member is not None and one is not None:
                yield from member.shape.violations(one, _below(path, name))

    def _of_elements(self, value: list[Any], path: str, element: Shape) -> Iterator[str]:
        broken: dict[str, None] = {}
        for number, one in enumerate(value, start=1):
            place = f"{path}.{number}.member"
            if one is None:
                yield violation(place, "Member must not be null", " null")
            elif element.members:
                yield from element.violations(one, place)
            else:
                element._check_type(one, place)
                broken.update((rule.text, None) for rule in element.rules if not rule.fits(one))
        if broken:  # of plain values the service quotes the list
            text = f"Member must satisfy constraint: [{', '.join(broken)}]"
            yield violation(path, text, _quoted(value))

    def _check_type(self, value: Any, path: str) -> None:
        kind, called = _TYPES[self.kind]
        # A bool is an int to Python, not to the API.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise InvalidParameterValueError(f"Invalid {path or 'request'}: must be {called}.")


def _rules(model: Mapping[str, Any]) -> Iterator[Rule]:
    size: Callable[[Any], int] = int if model["type"] == "integer" else len
    what = "value" if model["type"] == "integer" else "length"
    if "enum" in model:
        known = frozenset(model["enum"])
        yield Rule(known.__contains__, f"Member must satisfy enum value set: {_listed(model)}")
    if "max" in model:
        largest = model["max"]
        yield Rule(lambda value: size(value) <= largest, at_most(largest, what))
    if "min" in model:
        smallest = model["min"]
        text = f"Member must have {what} greater than or equal to {smallest}"
        yield Rule(lambda value: size(value) >= smallest, text)
    if "pattern" in model:
        pattern = model["pattern"]
        text = f"Member must satisfy regular expression pattern: {pattern}"
        yield Rule(re.compile(pattern, re.ASCII).fullmatch, text)


def at_most(largest: int, what: str = "length") -> str:
    """What the service says of more than that."""
    return f"Member must have {what} less than or equal to {largest}"


def _listed(model: Mapping[str, Any]) -> str:
    return f"[{', '.join(model['enum'])}]"


def _quoted(value: Any) -> str:
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    return f" '{text}'" if len(text) <= _LONGEST_QUOTE else f" '{text[:_LONGEST_QUOTE]}...'"


def violation(path: str, rule: str, value: str = "") -> str:
    """That what is at a path breaks a rule; its value is not quoted where it may be secret."""
    return f"Value{value} at '{path}' failed to satisfy constraint: {rule}"


def _below(path: str, name: str) -> str:
    """The path of a member, as the service writes it."""
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name
