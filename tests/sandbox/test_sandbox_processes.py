"""Processes of functions: when they start, when they are used again, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import cast

import pytest
from sandbox_calls import CALLER, DIRECTORY, Functions, Settings

from aws_durable_execution_sdk_python_testing._engine import InvokeFunction
from aws_durable_execution_sdk_python_testing._functions.contracts import HandlerService
from aws_durable_execution_sdk_python_testing._sandbox import SandboxInvoker


def make_fifo(directory: Path) -> str:
    fifo = directory / "fifo"
    os.mkfifo(fifo)
    return str(fifo)


def test_a_process_is_used_again(functions: Functions) -> None:
    first, second = (functions.result("show_process")["pid"] for _ in range(2))
    assert first == second != os.getpid()


def test_invocations_at_once_run_in_different_processes(
    functions: Functions, tmp_path: Path
) -> None:
    fifo = make_fifo(tmp_path)
    events = [{"fifo": fifo, "mode": mode} for mode in "rw"]
    assert len(set(functions.results("open_fifo", events))) == 2


def test_functions_do_not_share_processes(functions: Functions) -> None:
    functions.add("other", "plain_functions.show_process")
    assert functions.result("show_process")["pid"] != functions.result("other")["pid"]


def test_no_more_processes_than_the_function_may_have(functions: Functions) -> None:
    functions.add("show_process", concurrency=1)
    assert len({shown["pid"] for shown in functions.results("show_process", [1, 2, 3])}) == 1


def test_a_killed_process_is_a_runtime_exit_and_the_next_one_starts_cold(
    functions: Functions,
) -> None:
    for _ in range(2):
        error = functions.error("kill_itself")
        assert error["ErrorType"] == "Runtime.ExitError"
        assert error["ErrorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert functions.texts(function_name="kill_itself").count("loaded") == 2


@pytest.mark.parametrize(
    ("status", "reason"),
    [(7, "with error: exit status 7"), (0, "without providing a reason")],
)
def test_a_handler_that_exits_ends_its_process(
    functions: Functions, status: int, reason: str
) -> None:
    error = functions.error("leave", {"status": status})
    assert error["ErrorType"] == "Runtime.ExitError"
    assert error["ErrorMessage"].endswith(f"Error: Runtime exited {reason}")


def test_a_function_that_takes_too_long_is_killed_with_all_it_started(
    functions: Functions, tmp_path: Path
) -> None:
    fifo = make_fifo(tmp_path)
    functions.add("hang", timeout=0.5)
    pipe = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(pipe, True)
    error = functions.error("hang", {"fifo": fifo})
    assert error["ErrorType"] == "Sandbox.Timedout"
    assert error["ErrorMessage"].endswith("Error: Task timed out after 0.50 seconds")
    with open(pipe) as reader:
        reader.read()  # returns when no process holds the pipe any more


def test_the_service_limits_what_a_function_may_take(functions: Functions, tmp_path: Path) -> None:
    functions.settings.invocation_timeout = 0.5
    functions.add("stuck", "hangs_on_import.handler", timeout=30)
    error = functions.error("stuck")
    assert error["ErrorType"] == "Sandbox.Timedout"
    assert "0.50 seconds" in error["ErrorMessage"]


def test_a_handler_that_raises_reports_type_message_and_trace(functions: Functions) -> None:
    error = functions.error("fail")
    assert error["ErrorType"] == "LookupError"
    assert error["ErrorMessage"] == "no such order"
    assert any("plain_functions.py" in line for line in error["StackTrace"])


def test_a_process_outlives_an_exception(functions: Functions) -> None:
    functions.error("fail")
    functions.error("fail")
    assert functions.texts(function_name="fail").count("loaded") == 1


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("nowhere.handler", "Runtime.ImportModuleError", "No module named 'nowhere'"),
        ("plain_functions.missing", "Runtime.HandlerNotFound", "Handler 'missing' missing"),
        ("broken.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'broken'"),
        ("exits_on_import.handler", "Runtime.ExitError", "exit status 4"),
    ],
)
def test_a_function_that_cannot_be_initialised_says_why(
    functions: Functions, tmp_path: Path, handler: str, error_type: str, message: str
) -> None:
    root = tmp_path if handler.startswith("broken") else DIRECTORY
    (tmp_path / "broken.py").write_text("def handler(:\n")
    functions.add("broken", handler, task_root=root)
    error = functions.error("broken")
    assert error["ErrorType"] == error_type
    assert message in error["ErrorMessage"]


def test_a_function_whose_directory_is_gone_cannot_be_started(
    functions: Functions, tmp_path: Path
) -> None:
    functions.add("echo", task_root=tmp_path / "gone")
    assert functions.error("echo")["ErrorType"] == "Runtime.InvalidEntrypoint"


def test_the_last_registration_of_a_name_counts(functions: Functions) -> None:
    functions.add("one", "plain_functions.fail")
    functions.error("one")
    functions.add("one", "plain_functions.echo")
    assert functions.result("one", 1) == 1


def test_a_qualified_name_comes_before_the_plain_one(functions: Functions) -> None:
    functions.add("echo")
    functions.add("echo:3", "plain_functions.show_process")
    assert functions.result("echo:3")["arn"].endswith(":function:echo:3")


def test_what_is_not_registered_is_not_found() -> None:
    with SandboxInvoker("http://127.0.0.1:9") as invoker:
        call = InvokeFunction(CALLER, "op", "nobody", "null")
        error = invoker.call(call, cast(HandlerService, Settings())).error or {}
    assert error["ErrorType"] == "ResourceNotFoundException"


@pytest.mark.parametrize("handler", ["hang", "detach"])
def test_closing_gives_up_what_runs_and_leaves_no_process(
    functions: Functions, tmp_path: Path, handler: str
) -> None:
    """Also none that has left the process group."""
    fifo = make_fifo(tmp_path)
    errors: list[object] = []
    thread = threading.Thread(
        target=lambda: errors.append(functions.error(handler, {"fifo": fifo})["ErrorType"])
    )
    thread.start()
    with open(fifo) as reader:
        assert reader.readline()
        functions.invoker.close()
        assert reader.read() == ""
    thread.join()
    assert errors == ["Runtime.ExitError"]


def test_nothing_runs_after_closing(functions: Functions) -> None:
    functions.add("echo")
    functions.invoker.close()
    functions.invoker.close()
    assert "closed" in functions.error("echo", 1)["ErrorMessage"]


def test_no_process_outlives_a_service_that_is_killed(tmp_path: Path) -> None:
    fifo = make_fifo(tmp_path)
    service = subprocess.Popen(
        [sys.executable, "-c", _SERVICE, str(DIRECTORY / "plain_functions.py"), CALLER, fifo]
    )
    with open(fifo) as reader:
        assert reader.readline()
        service.send_signal(signal.SIGKILL)
        service.wait()
        # Neither the handler's process nor the one it has started.
        assert reader.read() == ""


_SERVICE = """
import json, sys, types
from aws_durable_execution_sdk_python_testing._engine import InvokeFunction
from aws_durable_execution_sdk_python_testing._sandbox import SandboxFunction, SandboxInvoker

file, caller, fifo = sys.argv[1:]
invoker = SandboxInvoker("http://127.0.0.1:9")
invoker.register("hang", SandboxFunction.parse(f"{file}:hang"))
call = InvokeFunction(caller, "op", "hang", json.dumps({"fifo": fifo}))
invoker.call(call, types.SimpleNamespace(invocation_timeout=900))
"""
