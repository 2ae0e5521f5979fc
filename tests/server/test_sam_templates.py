"""SAM templates as people write them: intrinsic functions, code roots, functions of other kinds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from aws_durable_execution_sdk_python_testing._cli import serve_command
from aws_durable_execution_sdk_python_testing._declarations.declaration_files import read_file
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import (
    RuntimeName,
    ServerSettings,
)

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
  Seconds: {Type: Number, Default: "20"}
  Secret: {Type: String}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsTest: !And [!Not [!Condition IsProd], !Or [!Condition IsProd, !Equals [a, a]]]
Mappings:
  Colours: {dev: {main: blue}}
Globals:
  Function:
    Runtime: python3.12
    Timeout: !Ref Seconds
    MemorySize: 512
    DurableConfig: {ExecutionTimeout: 3600, RetentionPeriodInDays: 7}
    Environment:
      Variables: {STAGE: !Ref Stage, DEBUG: true}
Resources:
  Order:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub order-${Stage}
      CodeUri: order/
      Handler: api.main.handler
      DurableConfig: {ExecutionTimeout: 60}
      Policies: [!ImportValue shared]
      Environment:
        Variables:
          PAY: !Ref Pay
          PAY_ARN: !GetAtt Pay.Arn
          TABLE: !Sub ["${Prefix}-${Table}-${!literal}", {Prefix: !Ref Stage}]
          JOINED: !Join ["-", [a, !Ref Stage, !Select [1, [x, y]]]]
          COLOUR: !FindInMap [Colours, !Ref Stage, main]
          SIZE: !If [IsProd, large, small]
          TEST: !If [IsTest, "yes", "no"]
          NONE: !If [IsProd, a, !Ref AWS::NoValue]
          SECRET: !Ref Secret
          URL: !GetAtt Table.StreamArn
          QUEUE: !ImportValue queue
  Pay:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub pay-${Stage}
      CodeUri: pay
      Handler: main.handler
      DurableConfig: !Ref AWS::NoValue
  Table: {Type: AWS::DynamoDB::Table}
"""

OTHERS = """
  Node:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs22.x, Handler: index.handler}
  Image:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image, ImageUri: shop}
  Bucket:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, CodeUri: "s3://bucket/key"}
  Inline:
    Type: AWS::Serverless::Function
    Properties: {Handler: index.handler, InlineCode: "def handler(e, c): pass"}
"""

ORDER_CODE = """
import os
from aws_durable_execution_sdk_python import durable_execution
from helper import WHO
from .prices import PRICE

@durable_execution
def handler(event, context):
    return [WHO, PRICE, context.invoke("pay-dev", {}, name="pay")]
"""

PAY_CODE = """
from helper import WHO

def handler(event, context):
    return WHO
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    package = tmp_path / "order" / "api"
    package.mkdir(parents=True)
    (package / "main.py").write_text(ORDER_CODE)
    (package / "prices.py").write_text("PRICE = 20\n")
    (tmp_path / "order" / "helper.py").write_text('WHO = "order"\n')
    (tmp_path / "pay").mkdir()
    (tmp_path / "pay" / "main.py").write_text(PAY_CODE)
    (tmp_path / "pay" / "helper.py").write_text('WHO = "pay"\n')
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return path


@pytest.fixture(autouse=True)
def imports_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    known = set(sys.modules)
    yield
    for name in {"api", "api.main", "api.prices", "helper", "main"} - known:
        sys.modules.pop(name, None)


def by_name(path: Path, **options: Any) -> dict[str, DeclaredFunction]:
    return {function.name: function for function in read_file(path, **options)}


def test_intrinsic_functions_come_to_what_they_do_for_sam_on_this_machine(template: Path) -> None:
    order = by_name(template)["order-dev"]
    assert order.aliases == ("Order",)
    assert (order.timeout, order.memory_size) == (20, 512)
    assert order.environment == {
        "STAGE": "dev",
        "DEBUG": "true",
        "PAY": "pay-dev",
        "PAY_ARN": "arn:aws:lambda:us-west-2:123456789012:function:pay-dev",
        "TABLE": "dev-Table-${literal}",
        "JOINED": "a-dev-y",
        "COLOUR": "blue",
        "SIZE": "small",
        "TEST": "yes",
    }


def test_arns_are_of_the_region_that_is_served(template: Path) -> None:
    order = by_name(template, region="eu-west-1")["order-dev"]
    assert order.environment["PAY_ARN"].startswith("arn:aws:lambda:eu-west-1:")


def test_objects_of_globals_and_function_are_merged(template: Path) -> None:
    functions = by_name(template)
    assert functions["order-dev"].durable == DurableTarget(60, 7)
    assert functions["pay-dev"].durable is None


@pytest.mark.parametrize(
    "name",
    [
        "!Ref Order",  # its own name
        "!Sub ${Order}-${Missing}",
        "!Sub ${AWS::StackName}-order",
        "!Sub [a]",
        "!Join 5",
        "!Select [9, [a]]",
        "!FindInMap [No, a, b]",
        "!If [No, a, b]",
        "!Transform {Name: x}",
        "{'Fn::Sub': {a: b}}",
    ],
)
def test_a_name_that_cannot_be_computed_gives_way_to_the_logical_id(
    template: Path, name: str
) -> None:
    template.write_text(TEMPLATE.replace("!Sub order-${Stage}", name))
    assert "Order" in by_name(template)


@pytest.mark.parametrize("runtime", ["inprocess", "lambda"])
def test_handlers_import_from_their_code_uri_as_on_lambda(
    template: Path, runtime: RuntimeName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with DurableServer(
        read_file(template),
        ServerSettings(runtime=runtime, allow_unqualified=True, api_rates=False),
    ) as server:
        client: Any = boto3.client(
            "lambda",
            endpoint_url=server.url,
            region_name="us-west-2",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        answer = client.invoke(FunctionName="Order", Payload=b"{}")
        assert json.loads(answer["Payload"].read()) == ["order", 20, "pay"]
        client.close()


def test_what_cannot_run_here_is_left_out_with_a_warning(
    template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template.write_text(TEMPLATE + OTHERS)
    served: list[str] = []
    monkeypatch.setattr(
        serve_command,
        "run_server",
        lambda functions, *_: served.extend(one.name for one in functions),
    )
    result = CliRunner().invoke(serve_command.serve, ["--functions", str(template)])
    assert served == ["order-dev", "pay-dev"]
    for name in ("Node", "Image", "Bucket", "Inline"):
        assert f"{name} is left out" in result.stderr


def test_declarations_have_environment_and_memory_in_lambdas_terms() -> None:
    function = DeclaredFunction.read(
        "order", {"Environment": {"Variables": {"STAGE": "dev"}}, "MemorySize": 256}
    )
    assert (function.environment, function.memory_size) == ({"STAGE": "dev"}, 256)
