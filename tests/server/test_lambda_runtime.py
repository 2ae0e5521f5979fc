"""Functions served from real Lambda runtime processes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from serving_bench import Served

from aws_durable_execution_sdk_python_testing._declarations.declaration_files import read_file
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    hosted,
)

pytest.importorskip("awslambdaric")

Serve = Callable[..., Served]

PROGRAM = """
import os
from aws_durable_execution_sdk_python import durable_execution
from .words import GREETING

@durable_execution
def greet(event, context):
    print("greeting", event)
    name = context.step(lambda _: os.environ["NAME"], name="name")
    context.wait(seconds=1)
    return f"{GREETING} {name}"
"""
TEMPLATE = """
Resources:
  Greet:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: shop.app.greet
      Timeout: 30
      DurableConfig: {ExecutionTimeout: 60}
      Environment: {Variables: {NAME: Zoë}}
"""
SIMPLE = """
import os
from aws_durable_execution_sdk_python import durable_execution

@durable_execution
def durable(event, context):
    return context.step(lambda _: os.getpid(), name="pid")

def plain(event, context):
    return {"pid": os.getpid(), "endpoint": os.environ["AWS_ENDPOINT_URL_LAMBDA"]}
"""


def invoke(served: Served, name: str) -> Any:
    return served.send("POST", f"/2015-03-31/functions/{name}/invocations", {"n": 1})


def test_a_sam_templates_function_runs_in_a_process_of_lambdas_runtime(
    serve: Serve, tmp_path: Path
) -> None:
    """With its package, its environment and its output, and suspended in between."""
    package = tmp_path / "src" / "shop"
    package.mkdir(parents=True)
    (package / "app.py").write_text(PROGRAM)
    (package / "words.py").write_text("GREETING = 'Hello'")
    (package / "__init__.py").touch()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    served = serve(*read_file(tmp_path / "template.yaml"), runtime="lambda")
    reply = invoke(served, "Greet")
    assert reply.json == "Hello Zoë"
    arn = reply.headers["x-amz-durable-execution-arn"]
    logs = served.send("GET", f"/2025-12-01/durable-executions/{quote(arn, safe='')}/logs").json
    greetings = [line for line in logs["Lines"] if "greeting" in line["Text"]]
    assert len({line["RequestId"] for line in greetings}) == 2
    assert {line["FunctionName"] for line in greetings} == {"Greet"}


def test_functions_given_on_the_command_line_show_what_they_are(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(SIMPLE)
    named = {name: hosted(name, f"{tmp_path}/app.py:{name}") for name in ("durable", "plain")}
    served = serve(*named.values(), runtime="lambda")
    durable, plain = invoke(served, "durable"), invoke(served, "plain")
    assert "x-amz-durable-execution-arn" in durable.headers
    assert "x-amz-durable-execution-arn" not in plain.headers
    assert plain.json["endpoint"] == served.url
    assert plain.json["pid"] != durable.json


@pytest.mark.parametrize(
    ("target", "words"),
    [("{}/nowhere.py:f", "no such file"), ("{}/app.py:nobody", "no handler 'nobody'")],
)
def test_a_handler_that_is_not_there_is_an_error(
    serve: Serve, tmp_path: Path, target: str, words: str
) -> None:
    (tmp_path / "app.py").write_text(SIMPLE)
    with pytest.raises(DeclarationError, match=words):
        serve(hosted("f", target.format(tmp_path)), runtime="lambda")


def test_functions_in_process_leave_no_lines(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SIMPLE)
    served = serve(hosted("durable", f"{tmp_path}/app.py:durable"))
    arn = invoke(served, "durable").headers["x-amz-durable-execution-arn"]
    reply = served.send("GET", f"/2025-12-01/durable-executions/{quote(arn, safe='')}/logs")
    assert reply.json == {"Lines": []}
