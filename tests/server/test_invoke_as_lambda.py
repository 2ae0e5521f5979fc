"""Invoke refuses what Lambda's Invoke refuses, with its codes and words."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from lambda_fake import LambdaFake
from served_handlers import APPROVAL, DOUBLE, ECHO
from serving_bench import Reply, Served

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    InvokeError,
    durable_execution,
)
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    hosted,
)
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    InvalidParameterValueError,
)

Serve = Callable[..., Served]


@durable_execution
def invoking(event: list[str], context: DurableContext) -> list[Any]:
    """What comes of invoking each function."""
    found: list[Any] = []
    for function in event:
        try:
            found.append(context.invoke(function, 4))
        except InvokeError as error:
            found.append(error.message)
    return found


@durable_execution
async def invoking_async(event: list[str], context: AsyncDurableContext) -> list[Any]:
    found: list[Any] = []
    for function in event:
        try:
            found.append(await context.invoke(function, 4))
        except InvokeError as error:
            found.append(error.message)
    return found


INVOKING = hosted("invoking", invoking)
INVOKING_ASYNC = hosted("invoking_async", invoking_async)

INVOKE = "/2015-03-31/functions/{}/invocations"
EXECUTIONS = "/2025-12-01/durable-executions"
EVENT = {"X-Amz-Invocation-Type": "Event"}
KIB = 1024


def refused(reply: Reply) -> tuple[int, str | None, str]:
    return reply.status, reply.error, reply.json.get("message") or reply.json.get("Message")


# ------------------------------------------------------------------------- the qualifier


def test_a_durable_function_is_not_invoked_without_a_qualifier(serve: Serve) -> None:
    served = serve(ECHO, DOUBLE, allow_unqualified=False)
    text = "You cannot invoke a durable function using an unqualified ARN."
    expected = (400, "InvalidParameterValueException", text)
    arn = "arn:aws:lambda:us-west-2:123456789012:function:echo"
    for name in ("echo", quote(arn, safe="")):
        assert refused(served.send("POST", INVOKE.format(name), 1)) == expected
    assert served.send("POST", INVOKE.format("echo") + "?Qualifier=$LATEST", 1).json == 1
    assert served.send("POST", INVOKE.format("echo:1"), 1).json == 1
    # A plain one needs none.
    assert served.send("POST", INVOKE.format("double"), 2).json == 4


def test_a_chained_invoke_needs_one_as_well(serve: Serve) -> None:
    """Blocking and async: the invoke fails, which its code may catch."""
    served = serve(ECHO, DOUBLE, INVOKING, INVOKING_ASYNC, allow_unqualified=False)
    unqualified = "You cannot invoke a durable function using an unqualified ARN."
    arn = "arn:aws:lambda:us-west-2:123456789012:function:echo"
    for name in ("invoking", "invoking_async"):
        asked = ["echo", arn, "echo:$LATEST", "echo:1", f"{arn}:1", "double"]
        answer = served.send("POST", INVOKE.format(f"{name}:1"), asked)
        assert answer.json == [unqualified, unqualified, 4, 4, 4, 8]


def test_an_option_lets_it_pass(serve: Serve) -> None:
    served = serve(ECHO, INVOKING, allow_unqualified=True)
    assert served.send("POST", INVOKE.format("echo"), 1).json == 1
    assert served.send("POST", INVOKE.format("invoking"), ["echo"]).json == [4]


@pytest.mark.parametrize("qualifier", ["a b", "a:b", "x" * 129, "$NEWEST.PUBLISHED"])
def test_a_qualifier_that_is_none_is_named(serve: Serve, qualifier: str) -> None:
    path = f"{INVOKE.format('echo')}?Qualifier={quote(qualifier)}"
    status, code, message = refused(serve(ECHO).send("POST", path, 1))
    assert (status, code) == (400, "ValidationException")
    assert f"Value '{qualifier}' at 'qualifier' failed to satisfy constraint" in message


def test_the_version_told_is_the_one_that_runs(serve: Serve) -> None:
    """An execution of that name and payload may be of another version than is asked for."""
    served = serve(APPROVAL)
    named = {**EVENT, "X-Amz-Durable-Execution-Name": "n"}
    first = served.send("POST", INVOKE.format("approval") + "?Qualifier=1", 1, named)
    second = served.send("POST", INVOKE.format("approval") + "?Qualifier=9", 1, named)
    arns = {reply.headers["x-amz-durable-execution-arn"] for reply in (first, second)}
    assert len(arns) == 1
    assert second.headers["x-amz-executed-version"] == "1"


def test_the_region_of_the_arn_is_that_of_the_execution(serve: Serve) -> None:
    arn = "arn:aws:lambda:eu-west-1:210987654321:function:echo:1"
    reply = serve(ECHO).send("POST", INVOKE.format(quote(arn, safe="")), 1)
    assert reply.headers["x-amz-durable-execution-arn"].startswith(f"{arn}/durable-execution/")


# --------------------------------------------------------------------------- the payload


@pytest.mark.parametrize(
    ("headers", "limit"), [({}, 6 * KIB * KIB), (EVENT, KIB * KIB)], ids=["sync", "async"]
)
def test_a_payload_that_is_too_large(serve: Serve, headers: dict[str, str], limit: int) -> None:
    served = serve(ECHO, DOUBLE)
    body = b'"' + b"x" * (limit - 1) + b'"'
    for name in ("echo", "double"):
        status, code, message = refused(served.send("POST", INVOKE.format(name), body, headers))
        assert (status, code) == (413, "RequestTooLargeException")
        assert message.startswith(f"{limit + 1} byte payload is too large for the ")


# --------------------------------------------------------------------------- the log tail


def test_the_tail_of_the_log_is_given_or_refused(serve: Serve) -> None:
    """In process nobody keeps what a function writes; silence would read as an empty log."""
    status, code, message = refused(
        serve(ECHO).send("POST", INVOKE.format("echo"), 1, {"X-Amz-Log-Type": "Tail"})
    )
    assert (status, code) == (400, "InvalidParameterValueException")
    assert "--runtime lambda" in message
    reply = serve(ECHO).send("POST", INVOKE.format("echo"), 1, {"X-Amz-Log-Type": "Head"})
    assert reply.status == 400
    assert serve(ECHO).send("POST", INVOKE.format("echo"), 1, {"X-Amz-Log-Type": "None"}).json == 1


def test_the_tail_of_a_real_runtimes_log(serve: Serve, tmp_path: Any) -> None:
    pytest.importorskip("awslambdaric")
    code = tmp_path / "shop.py"
    code.write_text("def handler(event, context):\n    print('x' * 5000)\n    print('the end')\n")
    function = DeclaredFunction(name="plain", handler=f"{code}:handler")
    served = serve(function, runtime="lambda")
    reply = served.send("POST", INVOKE.format("plain"), 1, {"X-Amz-Log-Type": "Tail"})
    tail = base64.b64decode(reply.headers["x-amz-log-result"]).decode()
    assert "the end" in tail
    assert len(tail) <= 4 * KIB


# --------------------------------------------------------------------- the client context


def test_a_durable_function_in_a_real_runtime_is_given_the_client_context(
    serve: Serve, tmp_path: Any
) -> None:
    pytest.importorskip("awslambdaric")
    code = tmp_path / "shop.py"
    code.write_text(
        "from aws_durable_execution_sdk_python import durable_execution\n"
        "@durable_execution\n"
        "def handler(event, context):\n"
        "    context.wait(seconds=3600)\n"
        "    return context.lambda_context.client_context.custom\n"
    )
    function = DeclaredFunction(name="f", handler=f"{code}:handler", durable=DurableTarget())
    served = serve(function, runtime="lambda", skip_time=True)
    sent = base64.b64encode(b'{"custom": {"city": "Oslo"}}').decode()
    reply = served.send("POST", INVOKE.format("f"), 1, {"X-Amz-Client-Context": sent})
    assert reply.json == {"city": "Oslo"}


# ------------------------------------------------------------------------------ the rest


@pytest.mark.parametrize(
    "arn",
    [
        "a/durable-execution/b",
        "a/durable-execution/b/c",
        "arn:aws:lambda:us-west-2:1:function:f:1/durable-execution/n/i",
        "arn:aws:lambda:us-west-2:123456789012:function:f/durable-execution/n/i",
        "arn:aws:lambda:us-west-2:123456789012:function:f:alias/durable-execution/n/i",
        "arn:aws:lambda:us-west-2:123456789012:function:f:1/durable-execution/n",
    ],
)
def test_an_arn_that_is_none_is_a_bad_request(serve: Serve, arn: str) -> None:
    reply = serve(ECHO).send("GET", f"{EXECUTIONS}/{quote(arn, safe='')}")
    assert (reply.status, reply.error) == (400, "ValidationException")


def test_an_unknown_execution_is_no_404_for_its_handler(serve: Serve) -> None:
    arn = "arn:aws:lambda:us-west-2:123456789012:function:f:1/durable-execution/n/i"
    path = f"{EXECUTIONS}/{quote(arn, safe='')}"
    served = serve(ECHO)
    for reply in (
        served.send("POST", f"{path}/checkpoint", {"CheckpointToken": "t", "Updates": []}),
        served.send("GET", f"{path}/state?CheckpointToken=t"),
    ):
        assert (reply.status, reply.error) == (400, "InvalidParameterValueException")
    assert served.send("GET", path).status == 404


@pytest.mark.parametrize("endpoint", ["file:///etc/passwd", "ftp://x", "http://", "nonsense"])
def test_a_declared_endpoint_that_is_none_is_refused_at_the_start(
    serve: Serve, endpoint: str
) -> None:
    function = DeclaredFunction(name="far", endpoint=endpoint, durable=DurableTarget())
    with pytest.raises(InvalidParameterValueError, match="Invalid endpoint"):
        serve(function)


def test_an_endpoint_cannot_answer_without_end(serve: Serve, fake_lambda: LambdaFake) -> None:
    """No more of it is read than Lambda takes of an answer."""
    fake_lambda.functions["far"] = lambda event: "x" * (7 * KIB * KIB)
    function = DeclaredFunction(name="far", endpoint=fake_lambda.url)
    reply = serve(function).send("POST", INVOKE.format("far"), 1)
    assert reply.json["errorType"] == "Function.ResponseSizeTooLarge"
