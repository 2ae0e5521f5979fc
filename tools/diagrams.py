"""Draws the pictures of docs/architecture.md: state machines, and an invocation from end to end.

The state machines are what the tables of the local service's engine say.

    python tools/diagrams.py           # writes docs/images/*.svg
    python tools/diagrams.py --check   # says which of them are not what the tables say
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from html import escape
from pathlib import Path

from aws_durable_execution_sdk_python._core.model import TERMINAL, OperationType, Status
from aws_durable_execution_sdk_python_testing._engine.completions import MOVES
from aws_durable_execution_sdk_python_testing._engine.transitions import TRANSITIONS

IMAGES = Path(__file__).parents[1] / "docs" / "images"
WIDTH = 720

# A card of its own, legible on a dark page too: an image cannot know the page's colours.
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"
 height="{height}" role="img" font-family="system-ui, sans-serif" font-size="13">
<title>{title}</title>
<style>
text {{ fill: #1f2937 }}
.note {{ fill: #57606a; font-size: 12px; stroke: #ffffff; stroke-width: 4; paint-order: stroke }}
path {{ fill: none; stroke: #57606a; stroke-width: 1.4 }}
.service {{ stroke-dasharray: 5 4 }} .group {{ fill: #f6f8fa; stroke: #d0d7de }}
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"
 orient="auto-start-reverse"><path d="M0 0 8 4 0 8Z" style="fill:#57606a;stroke:none"/></marker>
</defs>
<rect x="0.5" y="0.5" width="{right}" height="{bottom}" rx="8" fill="#ffffff" stroke="#d0d7de"/>
"""


def picture(title: str, height: int, parts: Iterable[str]) -> str:
    head = HEAD.format(
        title=escape(title), width=WIDTH, height=height, right=WIDTH - 1, bottom=height - 1
    )
    return head + "\n".join(parts) + "\n</svg>\n"


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "note") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def arrow(path: str, kind: str = "") -> str:
    return f'<path d="{path}" class="{kind}" marker-end="url(#tip)"/>'


# -------------------------------------------------------------------------------- state machines

COLOURS = {
    Status.SUCCEEDED: ("#e6f4ea", "#1a7f37"),
    Status.FAILED: ("#ffebe9", "#cf222e"),
    Status.TIMED_OUT: ("#ffebe9", "#cf222e"),
}
OPEN = ("#e8effc", "#2457c5")
ENDED = ("#f0f1f3", "#57606a")
BOX_WIDTH, BOX_HEIGHT, ROW = 112, 32, 62
BEFORE_X, OPEN_X, END_X = 44, 120, WIDTH - 24 - BOX_WIDTH
TOP = 28
GROUP_RIGHT = OPEN_X + BOX_WIDTH + 16

# From a status, None before there is an operation, to another one: what takes it there, and whether
# that is an update of the handler's.
Edges = dict[tuple[Status | None, Status], list[tuple[str, bool]]]


def edges_of(operation_type: OperationType) -> tuple[Edges, dict[Status, list[str]]]:
    """The edges from one status, and the updates that any of several statuses allows."""
    single: Edges = defaultdict(list)
    from_any: dict[Status, list[str]] = defaultdict(list)
    for (kind, action), row in TRANSITIONS.items():
        if kind is not operation_type:
            continue
        if len(row.allowed) > 2 or (len(row.allowed) == 2 and row.becomes in TERMINAL):
            from_any[row.becomes].append(action.value)
            continue
        for before in sorted(row.allowed, key=str):
            # An execution is there before any update of it.
            start = Status.STARTED if kind is OperationType.EXECUTION else before
            single[start, row.becomes].append((action.value, True))
    for (kind, start, end), reason in MOVES.items():
        if kind is operation_type:
            single[start, end].append((reason, False))
    return single, from_any


def state(status: Status, x: float, y: float) -> str:
    fill, stroke = COLOURS.get(status, ENDED if status in TERMINAL else OPEN)
    middle = x + BOX_WIDTH / 2
    return (
        f'<rect x="{x:g}" y="{y - BOX_HEIGHT / 2:g}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" '
        f'rx="6" fill="{fill}" stroke="{stroke}" stroke-width="1.4"/>'
        + text(middle, y + 4.5, status.value, "middle", "state")
    )


def state_machine(operation_type: OperationType) -> str:
    single, from_any = edges_of(operation_type)
    ends = {end for _, end in single} | set(from_any)
    starts = {start for start, _ in single if start is not None}
    order = (Status.STARTED, Status.READY, Status.PENDING)
    opened = [one for one in order if one in ends | starts]
    ended = [one for one in Status if one in ends and one in TERMINAL]
    inside = [one for one in opened if one is not Status.PENDING]
    has_start = any(start is None for start, _ in single)

    y = {one: TOP + 22 + ROW * number for number, one in enumerate(opened)}
    height = TOP * 2 + 44 + ROW * (max(len(opened), len(ended)) - 1)
    if Status.PENDING in y:  # room for what is said below the group
        y[Status.PENDING] += 20
        height += 20
    gap = (height - 2 * TOP - 44) / max(1, len(ended) - 1)
    y |= {one: TOP + 22 + gap * number for number, one in enumerate(ended)}
    if len(ended) == 1:
        y[ended[0]] = y[opened[0]]

    parts = []
    bottom = y[inside[-1]] + 26
    if from_any:
        parts.append(
            f'<rect x="{BEFORE_X - 26}" y="{TOP - 6}" width="{GROUP_RIGHT - BEFORE_X + 26}" '
            f'height="{bottom - TOP + 6:g}" rx="10" class="group"/>'
        )
    if has_start:
        parts.append(f'<circle cx="{BEFORE_X}" cy="{y[Status.STARTED]:g}" r="6" fill="#1f2937"/>')
    for (start, end), reasons in single.items():
        parts += edge(start, end, reasons, y)
    for end, actions in from_any.items():
        parts += edge_of_any(end, actions, y, bottom)
    parts += [state(one, OPEN_X, y[one]) for one in opened]
    parts += [state(one, END_X, y[one]) for one in ended]
    return picture(f"States of {operation_type.value}", round(height), parts)


