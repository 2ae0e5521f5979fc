"""The codes of the determinism lint: what each one finds, in a few words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = "DUR"


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of finding.

    Attributes:
        id: `DUR` and three digits; its page is `docs/lint/<id>.md`.
        name: the same in words, for machine-readable output.
        summary: what is wrong, in one line.
    """

    id: str
    name: str
    summary: str


_TABLE = (
    Code("DUR101", "clock-outside-step", "The clock is read outside a step"),
    Code("DUR102", "random-outside-step", "A random value is drawn outside a step"),
    Code("DUR103", "uuid-outside-step", "A unique id is made outside a step"),
    Code("DUR104", "environment-outside-step", "The environment is used outside a step"),
    Code("DUR105", "network-outside-step", "The network or a process is used outside a step"),
    Code("DUR106", "files-outside-step", "The file system is used outside a step"),
    Code("DUR201", "operation-in-step", "A durable operation is called inside a step"),
    Code("DUR202", "outer-context-in-child", "A child context's function uses an outer context"),
    Code("DUR203", "context-in-thread", "A context is used in a thread"),
    Code("DUR301", "state-changed-in-step", "A step changes state that it closes over"),
    Code("DUR302", "state-changed-in-child", "A child context changes state that it closes over"),
    Code("DUR303", "state-changed-between-steps", "Global state is changed between steps"),
    Code("DUR304", "argument-changed", "An object handed to a step changes behind its back"),
    Code("DUR305", "late-bound-variable", "Functions made in a loop see its last value only"),
    Code("DUR401", "suspension-swallowed", "An except catches the suspension of an operation"),
    Code("DUR402", "leaving-finally", "A finally is left by return, break or continue"),
    Code("DUR501", "set-order", "The order of a set decides the order of operations"),
    Code("DUR502", "unstable-name", "An operation's name differs between processes"),
    Code("DUR601", "operation-not-awaited", "An operation is not awaited"),
    Code("DUR602", "blocking-call-in-async", "A blocking call holds up the event loop"),
    Code("DUR603", "context-shared-by-tasks", "Concurrent coroutines share one context"),
    Code("DUR604", "forgotten-timeout", "A time-out of the code's own is around a durable wait"),
    Code(
        "DUR701", "misused-patch", "A patch's answer is dropped, or a deprecated one is asked for"
    ),
    Code("DUR901", "unknown-ignore", "A `# durable: ignore` names an unknown code"),
    Code("DUR902", "unused-ignore", "A `# durable: ignore` has nothing to ignore"),
)

CODES: dict[str, Code] = {code.id: code for code in _TABLE}
"""Every code that the lint knows."""


class Selection:
    """Which codes are reported: those that `select` names, without those that `ignore` names.

    Parameters:
        select: codes or prefixes of codes ("DUR1"); empty for all of them.
        ignore: the same; the longer prefix of the two wins, and `ignore` if they are equal.

    Raises:
        ValueError: nothing begins with one of the prefixes.
    """

    def __init__(self, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> None:
        self._select = _known(select)
        self._ignore = _known(ignore)

    def __contains__(self, code: str) -> bool:
        chosen = _longest(code, self._select) if self._select else 0
        refused = _longest(code, self._ignore)
        return chosen is not None and (refused is None or refused < chosen)


def _known(prefixes: Iterable[str]) -> tuple[str, ...]:
    given = tuple(prefixes)
    for prefix in given:
        if not prefix or not any(code.startswith(prefix) for code in CODES):
            raise ValueError(f"no code begins with {prefix!r}; they are {', '.join(CODES)}")
    return given


def _longest(code: str, prefixes: tuple[str, ...]) -> int | None:
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=None)
