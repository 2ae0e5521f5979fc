"""Names and module paths that the documentation of the official testing SDK gives."""

from __future__ import annotations

import importlib

import pytest

import aws_durable_execution_sdk_python_testing as testing
from aws_durable_execution_sdk_python_testing import exceptions
from aws_durable_execution_sdk_python_testing.execution import ExecutionStatus

MODULES = [
    *("runner", "exceptions", "model", "execution", "cli", "web.server"),
    *("stores.base", "stores.memory", "stores.filesystem", "stores.sqlite"),
]


@pytest.mark.parametrize("name", testing.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert getattr(testing, name) is not None


@pytest.mark.parametrize("path", MODULES)
def test_every_documented_module_can_be_imported(path: str) -> None:
    importlib.import_module(f"{testing.__name__}.{path}")


RUNNER_NAMES = [
    *("DurableFunctionTestRunner", "DurableChildContextTestRunner"),
    *("DurableFunctionCloudTestRunner", "DurableFunctionTestResult"),
    *("Operation", "ExecutionOperation", "ContextOperation", "StepOperation"),
    *("WaitOperation", "CallbackOperation", "InvokeOperation"),
]


@pytest.mark.parametrize("name", RUNNER_NAMES)
def test_the_module_of_the_runners_has_what_tests_import_from_it(name: str) -> None:
    assert name in importlib.import_module(f"{testing.__name__}.runner").__all__


def test_the_status_of_executions_is_one_enum_wherever_it_is_imported_from() -> None:
    assert ExecutionStatus is testing.ExecutionStatus


def test_an_error_of_the_api_tells_its_http_status_and_body() -> None:
    error: exceptions.AwsApiException = exceptions.ExecutionAlreadyStartedException("taken")
    assert error.http_status_code == 409
    assert error.to_dict() == {
        "Type": "DurableExecutionAlreadyStartedException",
        "Message": "taken",
    }


def test_what_an_executions_state_forbids_is_an_illegal_state() -> None:
    assert issubclass(exceptions.ResourceConflictException, exceptions.IllegalStateException)