def edge(
    start: Status | None, end: Status, reasons: list[tuple[str, bool]], y: dict[Status, float]
) -> list[str]:
    label = ", or ".join(reason for reason, _ in reasons)
    kind = "" if any(is_update for _, is_update in reasons) else "service"
    if start is None:
        first = f"M{BEFORE_X + 8} {y[end]:g}H{OPEN_X - 3}"
        return [arrow(first, kind), text(BEFORE_X + 12, y[end] - 8, label)]
    if end in TERMINAL:
        return [
            arrow(to_the_end(OPEN_X + BOX_WIDTH, y[start], y[end]), kind),
            at_the_end(end, label, y),
        ]
    x = OPEN_X + BOX_WIDTH * 0.3
    up = f"M{x:g} {y[start] - BOX_HEIGHT / 2:g}V{y[end] + BOX_HEIGHT / 2 + 3:g}"
    above = y[start] - BOX_HEIGHT / 2 - 10
    return [arrow(up, kind), text(x - 8, above, label, "end")]


def edge_of_any(
    end: Status, actions: list[str], y: dict[Status, float], bottom: float
) -> list[str]:
    """From whatever state is in the group."""
    label = ", ".join(actions)
    if end in TERMINAL:
        start = min(max(y[end], TOP + 8), bottom - 14)
        return [arrow(to_the_end(GROUP_RIGHT, start, y[end])), at_the_end(end, label, y)]
    x = OPEN_X + BOX_WIDTH * 0.7
    down = f"M{x:g} {bottom:g}V{y[end] - BOX_HEIGHT / 2 - 3:g}"
    return [arrow(down), text(x + 8, y[end] - BOX_HEIGHT / 2 - 10, label)]


def to_the_end(x: float, start: float, end: float) -> str:
    bend = x + 60
    return (
        f"M{x:g} {start:g}C{bend:g} {start:g} {x + 20:g} {end:g} {bend + 20:g} {end:g}H{END_X - 3}"
    )


def at_the_end(end: Status, label: str, y: dict[Status, float]) -> str:
    return text(END_X - 14, y[end] - 7, label, "end")


# ------------------------------------------------------------------ from the event to the response

LANES = ("Lambda", "Invocation", "Journal", "Handler", "Checkpointer")
# From lane to lane, what is said. To itself: what happens there.
MESSAGES = (
    (0, 1, "event, token"),
    (1, 0, "pages of state"),
    (1, 2, "merge"),
    (1, 3, "call the handler"),
    (3, 2, "step 1: on record"),
    (2, 3, "its result"),
    (3, 3, "step 2: its function runs"),
    (3, 2, "asked: SUCCEED"),
    (2, 4, "queued"),
    (4, 0, "CheckpointDurableExecution, up to 250 updates"),
    (0, 4, "next token, what changed"),
    (4, 2, "merge, then release"),
    (2, 3, "saved: its result"),
    (3, 4, "wait: START, parked"),
    (1, 1, "nothing can run"),
    (1, 0, "PENDING"),
)


def course() -> str:
    step, top = 30, 62
    height = top + step * len(MESSAGES) + 16
    x = [72 + 144 * number for number in range(len(LANES))]
    parts = []
    for place, name in zip(x, LANES, strict=True):
        parts.append(
            f'<line x1="{place}" y1="44" x2="{place}" y2="{height - 14}" stroke="#d0d7de"/>'
        )
        parts.append(
            f'<rect x="{place - 56}" y="14" width="112" height="30" rx="6" fill="{OPEN[0]}" '
            f'stroke="{OPEN[1]}"/>' + text(place, 33.5, name, "middle", "state")
        )
    for number, (start, end, words) in enumerate(MESSAGES):
        line = top + step * number + 12
        if start == end:
            parts.append(f'<circle cx="{x[start]}" cy="{line - 4}" r="4" fill="{OPEN[1]}"/>')
            parts.append(text(x[start] + 10, line, f"{number + 1}. {words}"))
            continue
        way = 4 if end > start else -4
        parts.append(arrow(f"M{x[start] + way} {line}H{x[end] - way}"))
        parts.append(text((x[start] + x[end]) / 2, line - 8, f"{number + 1}. {words}", "middle"))
    return picture("How an event becomes a response", height, parts)


# ---------------------------------------------------------------------------------------------


def pictures() -> dict[Path, str]:
    drawn = {
        IMAGES / f"states-{one.value.lower().replace('_', '-')}.svg": state_machine(one)
        for one in OperationType
    }
    return {**drawn, IMAGES / "invocation.svg": course()}


def main() -> None:
    if "--check" in sys.argv:
        stale = [
            path.name
            for path, drawn in pictures().items()
            if not path.exists() or path.read_text(encoding="utf-8") != drawn
        ]
        sys.exit(f"run python tools/diagrams.py: {', '.join(stale)}" if stale else 0)
    for path, drawn in pictures().items():
        path.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
