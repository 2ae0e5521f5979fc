"""The pytest plugin: marker `durable_execution`, fixture `durable_runner`, option `--runner-mode`.

    @pytest.mark.durable_execution(handler=handler, lambda_function_name="my_function")
    def test_my_function(durable_runner):
        with durable_runner:
            result = durable_runner.run(input={"data": "test"}, timeout=10)
        assert result.status == "SUCCEEDED"

The same test runs in process (`--runner-mode=local`, the default) or against a deployed function
(`--runner-mode=cloud`). pytest imports this module in every project that has the package
installed, so whatever is heavy is imported where it is used.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import pytest

if TYPE_CHECKING:
    from aws_durable_execution_sdk_python_testing._faults import Faults
    from aws_durable_execution_sdk_python_testing._remote.cloud_runner import (
        DurableFunctionCloudTestRunner,
    )
    from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

MARKER = "durable_execution"
_OPTION = "--runner-mode"
_DEST = "runner_mode"
_ARGUMENTS = ("handler", "lambda_function_name", "skip_time", "faults", "explore_crashes")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    # Not pytest_addoption: projects written for the official SDK carry a conftest.py that adds
    # the option, and two definitions end the run. Once the initial conftests are loaded it is
    # known whether one did; one deeper down is loaded later still, so do not add it unasked.
    outcome = yield
    asked = any(arg.startswith(_OPTION) or arg in ("-h", "--help") for arg in args)
    if asked and not hasattr(early_config.option, _DEST):
        parser.getgroup("durable execution").addoption(
            _OPTION,
            dest=_DEST,
            choices=("local", "cloud"),
            default="local",
            help="run tests marked durable_execution in process (local, the default) or against "
            "deployed functions (cloud)",
        )
    return outcome


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(handler=, lambda_function_name=, skip_time=True, faults=None, "
        "explore_crashes=False, compat=None): the durable function that the fixture "
        "durable_runner runs: "
        "`handler` in process, the deployed function that `lambda_function_name` stands for with "
        "--runner-mode=cloud. In process, `faults` are what goes wrong between function and "
        "service, and with explore_crashes=True, or a dict of options, `run` also explores "
        'crashes. compat="aws" does as the official SDK',
    )


@pytest.fixture
def durable_runner(
    request: pytest.FixtureRequest,
) -> Iterator[DurableFunctionTestRunner | DurableFunctionCloudTestRunner]:
    """Runs the durable function named by the test's `durable_execution` marker.

    Locally a `DurableFunctionTestRunner`, with `--runner-mode=cloud` a
    `DurableFunctionCloudTestRunner`; `durable_runner.mode` tells which.
    """
    marker = request.node.get_closest_marker(MARKER)
    if marker is None:
        pytest.fail(
            f"{request.node.name} uses durable_runner without @pytest.mark.{MARKER}(...)",
            pytrace=False,
        )
    _check(marker)
    cloud = request.config.getoption(_DEST, "local") == "cloud"
    make = _cloud_runner if cloud else _local_runner
    with make(**marker.kwargs) as runner:
        yield runner


def _check(marker: pytest.Mark) -> None:
    """Refuse what the marker does not take: a misspelt option would go unnoticed."""
    from aws_durable_execution_sdk_python_testing._results.near_names import did_you_mean

    if marker.args:
        pytest.fail(f"@pytest.mark.{MARKER} takes its arguments by name", pytrace=False)
    for name in marker.kwargs:
        if name not in _ARGUMENTS:
            pytest.fail(
                f"@pytest.mark.{MARKER} has no argument {name!r}" + did_you_mean(name, _ARGUMENTS),
                pytrace=False,
            )
    handler = marker.kwargs.get("handler")
    if handler is not None and not callable(handler):
        pytest.fail(
            f"@pytest.mark.{MARKER}: handler= must be a function, not {handler!r}", pytrace=False
        )


def _local_runner(
    handler: Any = None,
    skip_time: bool = True,
    faults: Faults | None = None,
    explore_crashes: bool | Mapping[str, Any] = False,
    compat: Literal["aws"] | None = None,
    **_: Any,
) -> DurableFunctionTestRunner:
    from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

    if handler is None:
        pytest.fail(f"@pytest.mark.{MARKER} needs handler= for local runs")
    if explore_crashes is False:
        return DurableFunctionTestRunner(handler, skip_time=skip_time, faults=faults, compat=compat)

    from aws_durable_execution_sdk_python_testing._runner.exploring_runner import (
        ExploringTestRunner,
    )

    options: Mapping[str, Any] = {} if explore_crashes is True else explore_crashes
    return ExploringTestRunner(handler, options, skip_time=skip_time, faults=faults, compat=compat)


def _cloud_runner(
    lambda_function_name: str | None = None, compat: Literal["aws"] | None = None, **_: Any
) -> DurableFunctionCloudTestRunner:
    from aws_durable_execution_sdk_python_testing._engine.arn_defaults import DEFAULT_REGION
    from aws_durable_execution_sdk_python_testing._remote.cloud_runner import (
        DurableFunctionCloudTestRunner,
    )

    if not lambda_function_name:
        pytest.fail(f"@pytest.mark.{MARKER} needs lambda_function_name= for cloud runs")
    return DurableFunctionCloudTestRunner(
        _deployed_name(lambda_function_name),
        region=os.environ.get("AWS_REGION", DEFAULT_REGION),
        lambda_endpoint=os.environ.get("LAMBDA_ENDPOINT") or None,
        compat=compat,
    )


def _name_map(text: str) -> dict[str, str]:
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, dict):
        pytest.fail(
            'PYTEST_FUNCTION_NAME_MAP must be JSON like {"name": "function:$LATEST"}, '
            f"not {text!r}",
            pytrace=False,
        )
    return cast(dict[str, str], names)


def _deployed_name(name: str) -> str:
    """The function to invoke for a marker's `lambda_function_name`; skips if none is deployed."""
    names = os.environ.get("PYTEST_FUNCTION_NAME_MAP")
    if names:
        deployed = _name_map(names).get(name)
        if not deployed:
            pytest.skip(f"PYTEST_FUNCTION_NAME_MAP names no function for {name!r}")
        return str(deployed)
    deployed = os.environ.get("QUALIFIED_FUNCTION_NAME")
    tested = os.environ.get("LAMBDA_FUNCTION_TEST_NAME")
    if not deployed or not tested:
        pytest.fail(
            "--runner-mode=cloud needs PYTEST_FUNCTION_NAME_MAP, or QUALIFIED_FUNCTION_NAME and "
            "LAMBDA_FUNCTION_TEST_NAME, in the environment"
        )
    if name.lower() != tested.lower():
        pytest.skip(f"the deployed function stands for {tested!r}, not for {name!r}")
    return deployed
