"""Outcomes that a test gives in place of steps and invoked functions."""

from __future__ import annotations

from typing import Any, Protocol, Self

from aws_durable_execution_sdk_python._core.model import ErrorObject
from aws_durable_execution_sdk_python_testing._engine.function_targets import FunctionReference
from aws_durable_execution_sdk_python_testing._functions.contracts import Handler
from aws_durable_execution_sdk_python_testing._functions.mocks import Outcomes, StepMocks
from aws_durable_execution_sdk_python_testing.exceptions import DurableFunctionsTestError


class Mocking(Protocol):
    """The part of a runner that mocks. It is an error if a step that is mocked never runs.

    That is said when the runner's `with` block ends, unless another error ends it.
    """

    _steps: StepMocks

    def register_function(self, function_name: str, handler: Handler) -> Self:
        """Make an ordinary function known to `context.invoke`."""
        ...

    def mock_step(
        self,
        name: str,
        outcomes: Any = None,
        *,
        result: Any = None,
        error: BaseException | ErrorObject | None = None,
    ) -> Self:
        """Give the outcome of the steps of a name, whose functions then do not run.

        Everything else is as ever: what the step's configuration says of retries and
        serialisation holds, and the history shows the attempts. The check of a
        `wait_for_condition` can be mocked likewise, by the states it gives.

        Parameters:
            name: of the steps, on whatever level.
            outcomes: a list or tuple with what the attempts come to, one after another; an error
                is raised. All steps of that name share the list, and one attempt too many
                fails. Anything else is what every attempt comes to.
            result: what every attempt returns; also if it is a list.
            error: what every attempt raises instead.

        Returns:
            The runner, so that calls chain.

        Raises:
            DurableFunctionsTestError: more than one of `outcomes`, `result`, `error` is given.

        Example:
            ```python
            runner.mock_step("reserve", result={"id": "r-1"})
            runner.mock_step("charge", [ConnectionError("down"), {"id": "c-1"}])
            ```
        """
        self._steps.add(name, Outcomes(f"mock_step({name!r})", outcomes, result, error))
        return self

    def mock_invoke(
        self,
        function_name: str,
        outcomes: Any = None,
        *,
        result: Any = None,
        error: BaseException | ErrorObject | None = None,
    ) -> Self:
        """Give the outcome of `context.invoke(function_name, ...)`: nothing needs registering.

        Parameters:
            function_name: as the handler invokes it; `name` also stands for its versions.
            outcomes, result, error: as for `mock_step`, call by call.

        Returns:
            The runner, so that calls chain.

        Raises:
            DurableFunctionsTestError: more than one of `outcomes`, `result`, `error` is given.

        Example:
            ```python
            runner.mock_invoke("payment-service", result={"status": "paid"})
            ```
        """
        mocked = Outcomes(f"mock_invoke({function_name!r})", outcomes, result, error)
        return self.register_function(_target_name(function_name), mocked)


def _target_name(function_name: str) -> str:
    try:
        return FunctionReference.parse(function_name).target_name
    except ValueError:
        raise DurableFunctionsTestError(f"no name of a function: {function_name!r}") from None
