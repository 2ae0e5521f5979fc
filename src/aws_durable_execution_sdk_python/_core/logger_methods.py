"""What the methods of a user's logger take: any logger will do, and each is given what it takes."""

from __future__ import annotations

import functools
import inspect
import logging
from typing import Any, NamedTuple

# What the standard loggers take by keyword.
STANDARD = frozenset({"exc_info", "stack_info", "stacklevel", "extra"})


class Keywords(NamedTuple):
    """What a method of a logger takes by keyword.

    Attributes:
        names: those it names.
        takes_all: whether it takes any.
        stacklevel: where it starts to count the frames from; None if it does not take that.
    """

    names: frozenset[str]
    takes_all: bool
    stacklevel: int | None

    def take(self, name: str) -> bool:
        return self.takes_all or name in self.names


_AS_STANDARD = Keywords(STANDARD, takes_all=False, stacklevel=1)
_UNKNOWN = Keywords(frozenset(), takes_all=True, stacklevel=None)


@functools.lru_cache
def _keywords_of_class(cls: Any, method: str) -> Keywords | None:
    """Of a method that the class has; None for one that its instances have."""
    if issubclass(cls, (logging.Logger, logging.LoggerAdapter)):
        return _AS_STANDARD
    function = getattr(cls, method, None)
    return None if function is None else _keywords_of_function(function)


def _keywords_of_function(function: Any) -> Keywords:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return _UNKNOWN
    by_name = {p.name: p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}
    usual = by_name["stacklevel"].default if "stacklevel" in by_name else None
    return Keywords(
        frozenset(by_name),
        any(p.kind is p.VAR_KEYWORD for p in parameters),
        stacklevel=usual if isinstance(usual, int) else None,
    )


def keywords_of(logger: Any, method: str) -> Keywords:
    """What a method of a logger takes by keyword."""
    found = _keywords_of_class(logger.__class__, method)
    if found is not None:
        return found
    function = getattr(logger, method)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, (logging.Logger, logging.LoggerAdapter)):
        return _AS_STANDARD
    return _keywords_of_function(function)
