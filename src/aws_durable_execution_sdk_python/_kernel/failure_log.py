"""Failures of the user's code are logged, once each, by the logger that its context writes to.

- What is logged is the failure of a function: a step's, a check's, a child context's, the
  handler's. Each is logged where it is recorded or answered, never where a replay raises it again.
- An operation's error that passes through further functions, uncaught, is the same failure. It is
  known by its type and text, as they are on record: what looks the same is not said twice.
- A logger that fails changes nothing of the program.
- Payloads are never logged. The text of an exception is, unless the environment has
  DURABLE_EXECUTION_LOG_ERRORS=frames.
"""

from __future__ import annotations

import functools
import logging
import os
import traceback
from collections.abc import Mapping
from typing import Any, NamedTuple

from aws_durable_execution_sdk_python._core.error_size import kept_message
from aws_durable_execution_sdk_python._core.error_texts import message_of, type_of
from aws_durable_execution_sdk_python._core.error_traces import stored_trace, trace_of
from aws_durable_execution_sdk_python._core.logger_methods import keywords_of
from aws_durable_execution_sdk_python._core.running import Leaf
from aws_durable_execution_sdk_python._core.stack_traces import users_frames, users_part
from aws_durable_execution_sdk_python.exceptions import DurableOperationError

_log = logging.getLogger(__name__)
_LOGGER = Leaf(None, "logger")


class UserFailure(NamedTuple):
    """What is to be logged.

    Attributes:
        what: failed, for instance "step 'charge'".
        error: what its function raised.
        keys: what every line of it carries.
        attempt: of how many it was; None where there is only one.
        retry_seconds: when the next attempt is due, if there is one.
    """

    what: str
    error: BaseException
    keys: Mapping[str, object]
    attempt: int | None = None
    retry_seconds: int | None = None

    @property
    def text(self) -> str:
        attempt = "" if self.attempt is None else f" on attempt {self.attempt}"
        if self.retry_seconds is None:
            return f"{self.what} failed{attempt}"
        return f"{self.what} failed{attempt}; the next attempt is due in {self.retry_seconds} s"


class FailureLog:
    """What one invocation logs of failures."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()

    def log(self, logger: Any, failure: UserFailure) -> None:
        """Log a failure at ERROR, or at WARNING if it will be tried again."""
        error = failure.error
        if self._is_logged(error):
            return
        if failure.retry_seconds is None:
            self._logged.add(_known_by(error))
        try:
            _write(logger, failure)
        except Exception as refusal:
            # Without a traceback, in which the same error may be, and do the same again.
            _log.warning("the logger could not write that %s: %s", failure.text, type_of(refusal))

    def _is_logged(self, error: BaseException) -> bool:
        """Whether it reports an operation's failure that has been logged, by its text or cause."""
        if not isinstance(error, DurableOperationError):
            return False
        if _known_by(error) in self._logged:
            return True
        return error.__cause__ is not None and self._is_logged(error.__cause__)


def _known_by(error: BaseException) -> tuple[str, str]:
    return type_of(error), kept_message(message_of(error))


def _write(logger: Any, failure: UserFailure) -> None:
    error, options = failure.error, {}
    level = "error" if failure.retry_seconds is None else "warning"
    if os.environ.get("DURABLE_EXECUTION_LOG_ERRORS") == "frames":
        told, shown = type_of(error), "".join(trace_of(error, texts=False))
    else:
        told = ": ".join(filter(None, _known_by(error)))
        # Of an operation's error the traceback shows the call, the stored trace what was called.
        frames = users_frames if isinstance(error, DurableOperationError) else users_part
        info = (type(error), error, frames(error.__traceback__))
        shown = "" if stored_trace(error) is None else "".join(trace_of(error))
        if keywords_of(logger, level).take("exc_info"):
            options = {"exc_info": info}
        else:
            shown = shown or "".join(traceback.format_exception(*info))
    text = f"{told}\n{shown}".rstrip()
    write = getattr(logger, level)
    _LOGGER.call(
        functools.partial(write, "%s: %s", extra=dict(failure.keys), **options), failure.text, text
    )
