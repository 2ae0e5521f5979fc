"""Whether a value of a subclass may be stored as its base: only if but the class nothing is lost.

A dict that carries a source, pandas' missing date or a timestamp with nanoseconds have more to
them than their base class; a plain OrderedDict, a numpy float or the member of a StrEnum, which
its text tells, have not.
"""

from __future__ import annotations

import enum
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

# What a value would come back as, where that may differ from the value.
_COPIES: Mapping[type, Callable[[Any], object]] = {
    datetime: lambda value: datetime.fromisoformat(datetime.isoformat(value)),
    date: lambda value: date.fromisoformat(date.isoformat(value)),
    Decimal: lambda value: Decimal(Decimal.__str__(value)),
    uuid.UUID: lambda value: uuid.UUID(uuid.UUID.__str__(value)),
}
# Their subclasses add a meaning of their own: a datetime is no date, and True no number.
_APART = ((datetime, date), (bool, int))


def stands_for(value: object, base: type) -> bool:
    """Whether a value of a subclass of `base` is, but for its class, a value of `base`."""
    if not isinstance(value, base):
        return False
    if isinstance(value, enum.Enum):
        return True
    if any(base is outer and isinstance(value, inner) for inner, outer in _APART):
        return False
    return not _has_state(value, base) and _equals_copy(value, base)


def _has_state(value: object, base: type) -> bool:
    if getattr(value, "__dict__", None):
        return True
    if isinstance(value, defaultdict):
        return value.default_factory is not None
    for cls in type(value).__mro__:
        if cls is base:
            return False
        slots = cls.__dict__.get("__slots__", ())
        names = (slots,) if isinstance(slots, str) else tuple(slots)
        if any(hasattr(value, name) for name in names if not name.startswith("__")):
            return True
    return False


def _equals_copy(value: object, base: type) -> bool:
    copied = _COPIES.get(base)
    if copied is None:
        return True
    try:
        return (copied(value) == value) is True
    except Exception:
        return False
