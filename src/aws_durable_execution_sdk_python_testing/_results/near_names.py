"""Says which name was meant by one that nothing has."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

# More of them than that help nobody.
_MOST_SHOWN = 8


def did_you_mean(name: str, known: Iterable[str], what: str = "there are") -> str:
    """The end of a message about an unknown name: the nearest known one, else all there are.

    Parameters:
        name: what was given.
        known: what there is.
        what: how to say that, where none is near.

    Example:
        >>> did_you_mean("aproval", ["approval", "audit"])
        ": did you mean 'approval'?"
    """
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f": did you mean {near[0]!r}?"
    if not names:
        return ""
    shown = ", ".join(names[:_MOST_SHOWN]) + (", ..." if len(names) > _MOST_SHOWN else "")
    return f"; {what}: {shown}"
