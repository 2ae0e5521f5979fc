"""A logger that knows the execution, and is silent while finished work is replayed.

Documented in the seeds' index ("Structured logging"); keys and suppression follow the official
SDK's. Any logger will do that has the five methods of `LoggerInterface`: a `logging.Logger`, a
LoggerAdapter, Powertools for AWS Lambda's Logger.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple, Protocol

from aws_durable_execution_sdk_python._core.running import Leaf, enter, leave

_LOGGER = Leaf(None, "logger")


class LoggerInterface(Protocol):
    """What is asked of a logger given to `context.set_logger`."""

    def debug(
        self, msg: object, *args: object, extra: Mapping[str, object] | None = None
    ) -> None: ...

    def info(
        self, msg: object, *args: object, extra: Mapping[str, object] | None = None
    ) -> None: ...

    def warning(
        self, msg: object, *args: object, extra: Mapping[str, object] | None = None
    ) -> None: ...

    def error(
        self, msg: object, *args: object, extra: Mapping[str, object] | None = None
    ) -> None: ...

    def exception(
        self, msg: object, *args: object, extra: Mapping[str, object] | None = None
    ) -> None: ...


class LogInfo(NamedTuple):
    """What is known of the operation a log line belongs to; absent keys are left out."""

    execution_arn: str
    parent_id: str | None = None
    operation_id: str | None = None
    name: str | None = None
    attempt: int | None = None

    def extra(self) -> dict[str, object]:
        keys = {
            "executionArn": self.execution_arn,
            "parentId": self.parent_id,
            "operationName": self.name,
            "operationId": self.operation_id,
            "attempt": self.attempt,
        }
        return {key: value for key, value in keys.items() if value is not None}


@functools.lru_cache
def _location(cls: Any) -> Mapping[str, int]:
    """What makes a logger of that class name the caller's line: two frames more than it would.

    The standard loggers take `stacklevel` and start from 1. Others that take it, Powertools'
    for one, say in their signature where they start from.
    """
    if issubclass(cls, (logging.Logger, logging.LoggerAdapter)):
        return {"stacklevel": 3}
    try:
        parameter = inspect.signature(cls.info).parameters.get("stacklevel")
    except (AttributeError, TypeError, ValueError):
        return {}
    usual = None if parameter is None else parameter.default
    return {"stacklevel": usual + 2} if isinstance(usual, int) else {}


class Logger:
    """Passes log calls on with the execution's keys added, unless the code replays.

    Example:
        >>> context.logger.info("order %s accepted", order_id, extra={"customer": "c-1"})
    """

    def __init__(
        self,
        logger: Any,
        info: LogInfo,
        is_replaying: Callable[[], bool] = lambda: False,
    ) -> None:
        self._logger = logger
        self._info = info
        self._is_replaying = is_replaying

    @property
    def underlying(self) -> Any:
        """The logger that is written to."""
        return self._logger

    def debug(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None:
        self._log("debug", msg, args, extra)

    def info(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None:
        self._log("info", msg, args, extra)

    def warning(
        self, msg: object, *args: object, extra: Mapping[str, object] | None = None
    ) -> None:
        self._log("warning", msg, args, extra)

    def error(self, msg: object, *args: object, extra: Mapping[str, object] | None = None) -> None:
        self._log("error", msg, args, extra)

    def exception(
        self, msg: object, *args: object, extra: Mapping[str, object] | None = None
    ) -> None:
        self._log("exception", msg, args, extra)

    def _log(
        self,
        level: str,
        msg: object,
        args: tuple[object, ...],
        extra: Mapping[str, object] | None,
    ) -> None:
        if self._is_replaying():
            return
        merged: MutableMapping[str, object] = {**self._info.extra(), **(extra or {})}
        options = _location(self._logger.__class__)
        token = enter(_LOGGER)
        try:
            getattr(self._logger, level)(msg, *args, extra=merged, **options)
        finally:
            leave(token)
