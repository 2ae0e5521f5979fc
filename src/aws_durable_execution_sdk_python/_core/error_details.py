"""What is stored of an error besides type, text and trace: `ErrorData`, JSON under a versioned key.

    {"aws-durable-error": 1, "args": ..., "state": {...}, "lost": {...}, "notes": [...],
     "cause": {...}, "context": {...}, "suppress": true, "group": ..., "errors": [...]}

Causes and the errors of a group are the same, with "type", "message" and, for errors of operations,
"operation" besides. Nothing is stored of an error that is all told by its type and text. Everything
is bounded: what an error holds by MAX_STATE_BYTES, everything besides by MAX_CHAIN_BYTES, and in
number. Whoever else has written `ErrorData` finds it untouched: what is not of this form is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from aws_durable_execution_sdk_python._core.error_classes import OPERATION_NAMES
from aws_durable_execution_sdk_python._core.error_state import (
    args_of,
    instance_dict,
    restored,
    variables,
)
from aws_durable_execution_sdk_python._core.error_texts import message_of, operation_class, type_of
from aws_durable_execution_sdk_python._core.error_values import (
    Tree,
    UnkeptError,
    text_of_tree,
    to_tree,
)
from aws_durable_execution_sdk_python._core.limits import KIB
from aws_durable_execution_sdk_python.exceptions import (
    CallbackError,
    DurableOperationError,
    UnrecoverableError,
)

# The versioned key. Another version's is not read.
KEY = "aws-durable-error"
VERSION = 1

MAX_STATE_BYTES = 8 * KIB
MAX_CHAIN_BYTES = 24 * KIB
MAX_CHAIN = 6
MAX_GROUP = 24
_MAX_TEXT = 2000
_MAX_NOTES = 16

Details: TypeAlias = dict[str, Tree]


@dataclass(slots=True)
class _Room:
    """How many bytes of JSON may still be written besides the error itself, and what is begun.

    An error that is begun and not ended is not written within itself. One that is there twice, as
    a cause and as an attribute (`raise Wrapped(orig) from orig`), is written twice.
    """

    size: int = MAX_CHAIN_BYTES
    begun: set[int] = field(default_factory=set[int])

    def take(self, tree: Tree) -> bool:
        size = len(text_of_tree(tree))
        if size > self.size:
            return False
        self.size -= size
        return True


def details_of(error: BaseException, message: str) -> str | None:
    """The `ErrorData` of an error; None if there is nothing to add to its type and text."""
    details = _own(error, message, _Room(), depth=0)
    data = operations_data(error)
    if isinstance(error, CallbackError):
        lost = {"id": error.callback_id, "type": error.error_type, "data": data}
        details["callback"] = lost
    elif data is not None:
        if not details:
            return data
        details["data"] = data
    return text_of_tree({KEY: VERSION, **details}) if details else None


def operations_data(error: BaseException) -> str | None:
    """The data that an operation's error came with, not the user's attribute of that name."""
    if not isinstance(error, DurableOperationError):
        return None
    known = restored(error)
    data = error.data if known is None else known.stored.data
    return data if isinstance(data, str) else None


def read_details(data: str | None) -> Details | None:
    """The details in an `ErrorData`; None if they are no such."""
    if not isinstance(data, str) or KEY not in data:
        return None
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict):
        return None
    details = cast(Details, tree)
    return details if details.get(KEY) == VERSION else None


# --------------------------------------------------------------------------------------- writing


def _own(error: BaseException, message: str, room: _Room, depth: int) -> Details:
    """What is to say of one error, and of those below it."""
    room.begun.add(id(error))
    # What a group and a chain are for comes first; attributes may hold the same errors again.
    details: Details = {}
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        details |= _group(group, room, depth)
    details |= _chain(error, room, depth)
    known = restored(error)
    lost = dict(known.lost) if known is not None else {}
    if not isinstance(error, UnrecoverableError):  # which never comes back as itself
        details |= _state(error, message, lost, room, depth)
    if lost:
        details["lost"] = lost
    notes = instance_dict(error).get("__notes__")
    if isinstance(notes, list) and notes:
        texts = [str(note)[:_MAX_TEXT] for note in cast("list[object]", notes)[:_MAX_NOTES]]
        if room.take(texts):
            details["notes"] = texts
    room.begun.discard(id(error))
    return details


def _state(
    error: BaseException, message: str, lost: dict[str, str], room: _Room, depth: int
) -> Details:
    def of_error(inner: BaseException) -> Tree:
        return _nested(inner, room, depth + 1)

    found: dict[str, Tree] = {}
    args = args_of(error)
    held: dict[str, Any] = {}
    if not isinstance(error, BaseExceptionGroup) and args != (message,) and "args" not in lost:
        held["args"] = args
    held |= {f".{name}": value for name, value in _users_variables(error).items()}
    for key, value in held.items():
        try:
            found[key] = to_tree(value, of_error)
        except UnkeptError as why:
            lost[key.removeprefix(".")] = str(why)
    sizes = {key: len(text_of_tree([key, tree])) for key, tree in found.items()}
    left = MAX_STATE_BYTES
    for key in sorted(sizes, key=sizes.__getitem__):
        # The smallest first, so that most are kept.
        left -= sizes[key]
        if left < 0:
            lost[key.removeprefix(".")] = f"larger than the {MAX_STATE_BYTES} bytes there are"
            del found[key]
    details: Details = {"args": found.pop("args")} if "args" in found else {}
    if found:
        details["state"] = {key[1:]: tree for key, tree in found.items()}
    return details


def _users_variables(error: BaseException) -> Mapping[str, Any]:
    """The instance's variables but for those that every error of an operation has."""
    found = variables(error)
    if isinstance(error, DurableOperationError):
        known = restored(error)
        own = known.own if known is not None else frozenset[str]()
        for name in OPERATION_NAMES:
            if name not in own:
                found.pop(name, None)
    return found


