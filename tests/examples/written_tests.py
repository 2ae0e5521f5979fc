"""Runs the tests that a page says to write, in this process: another one would import all anew."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest


class Outcomes:
    """A plugin that counts how tests ended, and keeps what those said that failed."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        self.texts: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            self.ends[report.outcome] += 1
            self.texts.append(report.longreprtext)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.ends["error"] += 1
            self.texts.append(report.longreprtext)


def passed(directory: Path) -> int:
    """How many tests there are in a directory, all of which have to pass."""
    outcomes = Outcomes()
    options = "-p no:cacheprovider -p no:terminal -o asyncio_mode=auto "
    options += f"-o asyncio_default_fixture_loop_scope=function --rootdir {directory} {directory}"
    pytest.main(options.split(), plugins=[outcomes])
    assert outcomes.ends.keys() == {"passed"}, "\n".join(outcomes.texts)
    return outcomes.ends["passed"]
