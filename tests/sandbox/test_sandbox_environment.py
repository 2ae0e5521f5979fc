"""What a function finds in its process: variables, context, payloads."""

from __future__ import annotations

import json
import os
import sys
import time

import pytest
from sandbox_calls import ACCOUNT, DIRECTORY, Functions

# Bytes: more than a pipe or a header holds, less than Lambda's limit for an answer.
LARGE = 5_500_000


def test_the_environment_is_lambdas(functions: Functions) -> None:
    functions.add("show_process", memory_size=512)
    environment = functions.result("show_process")["environment"]
    expected = {
        "_HANDLER": "plain_functions.show_process",
        "AWS_DEFAULT_REGION": "eu-north-1",
        "AWS_ENDPOINT_URL_LAMBDA": "http://127.0.0.1:9",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python3.{sys.version_info[1]}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": "show_process",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/show_process",
        "AWS_REGION": "eu-north-1",
        "LAMBDA_TASK_ROOT": str(DIRECTORY),
        "TZ": ":UTC",
    }
    assert expected.items() <= environment.items()
    credentials = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert credentials <= environment.keys()
    assert "[$LATEST]" in environment["AWS_LAMBDA_LOG_STREAM_NAME"]


def test_the_developers_own_settings_do_not_show_through(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    environment = functions.result("show_process")["environment"]
    assert environment["AWS_ACCESS_KEY_ID"] == "local"
    assert "AWS_PROFILE" not in environment
    assert "HTTP_PROXY" not in environment
    assert environment["AWS_CONFIG_FILE"] == os.devnull


def test_a_relative_python_path_means_the_same_in_the_function(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    shown = functions.result("show_process")
    assert shown["environment"]["PYTHONPATH"] == os.path.abspath("somewhere")


def test_the_functions_own_variables_override(functions: Functions) -> None:
    functions.add("show_process", environment={"TABLE": "orders", "TZ": "Europe/Oslo"})
    environment = functions.result("show_process")["environment"]
    assert (environment["TABLE"], environment["TZ"]) == ("orders", "Europe/Oslo")


def test_a_function_runs_in_its_task_root(functions: Functions) -> None:
    assert functions.result("show_process")["directory"] == str(DIRECTORY)


def test_a_version_is_told_apart(functions: Functions) -> None:
    functions.add("show_process")
    latest = functions.result("show_process")
    shown = functions.result("show_process:7")
    assert latest["pid"] != shown["pid"]
    assert shown["environment"]["AWS_LAMBDA_FUNCTION_VERSION"] == "7"
    assert shown["arn"] == f"{ACCOUNT}:show_process:7"


def test_the_context_describes_the_invocation(functions: Functions) -> None:
    functions.add("show_process", timeout=20)
    sent = json.dumps({"custom": {"city": "Ærø"}})
    shown = functions.result("show_process", tenant_id="blue", client_context=sent)
    assert shown["arn"] == f"{ACCOUNT}:show_process:$LATEST"
    assert shown["name"] == "show_process"
    assert shown["tenant_id"] == "blue"
    assert shown["custom"] == {"city": "Ærø"}
    assert 0 < shown["remaining"] <= 20_000


def test_each_invocation_has_a_request_id_a_tenant_and_a_trace_of_its_own(
    functions: Functions,
) -> None:
    first = functions.result("show_process", tenant_id="blue", trace_header="Root=1-2-3")
    second = functions.result("show_process")
    assert first["pid"] == second["pid"]
    assert first["request_id"] != second["request_id"]
    assert second["tenant_id"] is None
    assert first["environment"]["_X_AMZN_TRACE_ID"] == "Root=1-2-3"
    started = int(second["environment"]["_X_AMZN_TRACE_ID"].split("-")[1], 16)
    assert started <= time.time()


@pytest.mark.parametrize("value", [None, "", "æøå ☃", {"a": [1, 2.5, None]}, []])
def test_values_arrive_and_return_as_they_are(functions: Functions, value: object) -> None:
    assert functions.result("echo", value) == value


def test_a_lone_surrogate_does_not_keep_an_event_from_arriving(functions: Functions) -> None:
    assert functions.result("measure", "\ud800") == 1


def test_large_payloads_go_both_ways(functions: Functions) -> None:
    text = "x" * LARGE
    assert functions.result("echo", text) == text


def test_an_answer_over_lambdas_limit_is_refused(functions: Functions) -> None:
    error = functions.error("repeat", {"text": "x" * 1000, "times": 7000})
    assert error["ErrorType"] == "Function.ResponseSizeTooLarge"
    assert functions.result("repeat", {"text": "x", "times": 2}) == "xx"


def test_an_answer_that_is_no_json_goes_on_as_it_is(functions: Functions) -> None:
    assert functions.call("not_json").result == '"half a text'
