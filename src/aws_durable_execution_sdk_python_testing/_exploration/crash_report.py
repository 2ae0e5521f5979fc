"""What an exploration has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from aws_durable_execution_sdk_python_testing._exploration.crash_points import CrashPoint
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult

if TYPE_CHECKING:
    from rich.table import Table


class CrashExplorationError(AssertionError):
    """A crash changes how the execution ends, or makes a body run more often than it may.

    Attributes:
        report: what was found.
    """

    def __init__(self, message: str, report: CrashReport | None = None) -> None:
        super().__init__(message)
        self.report = report


@dataclass(frozen=True, slots=True)
class CrashDivergence:
    """A crash, and a promise it broke.

    Attributes:
        point: where it crashed; None for the run without a crash.
        problem: what is wrong, in one line.
        hint: what may be the reason, if that shows.
    """

    point: CrashPoint | None
    problem: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class BodyRow:
    """How often the body of a step ran.

    Attributes:
        step: the step's name and those around it.
        semantics: "at least once" or "at most once", per attempt.
        attempts: how many there were without a crash.
        most: how often it ran for one attempt, in the run where that was most.
        allowed: how often it may.
        point: the crash of that run; None if it ran as often without one.
    """

    step: str
    semantics: str
    attempts: int
    most: int
    allowed: int
    point: CrashPoint | None

    @property
    def ok(self) -> bool:
        """Whether it ran as often as it may."""
        return self.most <= self.allowed


@dataclass(frozen=True)
class CrashReport:
    """What became of the executions that crashed.

    Attributes:
        calm: how the execution ends without a crash.
        explored: where it was crashed.
        unreached: those of them that the run did not come to: it went another way, because of
            branches that run side by side, or code that is not deterministic.
        divergences: what came out differently.
        rows: how often the bodies of steps ran.
        left_out: how many places there were beyond those that were sampled.
    """

    calm: DurableFunctionTestResult
    explored: Sequence[CrashPoint]
    unreached: Sequence[CrashPoint] = ()
    divergences: Sequence[CrashDivergence] = ()
    rows: Sequence[BodyRow] = field(default=())
    left_out: int = 0

    @property
    def ok(self) -> bool:
        """Whether all executions ended alike, and no body ran more often than it may."""
        return not self.divergences

    def assert_ok(self) -> None:
        """Raise if a promise was broken.

        Raises:
            CrashExplorationError: it names the first such crash, and how to repeat it alone.
        """
        if not self.ok:
            raise CrashExplorationError(self.describe(), self)

    def describe(self) -> str:
        """The findings as plain text."""
        lines = [self.summary]
        if self.divergences:
            first = self.divergences[0]
            where = "without a crash" if first.point is None else f"crash at {first.point}"
            lines += ["The first:", f"  {where}", f"  {first.problem}"]
            lines += [f"  {first.hint}"] if first.hint else []
            if first.point is not None:
                lines.append(f"Again: runner.explore_crashes(..., only={first.point!r})")
        return "\n".join([*lines, *_text_table(self.rows)])

    @property
    def summary(self) -> str:
        """One line: how many crashes, and how many of them changed something."""
        wrong = len({divergence.point for divergence in self.divergences})
        total = len(self.explored)
        found = "change nothing" if not wrong else "break a promise"
        counted = f"{total} crashes" if not wrong else f"{wrong} of {total} crashes"
        remarks = [f"{self.left_out} more were not tried"] if self.left_out else []
        if self.unreached:
            remarks.append(f"{len(self.unreached)} runs went another way, and did not crash")
        remark = f" ({', '.join(remarks)})" if remarks else ""
        return f"{counted} {found}{remark}."

    def to_dict(self) -> dict[str, Any]:
        """The findings in JSON types."""
        return {
            "ok": self.ok,
            "explored": [_shown(point) for point in self.explored],
            "unreached": [_shown(point) for point in self.unreached],
            "left_out": self.left_out,
            "divergences": [
                {"point": _shown(each.point), "problem": each.problem, "hint": each.hint}
                for each in self.divergences
            ],
            "rows": [{**asdict(row), "point": _shown(row.point)} for row in self.rows],
        }

    def print(self) -> None:
        """Print the findings: the divergences with hints, and a table of the bodies.

        Example:
            ```python
            runner.explore_crashes(input={"order": 1}).print()
            ```
        """
        from aws_durable_execution_sdk_python_testing._results.tree import stdout_console

        console = stdout_console()
        console.print(self.summary, highlight=False, markup=False)
        for divergence in self.divergences:
            where = divergence.point or "no crash"
            console.print(f"- {where}: {divergence.problem}", highlight=False, markup=False)
        for hint in dict.fromkeys(each.hint for each in self.divergences if each.hint):
            console.print(hint, highlight=False, markup=False)
        console.print(_rich_table(self.rows))


def _shown(point: CrashPoint | None) -> dict[str, Any] | None:
    return None if point is None else asdict(point)


_HEADINGS = ("step", "runs per attempt", "attempts", "most", "allowed", "at")


def _cells(row: BodyRow) -> tuple[str, ...]:
    most = str(row.most) if row.ok else f"{row.most} !"
    at = "" if row.point is None else f"{row.point.operation}: {row.point.moment}"
    return (row.step, row.semantics, str(row.attempts), most, str(row.allowed), at)


def _text_table(rows: Sequence[BodyRow]) -> list[str]:
    if not rows:
        return []
    table = [_HEADINGS, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (zip(cells, widths, strict=True) for cells in table)
    return ["", *("  ".join(cell.ljust(width) for cell, width in line).rstrip() for line in lines)]


def _rich_table(rows: Sequence[BodyRow]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(*_HEADINGS)
    for row in rows:
        style = "" if row.ok else "red"
        table.add_row(*(Text(cell, style=style) for cell in _cells(row)))
    return table
