"""The pytest plugin, in projects of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from fake_lambda import FakeLambda, event

pytest_plugins = ["pytester"]

MODULE = """
from aws_durable_execution_sdk_python import durable_execution

@durable_execution
def handler(event, context):
    context.wait(seconds=3600)
    return event["data"]
"""

TEST = """
import pytest
from my_function import handler

@pytest.mark.durable_execution(handler=handler, lambda_function_name="my_function")
def test_my_function(durable_runner):
    with durable_runner:
        result = durable_runner.run(input={"data": "test"}, timeout=10)
    assert result.status == "SUCCEEDED"
    assert result.result == "test"
    assert durable_runner.mode == "%s"
"""

# As projects written for the official SDK carry it.
COPIED_CONFTEST = """
import pytest

def pytest_addoption(parser):
    parser.addoption("--runner-mode", action="store", default="local", choices=["local", "cloud"])

@pytest.fixture
def mode(request):
    return request.config.getoption("--runner-mode")
"""

MODE_TEST = """
def test_mode(mode):
    assert mode == "%s"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\naddopts = --strict-markers -p no:asyncio\nfilterwarnings = error")
    pytester.makepyfile(my_function=MODULE)
    return pytester


@pytest.mark.parametrize("arguments", [(), ("--runner-mode=local",), ("--runner-mode", "local")])
def test_a_marked_test_runs_in_process(
    project: pytest.Pytester, arguments: tuple[str, ...]
) -> None:
    project.makepyfile(test_it=TEST % "local")
    project.runpytest(*arguments, "test_it.py").assert_outcomes(passed=1)


def test_the_option_the_marker_and_the_fixture_are_documented(project: pytest.Pytester) -> None:
    project.runpytest("--help").stdout.fnmatch_lines(["*--runner-mode={local,cloud}*"])
    project.runpytest("--markers").stdout.fnmatch_lines(["@pytest.mark.durable_execution(*"])
    project.runpytest("--fixtures").stdout.fnmatch_lines(["durable_runner*"])


def test_an_unknown_mode_is_refused(project: pytest.Pytester) -> None:
    outcome = project.runpytest("--runner-mode=moon")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize("place", [".", "tests", "deep/down"])
@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_a_project_that_defines_the_option_itself_works(
    project: pytest.Pytester, place: str, arguments: tuple[str, ...]
) -> None:
    directory = project.path / place
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "conftest.py").write_text(COPIED_CONFTEST)
    (directory / "test_mode.py").write_text(MODE_TEST % "local")
    outcome = project.runpytest(*arguments)
    assert outcome.ret == pytest.ExitCode.OK
    if not arguments:
        outcome.assert_outcomes(passed=1)


def test_the_projects_own_option_takes_its_value(project: pytest.Pytester) -> None:
    project.makeconftest(COPIED_CONFTEST)
    project.makepyfile(test_it=MODE_TEST % "cloud")
    project.runpytest("--runner-mode=cloud").assert_outcomes(passed=1)


def test_the_projects_own_fixture_wins(project: pytest.Pytester) -> None:
    project.makeconftest(
        "import pytest\n@pytest.fixture\ndef durable_runner():\n    return 'theirs'"
    )
    project.makepyfile(test_it="def test_it(durable_runner): assert durable_runner == 'theirs'")
    project.runpytest().assert_outcomes(passed=1)


def test_skipping_time_can_be_switched_off(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_it="""
        import pytest
        from my_function import handler

        @pytest.mark.durable_execution(handler=handler, skip_time=False)
        def test_it(durable_runner):
            arn = durable_runner.run_async(input={"data": 1})
            with pytest.raises(TimeoutError):
                durable_runner.wait_for_result(arn, timeout=0.2)
        """
    )
    project.runpytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "arguments", "message"),
    [
        ("", (), "*uses durable_runner without @pytest.mark.durable_execution*"),
        ("durable_execution()", (), "*needs handler= for local runs*"),
        (
            "durable_execution(handler=print)",
            ("--runner-mode=cloud",),
            "*needs lambda_function_name= for cloud runs*",
        ),
        (
            "durable_execution(lambda_function_name='x')",
            ("--runner-mode=cloud",),
            "*needs PYTEST_FUNCTION_NAME_MAP, or QUALIFIED_FUNCTION_NAME and*",
        ),
    ],
)
def test_what_is_missing_is_said(
    project: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    marker: str,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    for name in ("PYTEST_FUNCTION_NAME_MAP", "QUALIFIED_FUNCTION_NAME"):
        monkeypatch.delenv(name, raising=False)
    decorator = f"@pytest.mark.{marker}\n" if marker else ""
    project.makepyfile(test_it=f"import pytest\n{decorator}def test_it(durable_runner): ...")
    outcome = project.runpytest(*arguments)
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines([message])


# ----------------------------------------------------------------------------------- in the cloud


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLambda]:
    fake = FakeLambda()
    fake.executions = [{"Status": "SUCCEEDED", "Result": '"test"'}]
    fake.events = [
        event(1, "ExecutionStarted", "e", Name="run"),
        event(2, "ExecutionSucceeded", "e", details={"Result": {"Payload": '"test"'}}),
    ]
    for name in ("PYTEST_FUNCTION_NAME_MAP", "QUALIFIED_FUNCTION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    monkeypatch.setenv("LAMBDA_ENDPOINT", fake.url)
    yield fake
    fake.close()


def run_in_cloud(project: pytest.Pytester) -> pytest.RunResult:
    project.makepyfile(test_it=TEST % "cloud")
    # What botocore warns about is not this plugin's business.
    return project.runpytest("--runner-mode=cloud", "-W", "default", "test_it.py")


def test_the_same_test_runs_against_the_deployed_function(
    project: pytest.Pytester, cloud: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUALIFIED_FUNCTION_NAME", "MyFunction:$LATEST")
    monkeypatch.setenv("LAMBDA_FUNCTION_TEST_NAME", "MY_Function")
    run_in_cloud(project).assert_outcomes(passed=1)
    assert cloud.invoked == [("MyFunction:$LATEST", "RequestResponse", {"data": "test"})]


def test_tests_of_functions_that_are_not_deployed_are_skipped(
    project: pytest.Pytester, cloud: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUALIFIED_FUNCTION_NAME", "MyFunction:$LATEST")
    monkeypatch.setenv("LAMBDA_FUNCTION_TEST_NAME", "another")
    run_in_cloud(project).assert_outcomes(skipped=1)
    assert cloud.invoked == []


def test_a_map_of_names_finds_the_deployed_function(
    project: pytest.Pytester, cloud: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_FUNCTION_NAME_MAP", json.dumps({"my_function": "Deployed:3"}))
    run_in_cloud(project).assert_outcomes(passed=1)
    assert cloud.invoked[0][0] == "Deployed:3"


@pytest.mark.parametrize("text", ["{bad", '["my_function"]'])
def test_a_map_that_is_none_is_said_in_one_line(
    project: pytest.Pytester, cloud: FakeLambda, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("PYTEST_FUNCTION_NAME_MAP", text)
    outcome = run_in_cloud(project)
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["PYTEST_FUNCTION_NAME_MAP must be JSON like *"])


def test_a_name_the_map_lacks_is_skipped(
    project: pytest.Pytester, cloud: FakeLambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_FUNCTION_NAME_MAP", json.dumps({"other": "Deployed:3"}))
    run_in_cloud(project).assert_outcomes(skipped=1)
