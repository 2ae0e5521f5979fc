"""A logger that knows the execution, and is silent while finished work is replayed.

Documented in the product's index ("Structured logging"); keys and suppression follow the official
SDK's. It has the whole interface of `logging.Logger`, whatever it writes to: any logger will do
that has the five methods of `LoggerInterface`, a `logging.Logger`, a LoggerAdapter, Powertools for
AWS Lambda's Logger. What that one does not take never becomes an error of the program: keywords
that it does not know go into `extra`, and a level that it has no method for is written as the next
lower one.

Between the program and the logger that is written to there are two frames, always: that of the
method called here, and `_log`. That is how a record names the program's line.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple, Protocol, cast

from aws_durable_execution_sdk_python._core.logger_methods import (
    STANDARD,
    Keywords,
    keywords_of,
)
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


# What cannot be a key of the standard loggers' `extra`.
_RESERVED = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
# Which method writes a level where the level's own is missing.
_NEXT = {
    "fatal": "critical",
    "critical": "error",
    "exception": "error",
    "warn": "warning",
}
_METHODS = (
    (logging.CRITICAL, "critical"),
    (logging.ERROR, "error"),
    (logging.WARNING, "warning"),
    (logging.INFO, "info"),
    (0, "debug"),
)
# How many frames there are between the program and the logger that is written to.
_FRAMES = 2


class Logger:
    """Passes log calls on with the execution's keys added, unless the code replays.

    It has the methods of `logging.Logger`; what is not said of them here is the logger's that is
    written to, Powertools' `append_keys` for one. The keywords are those of `logging`; others
    are passed on to loggers that take them, and are keys of the record elsewhere.

    Example:
        >>> context.logger.info("order %s accepted", order_id, extra={"customer": "c-1"})
        >>> context.logger.critical("out of stock", exc_info=True, sku="s-1")
    """

    __slots__ = ("_info", "_is_replaying", "_logger")

    def __init__(
        self,
        logger: Any,
        info: LogInfo,
        is_replaying: Callable[[], bool] = lambda: False,
    ) -> None:
        self._logger = logger
        self._info = info
        self._is_replaying = is_replaying

    @classmethod
    def from_log_info(cls, logger: Any, info: LogInfo) -> Logger:
        """One that writes to a logger with these keys, also while the code replays."""
        return cls(logger, info)

    def with_log_info(self, info: LogInfo) -> Logger:
        """The same with other keys."""
        return Logger(self._logger, info, self._is_replaying)

    def with_is_replaying(self, is_replaying: Callable[[], bool]) -> Logger:
        """The same, silent whenever this says so.

        Example:
            >>> context.logger.with_is_replaying(lambda: False).info("each time the code runs")
        """
        return Logger(self._logger, self._info, is_replaying)

    def get_logger(self) -> Any:
        """The logger that is written to."""
        return self._logger

    @property
    def underlying(self) -> Any:
        """The logger that is written to."""
        return self._logger

    def debug(self, msg: object, *args: object, **keywords: Any) -> None:
        """Write at DEBUG; `exc_info`, `stack_info`, `stacklevel` and `extra` as in `logging`."""
        self._log("debug", msg, args, keywords)

    def info(self, msg: object, *args: object, **keywords: Any) -> None:
        """Write at INFO."""
        self._log("info", msg, args, keywords)

    def warning(self, msg: object, *args: object, **keywords: Any) -> None:
        """Write at WARNING."""
        self._log("warning", msg, args, keywords)

    def warn(self, msg: object, *args: object, **keywords: Any) -> None:
        """The old name of `warning`."""
        self._log("warning", msg, args, keywords)

    def error(self, msg: object, *args: object, **keywords: Any) -> None:
        """Write at ERROR."""
        self._log("error", msg, args, keywords)

    def exception(self, msg: object, *args: object, **keywords: Any) -> None:
        """Write at ERROR, with the exception that is being handled."""
        self._log("exception", msg, args, keywords)

    def critical(self, msg: object, *args: object, **keywords: Any) -> None:
        """Write at CRITICAL."""
        self._log("critical", msg, args, keywords)

    def fatal(self, msg: object, *args: object, **keywords: Any) -> None:
        """The other name of `critical`."""
        self._log("critical", msg, args, keywords)

    def log(self, level: int | str, msg: object, *args: object, **keywords: Any) -> None:
        """Write at a level: a number, or its name."""
        number = _number_of(level)
        if hasattr(self._logger, "log"):
            self._log("log", number, (msg, *args), keywords)
        else:
            method = next(name for least, name in _METHODS if number >= least)
            self._log(method, msg, args, keywords)

    def isEnabledFor(self, level: int) -> bool:
        """Whether a line of that level would be written now."""
        asked = getattr(self._logger, "isEnabledFor", None)
        return not self._is_replaying() and (asked is None or bool(asked(level)))

    def getChild(self, suffix: str) -> Logger:
        """The logger below that one, with the same keys."""
        return Logger(self._logger.getChild(suffix), self._info, self._is_replaying)

    def __getattr__(self, name: str) -> Any:
        if name in Logger.__slots__:  # while a copy is made
            raise AttributeError(name)
        return getattr(self._logger, name)

    def __setattr__(self, name: str, value: object) -> None:
        if name in Logger.__slots__:
            object.__setattr__(self, name, value)
        else:
            setattr(self._logger, name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._logger!r}>"

    def _log(
        self, method: str, first: object, args: tuple[object, ...], keywords: dict[str, Any]
    ) -> None:
        if self._is_replaying():
            return
        method = self._present(method, keywords)
        options = self._options(keywords_of(self._logger, method), keywords)
        token = enter(_LOGGER)
        try:
            getattr(self._logger, method)(first, *args, **options)
        finally:
            leave(token)

    def _present(self, method: str, keywords: Mapping[str, Any]) -> str:
        """The method that writes it: of five methods only one takes an exception."""
        while not hasattr(self._logger, method) and method in _NEXT:
            method = _NEXT[method]
        if not keywords.get("exc_info") or method not in ("error", "critical"):
            return method
        return method if keywords_of(self._logger, method).take("exc_info") else "exception"

    def _options(self, known: Keywords, given: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords for a method: as they are if it takes them, else as keys of the record."""
        extra: MutableMapping[str, object] = self._info.extra()
        options: dict[str, Any] = {}
        for name, value in given.items():
            if name == "extra":
                extra.update(_mapping(value))
            elif known.take(name):
                options[name] = value
            elif name not in STANDARD:
                extra.setdefault(f"{name}_" if name in _RESERVED else name, value)
        if known.take("extra"):
            options["extra"] = extra
        options.pop("stacklevel", None)
        if known.stacklevel is not None:
            chosen = given.get("stacklevel")
            start = chosen if isinstance(chosen, int) else known.stacklevel
            options["stacklevel"] = start + _FRAMES
        return options


def _mapping(extra: Any) -> Mapping[str, object]:
    if isinstance(extra, Mapping):
        return cast(Mapping[str, object], extra)
    return {} if extra is None else {"extra": extra}


def _number_of(level: int | str) -> int:
    if isinstance(level, int):
        return level
    return logging.getLevelNamesMapping().get(str(level).upper(), logging.INFO)