def _group(group: BaseExceptionGroup[BaseException], room: _Room, depth: int) -> Details:
    errors: list[Tree] = []
    for member in group.exceptions[:MAX_GROUP]:
        try:
            errors.append(_nested(member, room, depth + 1))
        except UnkeptError:
            break
    missing = len(group.exceptions) - len(errors)
    if missing:
        text = f"{missing} more sub-exceptions were not kept"
        errors.append({"type": "", "message": text, "operation": "DurableOperationError"})
    return {"group": BaseExceptionGroup.message.__get__(group)[:_MAX_TEXT], "errors": errors}


def _chain(error: BaseException, room: _Room, depth: int) -> Details:
    details: Details = {}
    cause, context = error.__cause__, error.__context__
    try:
        if cause is not None:
            details["cause"] = _nested(cause, room, depth + 1)
        if context is not None:
            same = context is cause and "cause" in details
            details["context"] = True if same else _nested(context, room, depth + 1)
    except UnkeptError:
        pass  # the chain ends here
    if error.__suppress_context__:
        details["suppress"] = True
    return details


def _nested(error: BaseException, room: _Room, depth: int) -> Tree:
    """An error below the one that is stored.

    Raises:
        UnkeptError: it is below itself, or there is no room for it.
    """
    if id(error) in room.begun or depth > MAX_CHAIN:
        raise UnkeptError(f"a {type(error).__qualname__}")
    message = message_of(error)[:_MAX_TEXT]
    tree: Details = {"type": type_of(error), "message": message}
    if isinstance(error, DurableOperationError):
        tree["operation"] = operation_class(error).__name__
    if not room.take(tree):
        raise UnkeptError(f"a {type(error).__qualname__}")
    details = _own(error, message, room, depth)
    extra = {key: details[key] for key in ("args", "state", "lost") if key in details}
    if extra and not room.take(extra):
        for key in extra:
            del details[key]
    return {**tree, **details}
