"""What comes into a program and leaves it: its event, its result, and payloads of `invoke`."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from aws_durable_execution_sdk_python._core.outward import as_json_text
from aws_durable_execution_sdk_python._core.plain_json import plain_json
from aws_durable_execution_sdk_python._core.values.annotations import (
    Unresolved,
    event_codec,
    result_codec,
)
from aws_durable_execution_sdk_python._core.values.codecs import Codec, Misfit
from aws_durable_execution_sdk_python._core.values.plans import codec_of, has_fields
from aws_durable_execution_sdk_python.exceptions import SerDesError


class HandlerValues:
    """What a handler takes and returns; its annotations are evaluated by the first invocation."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    @cached_property
    def _event(self) -> tuple[str, Codec] | None:
        found = event_codec(self._handler)
        if found is None or isinstance(found[1], Unresolved) or found[1].is_json:
            return None
        return found[0], found[1]

    @cached_property
    def _result(self) -> Codec | Unresolved | None:
        found = result_codec(self._handler, outward=True)
        return None if isinstance(found, Codec) and found.is_json else found

    def event(self, event: Any) -> Any:
        """The event as the handler is annotated to take it.

        Raises:
            SerDesError: it does not fit; the message names the place.
        """
        if self._event is None:
            return event
        name, codec = self._event
        try:
            return codec.read(event)
        except Misfit as misfit:
            raise SerDesError(
                f"the event is not what the handler is annotated to take: {misfit.at(name)}"
            ) from misfit.__cause__

    def result_text(self, value: Any) -> str:
        """The JSON of a result. Raises whatever the user's classes do, and what JSON does."""
        found = self._result
        if isinstance(found, Codec):
            return _by_codec(found, value)
        try:
            return _to_json(value)
        except TypeError as error:
            if found is None:
                raise
            raise TypeError(
                f"{error}. The annotation {found.annotation!r} cannot be evaluated ({found.reason})"
            ) from error


def _by_codec(codec: Codec, value: Any) -> str:
    try:
        tree = codec.write(value)
    except Misfit as misfit:
        try:
            # The annotation may be wrong where the value is plain.
            return _to_json(value)
        except TypeError:
            raise TypeError(misfit.at(codec.root)) from misfit.__cause__
    return _to_json(tree)


def payload_text(value: Any) -> str:
    """The JSON of a payload. Raises whatever the user's classes do, and what JSON does."""
    return plain_json(value, "payload", _as_payload)


def _as_payload(value: Any) -> object:
    """What stands for a value in a payload.

    No function returns payloads: the class of an object with fields says what these are.

    Raises:
        TypeError: nothing does.
    """
    try:
        return as_json_text(value)
    except TypeError:
        if not has_fields(type(value)):
            raise
    codec = codec_of(type(value), {}, outward=True)
    try:
        return codec.write(value)
    except Misfit as misfit:
        raise TypeError(misfit.at(codec.root)) from misfit


def _to_json(value: Any) -> str:
    return plain_json(value, "result")
