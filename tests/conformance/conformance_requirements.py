"""The conformance requirements: YAML files of the service's owner, which live beside the
repository and are not part of it."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

DIRECTORY = Path(__file__).resolve().parents[2].parent / "shared" / "conformance"

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_GENERATED = re.compile(r"\$\{GEN_STR:(\d+)\}")


@dataclass(frozen=True)
class CallbackAction:
    """What the external system does to a callback, `delay` seconds after it was created."""

    callback_name: str
    operation: str
    payload: Any
    delay: int


@dataclass(frozen=True)
class LogExpectation:
    """How many log lines match a pattern."""

    pattern: str
    count: int


@dataclass(frozen=True)
class Requirement:
    """One requirement, with the variables it declares filled in.

    Attributes:
        id: directory and file name, e.g. "step/1-1".
        result: ExecutionStatus, and Result where it matters; None for an execution that is
            looked at while it runs.
        default_retries: the parameters of the official default retry strategy, where it is used.
    """

    id: str
    input: Any
    events: Sequence[Mapping[str, Any]]
    result: Mapping[str, Any] | None
    actions: Sequence[CallbackAction]
    logs: Sequence[LogExpectation]
    default_retries: Mapping[str, Any] | None


def load_all() -> list[Requirement]:
    """Every requirement, in order of its number; none if the directory is absent."""
    return sorted(map(_load, DIRECTORY.glob("*/*.yaml")), key=lambda one: _numbers(one.id))


def _load(path: Path) -> Requirement:
    requirement_id = f"{path.parent.name}/{path.stem}"
    document = yaml.safe_load(path.read_text())
    document = fill_in(document, _variables(requirement_id, document.get("Variables") or {}))
    return Requirement(
        id=requirement_id,
        input=document["Input"],
        events=document["ExpectedExecutionHistory"],
        result=document.get("ExpectedResult"),
        actions=[_action(action) for action in document.get("CallbackActions") or ()],
        logs=[_log(expected) for expected in document.get("ExpectedLogs") or ()],
        default_retries=document.get("DefaultRetryParameters"),
    )


def _numbers(requirement_id: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", requirement_id)]


def _variables(requirement_id: str, declared: Mapping[str, str]) -> dict[str, str]:
    """Values for the declared variables: generated, and the same in every run."""
    seeded = random.Random(requirement_id)
    letters = string.ascii_letters + string.digits
    values = {}
    for name, declaration in declared.items():
        generated = _GENERATED.fullmatch(declaration)
        assert generated, f"{requirement_id} declares {name} as {declaration!r}"
        values[name] = "".join(seeded.choices(letters, k=int(generated[1])))
    return values


def fill_in(value: Any, variables: Mapping[str, str]) -> Any:
    """Replace `${NAME}` for the given names, anywhere inside; other placeholders stay."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: fill_in(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_in(item, variables) for item in value]
    return value


def _action(action: Mapping[str, Any]) -> CallbackAction:
    return CallbackAction(
        action["CallbackName"], action["Operation"], action.get("Payload"), action.get("Delay", 0)
    )


def _log(expected: Mapping[str, Any]) -> LogExpectation:
    message = expected["match"]["message"]
    assert message[0] == message[-1] == "/", f"not a pattern: {message!r}"
    return LogExpectation(message[1:-1], expected["count"])
