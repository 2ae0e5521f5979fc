"""Crash exploration as a method of a runner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_durable_execution_sdk_python_testing._exploration.crash_points import CrashPoint
from aws_durable_execution_sdk_python_testing._exploration.crash_report import CrashReport
from aws_durable_execution_sdk_python_testing._exploration.explored_runs import (
    ExploredRun,
    Subject,
    run,
)
from aws_durable_execution_sdk_python_testing._exploration.exploring import explore
from aws_durable_execution_sdk_python_testing._exploration.witness import Memory
from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult


class ExploresCrashes:
    """Explores what a runner runs."""

    def _subject(
        self, input: Any, callbacks: Mapping[str, Any] | None, timeout: float | None
    ) -> Subject:
        raise NotImplementedError

    def explore_crashes(
        self,
        input: Any = None,
        *,
        callbacks: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        only: CrashPoint | None = None,
        samples: int | None = None,
        seconds: float | None = None,
        seed: int = 0,
        compare: Callable[[DurableFunctionTestResult], Any] | None = None,
        before_each: Callable[[], object] | None = None,
        check: bool = True,
    ) -> CrashReport:
        """Run the handler, then again for every place where its process could die.

        Those places are: before a checkpoint leaves, after the service has stored it but before
        the reply arrives, after the reply; in the middle of the body of each step, and between
        its end and its checkpoint; before the answer of an invocation arrives. Each run crashes
        once, in a store of its own, and must end as the one without a crash. Mocks and registered
        functions are as for `run`, and time is skipped.

        A crash is an exception of class `SystemExit`: code that catches it, or a `finally`, runs
        on in vain. `explore_sandbox_crashes` kills real processes instead.

        Parameters:
            input, callbacks, timeout: as for `run`.
            only: crash at this place alone, as a failure names it.
            samples: try at most so many places; None tries all of them.
            seconds: start no further run after so many real seconds.
            seed: of the choice and the order of the places if not all are tried. A place is
                chosen by its own name, so one that comes or goes leaves the others as they are.
            compare: gives what must be the same of each result. By default that is all an
                execution ends with: status, result, error, and the operations with theirs. For
                handlers that race, or whose values are other ones each time.
            before_each: called before every run, to put back the state of the world outside.
            check: raise if a promise is broken; False leaves that to `report.assert_ok()`.

        Returns:
            How often the body of each step ran, and what came out differently.

        Raises:
            CrashExplorationError: an execution ended differently, a body ran more often than it
                may, or a history broke a rule. It names the first such crash, and how to
                repeat it alone.
            DurableFunctionsTestError: two runs without a crash end differently already.

        Example:
            ```python
            report = runner.explore_crashes(input={"order": 1}, callbacks={"approval": True})
            report.print()
            ```
        """
        subject = self._subject(input, callbacks, timeout)

        def run_once(memory: Memory) -> ExploredRun:
            if before_each is not None:
                before_each()
            return run(subject, memory)

        report = explore(
            run_once, only=only, samples=samples, seconds=seconds, seed=seed, compare=compare
        )
        if check:
            report.assert_ok()
        return report
