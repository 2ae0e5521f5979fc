"""Comments that silence findings: `# durable: ignore[DUR101]`, and `# noqa` as flake8 has it."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aws_durable_execution_sdk_python_testing._lint.codes import CODES
from aws_durable_execution_sdk_python_testing._lint.findings import Finding

_IGNORE = re.compile(r"#\s*durable:\s*ignore(?!\w)(?:\s*\[(?P<codes>[^\]]*)\])?", re.IGNORECASE)
_NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.I)


@dataclass(slots=True)
class Ignore:
    """One comment. No codes: it silences every finding of its line."""

    line: int
    column: int
    end_column: int
    codes: tuple[str, ...] | None
    used: set[str] = field(default_factory=set)

    def covers(self, finding: Finding) -> bool:
        """Whether the comment stands on a line of the code in question and names its code."""
        is_there = finding.line <= self.line <= finding.end_line
        return is_there and (self.codes is None or finding.code in self.codes)


class Ignores:
    """The comments of a file.

    Parameters:
        text: the file's content.
        noqa: whether `# noqa` and `# noqa: DUR101` silence findings too. flake8 sees to them
            itself.
    """

    def __init__(self, text: str, *, noqa: bool) -> None:
        self._ignores: list[Ignore] = []
        self._noqa: dict[int, tuple[str, ...] | None] = {}
        if "durable:" not in text.lower() and not (noqa and "noqa" in text.lower()):
            return
        for token in _comments(text):
            line, column = token.start
            match = _IGNORE.search(token.string)
            if match is not None:
                start, end = column + match.start() + 1, column + match.end() + 1
                self._ignores.append(Ignore(line, start, end, _codes(match["codes"])))
            match = _NOQA.search(token.string) if noqa else None
            if match is not None:
                self._noqa[line] = _codes(match["codes"])

    def apply(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings that no comment silences."""
        for finding in findings:
            silencing = [one for one in self._ignores if one.covers(finding)]
            for ignore in silencing:
                ignore.used.add(finding.code)
            if not silencing and not self._is_noqa(finding):
                yield finding

    def complaints(self, path: str) -> Iterator[Finding]:
        """What is wrong with the comments themselves; to be asked after `apply`."""
        for ignore in self._ignores:
            for code, message in _complaints(ignore):
                yield Finding(
                    path, ignore.line, ignore.column, code, message, ignore.line, ignore.end_column
                )

    def _is_noqa(self, finding: Finding) -> bool:
        for line in range(finding.line, finding.end_line + 1):
            codes = self._noqa.get(line, ())
            if codes is None or any(finding.code.startswith(code) for code in codes):
                return True
        return False


def _complaints(ignore: Ignore) -> Iterator[tuple[str, str]]:
    if not ignore.codes:
        if ignore.codes is not None:
            yield "DUR901", "`# durable: ignore[]` names no code: name one, or drop the brackets"
        elif not ignore.used:
            yield "DUR902", "nothing on this line is to be ignored: remove the comment"
        return
    for code in ignore.codes:
        if code not in CODES:
            yield "DUR901", f"there is no code {code!r} to ignore"
        elif code not in ignore.used:
            yield "DUR902", f"there is no {code} on this line to ignore: remove it"


def _comments(text: str) -> Iterator[tokenize.TokenInfo]:
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token
    except (tokenize.TokenError, SyntaxError):
        return  # the parser accepts some endings that the tokenizer does not; nothing follows


def _codes(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return tuple(code.upper() for code in re.split(r"[,\s]+", text) if code)
