"""Functions declared in files and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aws_durable_execution_sdk_python_testing._declarations.declaration_files import (
    read_assignment,
    read_file,
    read_option,
)
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclarationError,
    DeclaredFunction,
    DeclaredFunctions,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget, PlainTarget

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Timeout: 30
    Runtime: python3.13
    Environment:
      Variables: {STAGE: local, TABLE: !Ref Table}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Order:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "${AWS::StackName}-order"
      CodeUri: src/
      Handler: shop.app.handler
      Environment:
        Variables: {COLOUR: blue, LEVEL: 3}
      DurableConfig: {ExecutionTimeout: 3600, RetentionPeriodInDays: 7}
      Policies: [!GetAtt Table.Arn, {Fn::Sub: x}]
  Mail:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: mailer, Timeout: 3, Handler: mail.send}
  Shell:
    Type: AWS::Serverless::Function
    Properties: {Runtime: nodejs22.x, Handler: index.handler}
"""


def declared(tmp_path: Path, name: str, text: str) -> dict[str, DeclaredFunction]:
    path = tmp_path / name
    path.write_text(text)
    return {function.name: function for function in read_file(path)}


def test_a_json_file_maps_names_to_declarations(tmp_path: Path) -> None:
    text = json.dumps(
        {
            "Order": {
                "FunctionName": "order",
                "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:order:4",
                "Timeout": 3,
                "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7},
                "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
                "InvokeEndpoint": "http://127.0.0.1:3001",
            },
            "mail": {},
        }
    )
    functions = declared(tmp_path, "functions.json", text)
    order = functions["order"]
    assert order.names == ("order", "Order")
    assert order.target == DurableTarget(60, 7, version="4", tenancy=True)
    assert (order.timeout, order.endpoint) == (3, "http://127.0.0.1:3001")
    assert functions["mail"].target == PlainTarget()
    assert DeclaredFunctions(functions.values()).owner() == ("eu-west-1", "111122223333")


def test_a_toml_file_is_as_good(tmp_path: Path) -> None:
    text = """
    [order]
    Handler = "app.py:handler"
    [order.DurableConfig]
    ExecutionTimeout = 60
    """
    order = declared(tmp_path, "functions.toml", text)["order"]
    assert order.handler == "app.py:handler"
    assert order.durable == DurableTarget(60, 14)


def test_a_sam_templates_functions_are_taken_with_its_globals(tmp_path: Path) -> None:
    functions = declared(tmp_path, "template.yaml", TEMPLATE)
    assert set(functions) == {"Order", "mailer", "Shell"}
    order, mail = functions["Order"], functions["mailer"]
    assert order.handler == f"{tmp_path}/src/shop/app.py:handler"
    assert order.code == tmp_path / "src"
    assert order.durable == DurableTarget(3600, 7)
    assert order.environment == {
        "STAGE": "local",
        "COLOUR": "blue",
        "LEVEL": "3",
        "TABLE": "Table",
    }
    assert (order.timeout, mail.timeout) == (30, 3)
    assert mail.durable is None
    assert mail.names == ("mailer", "Mail")


def test_a_function_in_another_language_is_for_the_endpoint(tmp_path: Path) -> None:
    assert declared(tmp_path, "template.yml", TEMPLATE)["Shell"].handler is None


def test_a_template_may_be_json(tmp_path: Path) -> None:
    resource = {"Type": "AWS::Serverless::Function", "Properties": {"Handler": "app.handler"}}
    functions = declared(tmp_path, "t.json", json.dumps({"Resources": {"Order": resource}}))
    assert functions["Order"].handler == f"{tmp_path}/app.py:handler"


def test_a_function_is_found_by_name_and_by_version() -> None:
    functions = DeclaredFunctions([DeclaredFunction(name="order", aliases=("Order",))])
    assert functions.find("order") is functions.find("Order") is functions.find("order:7")
    assert functions.find("nobody") is None


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (7, "must be an object"),
        ({"Timeout": 0}, "Timeout must be a whole number"),
        ({"Timeout": True}, "Timeout must be a whole number"),
        ({"FunctionName": "a b"}, "invalid FunctionName"),
        ({"FunctionName": 7}, "FunctionName must be a string"),
        ({"FunctionArn": "arn:aws:s3:::bucket"}, "invalid FunctionArn"),
        ({"DurableConfig": 60}, "DurableConfig must be an object"),
        ({"DurableConfig": {"ExecutionTimeout": 0}}, "ExecutionTimeout must be"),
        ({"DurableConfig": {}}, "ExecutionTimeout is missing"),
        (
            {"DurableConfig": {"ExecutionTimeout": 1, "RetentionPeriodInDays": 91}},
            "from 1 to 90",
        ),
        ({"InvokeEndpoint": []}, "InvokeEndpoint must be a string"),
    ],
)
def test_a_wrong_declaration_names_the_function_and_the_member(value: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=words) as raised:
        DeclaredFunction.read("order", value)
    assert "order" in str(raised.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("f.json", "{"),
        ("f.json", "[]"),
        ("f.toml", "="),
        ("f.yaml", "a: ["),
        ("f.yaml", "!!python/object/apply:os.getcwd []"),
        ("f.json", '{"Resources": []}'),
        ("f.txt", "{}"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(DeclarationError):
        declared(tmp_path, name, text)


def test_function_configs_are_json_or_name_a_file(tmp_path: Path) -> None:
    text = '{"order": {"DurableConfig": {"ExecutionTimeout": 60}}, "mail": {}}'
    (tmp_path / "f.json").write_text(text)
    for option in (text, f"file://{tmp_path}/f.json"):
        order, mail = read_option(option)
        assert (order.durable, mail.durable) == (DurableTarget(60, 14), None)


@pytest.mark.parametrize("option", ["{", "[]", "file:///nowhere.json"])
def test_wrong_function_configs_are_refused(option: str) -> None:
    with pytest.raises(DeclarationError):
        read_option(option)


def test_a_function_on_the_command_line_shows_by_its_handler_what_it_is() -> None:
    function = read_assignment("order=app.py:handler")
    assert (function.name, function.handler) == ("order", "app.py:handler")
    assert not function.declared
