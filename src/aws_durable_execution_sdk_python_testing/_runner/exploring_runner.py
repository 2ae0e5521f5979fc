"""The runner of a test that is marked to explore crashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_durable_execution_sdk_python_testing._results.result import DurableFunctionTestResult
from aws_durable_execution_sdk_python_testing._runner.function_runner import (
    DurableFunctionTestRunner,
)


class ExploringTestRunner(DurableFunctionTestRunner):
    """A runner whose `run` explores crashes as well.

    Parameters:
        handler: the durable handler.
        options: of `explore_crashes`, besides what `run` is given.
        settings: of the runner.
    """

    def __init__(self, handler: Any, options: Mapping[str, Any], **settings: Any) -> None:
        super().__init__(handler, **settings)
        self._options = options

    def run(self, input: Any = None, *args: Any, **kwargs: Any) -> DurableFunctionTestResult:
        """Run the handler, then again for every place it can be cut off at.

        Raises:
            CrashExplorationError: a crash changes how the execution ends.
        """
        result = super().run(input, *args, **kwargs)
        shared = ("callbacks", "timeout")
        given: dict[str, Any] = {key: kwargs[key] for key in shared if key in kwargs}
        self.explore_crashes(input, **{**given, **self._options})
        return result
