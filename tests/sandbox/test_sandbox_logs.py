"""What functions write is kept, per function and request."""

from __future__ import annotations

import pytest
from sandbox_calls import CALLER, Functions

from aws_durable_execution_sdk_python_testing._sandbox import FunctionLogs


def requests(functions: Functions) -> list[str]:
    """The ids of the requests that have written something, in order."""
    return list(dict.fromkeys(line.request_id for line in functions.invoker.logs.read()))


def test_everything_a_request_writes_is_its_own_in_order(functions: Functions) -> None:
    for text in ("first", "second"):
        functions.result("write", {"text": text})
    one, two = requests(functions)
    *before, logged, unfinished = functions.texts(request_id=one)
    assert before == ["loaded", "first on stdout", "first on stderr", "first from a process"]
    assert logged.startswith("[WARNING]")
    assert one in logged
    assert unfinished == "first unfinished"
    assert functions.texts(request_id=two)[0] == "second on stdout"


def test_lines_are_kept_per_function_and_execution(functions: Functions) -> None:
    functions.result("echo")
    functions.result("write", {"text": "a"})
    assert functions.texts(function_name="echo") == ["loaded"]
    assert len(functions.texts(execution_arn=CALLER)) == len(functions.texts()) == 7
    assert functions.texts(execution_arn="another") == []
    assert functions.texts(function_name="another") == []


def test_what_a_killed_process_wrote_last_is_kept_and_so_is_its_end(functions: Functions) -> None:
    functions.error("kill_itself")
    *_, last, end = functions.texts(function_name="kill_itself")
    assert last == "about to die"
    assert end.endswith("Runtime exited with error: signal: killed")


def test_errors_of_the_runtime_are_one_line_with_breaks(functions: Functions) -> None:
    functions.error("fail")
    *_, error = functions.texts(function_name="fail")
    assert error.startswith("[ERROR] LookupError: no such order\nTraceback")


def test_output_of_a_failing_initialisation_belongs_to_the_request(functions: Functions) -> None:
    functions.add("exits", "exits_on_import.handler")
    functions.error("exits")
    assert functions.texts(request_id=requests(functions)[0])[0] == "on my way out"


def test_following_a_log_reads_on_after_the_last_line(functions: Functions) -> None:
    functions.result("echo")
    last = functions.invoker.logs.read()[-1].number
    functions.result("write", {"text": "new"})
    assert functions.texts(after=last, function_name="write")[1] == "new on stdout"
    assert functions.texts(after=last, function_name="echo") == []


def test_lines_over_the_limit_of_an_event_are_cut(functions: Functions) -> None:
    functions.result("write_long", {"length": 300_000})
    limit = 256 * 1024
    assert [len(text) for text in functions.texts()[1:]] == [limit, 300_000 - limit]


@pytest.mark.parametrize("text", ["", "some text"])
def test_the_oldest_lines_of_a_function_make_room(text: str) -> None:
    logs = FunctionLogs(limit=1000)
    logs.append(0.0, "quiet", "r", "arn", "kept")
    for _ in range(100):
        logs.append(0.0, "chatty", "r", "arn", text)
    assert logs.read(function_name="quiet")[0].text == "kept"
    chatty = logs.read(function_name="chatty")
    assert 0 < len(chatty) < 10
    assert chatty[-1].number == 101
