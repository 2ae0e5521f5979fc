"""Functions behind a Lambda-compatible endpoint: what it is sent, and what follows from answers."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from lambda_fake import FunctionFailed, LambdaFake
from served_handlers import approval, many_steps
from serving_bench import Served

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python._lambda.pool import close_idle_environments
from aws_durable_execution_sdk_python._service.model import ensure_durable_operations
from aws_durable_execution_sdk_python.exceptions import InvokeError
from aws_durable_execution_sdk_python_testing._declarations.declaration_files import read_mapping
from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
    DeclaredFunctions,
    hosted,
)
from aws_durable_execution_sdk_python_testing._engine import (
    DurableTarget,
    InvokeFunction,
    invoke_timed_out,
)
from aws_durable_execution_sdk_python_testing._local_service.local_service import LocalService
from aws_durable_execution_sdk_python_testing._server.endpoints import (
    CurrentEndpoint,
    EndpointInvoker,
)
from aws_durable_execution_sdk_python_testing.stores import InMemoryExecutionStore

Serve = Callable[..., Served]

DURABLE = DeclaredFunction(name="order", durable=DurableTarget())
PLAIN = DeclaredFunction(name="mail")
DONE = {"Status": "SUCCEEDED", "Result": '"done"'}


def invoke(served: Served, name: str = "order", **headers: str) -> Any:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return served.send("POST", f"/2015-03-31/functions/{name}/invocations", {"n": 1}, named)


def events(served: Served, reply: Any) -> list[dict[str, Any]]:
    return served.service.history(reply.headers["x-amz-durable-execution-arn"])


def error_of(served: Served, reply: Any) -> Any:
    """What an execution failed on; its Invoke does not say."""
    assert reply.json is None
    return served.service.execution(reply.headers["x-amz-durable-execution-arn"])["Error"]


def test_the_endpoint_is_sent_the_invocation_event(serve: Serve, fake_lambda: LambdaFake) -> None:
    fake_lambda.functions["order"] = lambda event: DONE
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url)
    reply = invoke(served, X_Amz_Tenant_Id="blue")
    assert reply.body == b'"done"'
    (call,) = fake_lambda.calls
    assert call.function == "order"
    assert call.headers["X-Dex-Handler-Invoke"] == "true"
    assert call.headers["X-Amz-Tenant-Id"] == "blue"
    assert call.event["DurableExecutionArn"] == reply.headers["x-amz-durable-execution-arn"]
    assert call.event["CheckpointToken"]
    (operation,) = call.event["InitialExecutionState"]["Operations"]
    assert operation["ExecutionDetails"] == {"InputPayload": '{"n": 1}'}
    assert isinstance(operation["StartTimestamp"], int)
    assert operation["StartTimestamp"] > 1_000_000_000_000  # milliseconds


def test_no_tenant_is_named_where_there_is_none(serve: Serve, fake_lambda: LambdaFake) -> None:
    fake_lambda.functions["order"] = lambda event: DONE
    invoke(serve(DURABLE, lambda_endpoint=fake_lambda.url))
    assert "X-Amz-Tenant-Id" not in fake_lambda.calls[0].headers


def test_a_plain_function_is_sent_its_payload(serve: Serve, fake_lambda: LambdaFake) -> None:
    fake_lambda.functions["mail"] = lambda event: {"sent": event}
    reply = invoke(serve(PLAIN, lambda_endpoint=fake_lambda.url), "mail")
    assert reply.json == {"sent": {"n": 1}}
    assert "X-Dex-Handler-Invoke" not in fake_lambda.calls[0].headers


def test_a_plain_function_is_sent_the_client_context(serve: Serve, fake_lambda: LambdaFake) -> None:
    fake_lambda.functions["mail"] = lambda event: None
    context = base64.b64encode('{"custom": {"city": "Ærø"}}'.encode()).decode()
    invoke(serve(PLAIN, lambda_endpoint=fake_lambda.url), "mail", X_Amz_Client_Context=context)
    sent = fake_lambda.calls[0].headers["X-Amz-Client-Context"]
    assert json.loads(base64.b64decode(sent)) == {"custom": {"city": "Ærø"}}


def test_a_version_is_asked_for_by_qualifier(serve: Serve, fake_lambda: LambdaFake) -> None:
    fake_lambda.functions["order"] = lambda event: DONE
    invoke(serve(DURABLE, lambda_endpoint=fake_lambda.url), "order:3")
    assert (fake_lambda.calls[0].function, fake_lambda.calls[0].query) == (
        "order",
        {"Qualifier": "3"},
    )


def test_a_function_error_ends_the_invocation_and_another_follows(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    report = {"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}
    answers: list[Any] = [report, None]

    def flaky(event: Any) -> Any:
        answer = answers.pop(0)
        if answer is not None:
            raise FunctionFailed(answer)
        return DONE

    fake_lambda.functions["order"] = flaky
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url, skip_time=True)
    reply = invoke(served)
    assert reply.body == b'"done"'
    first, second = (
        event["InvocationCompletedDetails"]
        for event in events(served, reply)
        if event["EventType"] == "InvocationCompleted"
    )
    assert first["Error"]["Payload"] == {
        "ErrorType": "Runtime.ExitError",
        "ErrorMessage": "exit status 1",
    }
    assert "Error" not in second
    assert second["StartTimestamp"] - first["EndTimestamp"] >= 1  # the back-off, skipped


def test_a_runtimes_error_is_one_without_the_header_too(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    """The Runtime Interface Emulator sends none."""
    answers: list[Any] = [{"errorType": "OSError", "errorMessage": "disk"}, DONE]
    fake_lambda.functions["order"] = lambda event: answers.pop(0)
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url, skip_time=True)
    reply = invoke(served)
    assert reply.body == b'"done"'
    completed = [e for e in events(served, reply) if e["EventType"] == "InvocationCompleted"]
    error = completed[0]["InvocationCompletedDetails"]["Error"]
    assert error["Payload"] == {"ErrorType": "OSError", "ErrorMessage": "disk"}


def test_a_function_that_keeps_failing_fails_the_execution(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    def crash(event: Any) -> Any:
        raise FunctionFailed({"errorType": "Boom", "errorMessage": "no"})

    fake_lambda.functions["order"] = crash
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url, skip_time=True)
    reply = invoke(served)
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert error_of(served, reply)["ErrorType"] == "Boom"
    assert len(fake_lambda.calls) == 5


def test_an_unreadable_function_error_is_carried_as_text(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    def crash(event: Any) -> Any:
        raise FunctionFailed("segmentation fault")

    fake_lambda.functions["order"] = crash
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url, skip_time=True)
    error = error_of(served, invoke(served))
    assert error["ErrorType"] == "Unhandled"
    assert error["ErrorMessage"].splitlines()[0] == "segmentation fault"


def test_a_function_the_endpoint_does_not_have_fails_at_once(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url)
    assert error_of(served, invoke(served))["ErrorType"] == "ResourceNotFoundException"
    assert len(fake_lambda.calls) == 1


def test_an_endpoint_that_is_not_there_is_tried_again(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    gone = LambdaFake()
    gone.close()
    served = serve(DURABLE, lambda_endpoint=gone.url, skip_time=True)
    reply = invoke(served)
    assert error_of(served, reply)["ErrorType"] == "EndpointConnectionError"
    kinds = [event["EventType"] for event in events(served, reply)]
    assert kinds.count("InvocationCompleted") == 5


def test_a_functions_own_endpoint_goes_before_the_servers(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    fake_lambda.functions["mail"] = lambda event: "own"
    declared = {"mail": {"InvokeEndpoint": fake_lambda.url}}
    reply = invoke(serve(*read_mapping(declared), lambda_endpoint="http://127.0.0.1:9"), "mail")
    assert reply.json == "own"


def test_an_executions_own_endpoint_goes_before_all_others(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    fake_lambda.functions["function"] = lambda event: DONE
    served = serve(lambda_endpoint="http://127.0.0.1:9")
    body = {
        "AccountId": "123456789012",
        "FunctionName": "function",
        "FunctionQualifier": "$LATEST",
        "ExecutionName": None,
        "ExecutionTimeoutSeconds": 300,
        "ExecutionRetentionPeriodDays": 7,
        "InvocationId": "1",
        "Input": '{"n": 1}',
        "LambdaEndpoint": fake_lambda.url,
    }
    reply = served.send("POST", "/start-durable-execution", body)
    assert reply.status == 201
    assert served.wait(reply.json["ExecutionArn"]) == "SUCCEEDED"


def test_another_endpoint_can_be_made_current(serve: Serve, fake_lambda: LambdaFake) -> None:
    fake_lambda.functions["order"] = lambda event: DONE
    served = serve(DURABLE, lambda_endpoint="http://127.0.0.1:9")
    body = {"EndpointUrl": fake_lambda.url, "RegionName": "us-west-2"}
    assert served.send("PUT", "/lambda-endpoint", body).status == 200
    assert invoke(served).body == b'"done"'


def test_a_function_is_invoked_under_its_own_name_by_any_alias(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    fake_lambda.functions["mail-prod"] = lambda event: "sent"
    declared = read_mapping({"Mail": {"FunctionName": "mail-prod"}})
    served = serve(*declared, lambda_endpoint=fake_lambda.url)
    assert invoke(served, "Mail").json == "sent"


# --------------------------------------------------------- the handler's calls over HTTP


@pytest.fixture
def call_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Served], None]]:
    """Have handlers call that server, as an environment variable tells them to."""
    close_idle_environments()  # whose clients know of another server
    yield lambda served: monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", served.url)
    close_idle_environments()


@pytest.mark.parametrize("steps", [1, 300])
def test_a_real_handler_behind_the_endpoint_checkpoints_over_http(
    serve: Serve, fake_lambda: LambdaFake, call_service: Callable[[Served], None], steps: int
) -> None:
    fake_lambda.functions["order"] = lambda event: many_steps(event, None)
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url)
    call_service(served)
    reply = served.send("POST", "/2015-03-31/functions/order/invocations", steps)
    assert reply.json == steps
    kinds = [event["EventType"] for event in events(served, reply)]
    assert kinds.count("StepSucceeded") == steps


def test_a_real_handler_behind_the_endpoint_is_suspended_and_invoked_again(
    serve: Serve, fake_lambda: LambdaFake, call_service: Callable[[Served], None]
) -> None:
    fake_lambda.functions["order"] = lambda event: approval(event, None)
    served = serve(DURABLE, lambda_endpoint=fake_lambda.url)
    call_service(served)
    reply = invoke(served, X_Amz_Invocation_Type="Event")
    arn = reply.headers["x-amz-durable-execution-arn"]
    served.service.callback_succeed(served.callback(arn), b'"yes"')
    assert served.wait(arn) == "SUCCEEDED"
    assert len(fake_lambda.calls) == 2


class Checkpointing:
    """A handler behind the endpoint that makes its calls with a blocking client."""

    def __init__(self, client: Any, script: Callable[[Any, dict[str, Any]], None]) -> None:
        self._client = client
        self._script = script
        self.failures: list[Exception] = []

    def __call__(self, event: dict[str, Any]) -> Any:
        try:
            self._script(self._client, event)
        except Exception as error:  # shown by the test, on its own thread
            self.failures.append(error)
        return DONE


STEP = {"Id": "a", "Type": "STEP", "Action": "SUCCEED", "Payload": "1", "Name": "a"}


def run_script(
    serve: Serve, fake: LambdaFake, script: Callable[[Any, dict[str, Any]], None]
) -> Served:
    """Run `script(client, event)` as a handler; its exceptions are the test's."""
    served = serve(DURABLE, lambda_endpoint=fake.url)
    client: Any = boto3.client("lambda", endpoint_url=served.url)
    handler = Checkpointing(ensure_durable_operations(client), script)
    fake.functions["order"] = handler
    invoke(served)
    client.close()
    for failure in handler.failures:
        raise failure
    return served


def test_a_checkpoint_answers_with_the_next_token_and_what_changed(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    def script(client: Any, event: dict[str, Any]) -> None:
        answer = client.checkpoint_durable_execution(
            DurableExecutionArn=event["DurableExecutionArn"],
            CheckpointToken=event["CheckpointToken"],
            Updates=[STEP],
        )
        assert answer["CheckpointToken"] != event["CheckpointToken"]
        (operation,) = answer["NewExecutionState"]["Operations"]
        assert (operation["Id"], operation["Status"]) == ("a", "SUCCEEDED")

    run_script(serve, fake_lambda, script)


def test_a_used_token_is_a_typed_error_by_the_words_sdks_know(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    def script(client: Any, event: dict[str, Any]) -> None:
        call = {
            "DurableExecutionArn": event["DurableExecutionArn"],
            "CheckpointToken": event["CheckpointToken"],
        }
        client.checkpoint_durable_execution(**call, Updates=[STEP])
        with pytest.raises(client.exceptions.InvalidParameterValueException) as raised:
            client.checkpoint_durable_execution(**call, Updates=[])
        assert raised.value.response["Error"]["Message"] == "Invalid checkpoint token"
        with pytest.raises(client.exceptions.InvalidParameterValueException):
            client.get_durable_execution_state(**call)

    run_script(serve, fake_lambda, script)


INVOKE = {
    "Id": "i",
    "Type": "CHAINED_INVOKE",
    "Action": "START",
    "ChainedInvokeOptions": {"FunctionName": "f:1"},
}
END = {"Id": "e", "Type": "EXECUTION", "Action": "SUCCEED"}


@pytest.mark.parametrize(
    ("update", "code", "message"),
    [
        (
            {**STEP, "Payload": "x" * 262_145},
            "InvalidParameterValueException",
            "STEP output payload size must be less than or equal to 262144 bytes.",
        ),
        (
            {**INVOKE, "Payload": "x" * 1_048_577},
            "InvalidParameterValueException",
            "CHAINED_INVOKE input payload size must be less than or equal to 1048576 bytes.",
        ),
        (
            {"Id": "a", "Type": "STEP", "Action": "FAIL", "Error": {"ErrorData": "x" * 262_144}},
            "InvalidParameterValueException",
            "Error object size must be less than or equal to 262144 bytes.",
        ),
        (
            {**END, "Payload": "x" * 6_291_457},
            "ValidationException",
            "1 validation error detected: Value at 'updates.2.member.payload' failed to satisfy "
            "constraint: Member must have length less than or equal to 6291456",
        ),
    ],
    ids=["step", "invoke", "error", "execution"],
)
def test_what_is_too_large_is_refused_in_the_services_words(
    serve: Serve, fake_lambda: LambdaFake, update: dict[str, Any], code: str, message: str
) -> None:
    def script(client: Any, event: dict[str, Any]) -> None:
        with pytest.raises(ClientError) as raised:
            client.checkpoint_durable_execution(
                DurableExecutionArn=event["DurableExecutionArn"],
                CheckpointToken=event["CheckpointToken"],
                Updates=[{"Id": "w", "Type": "CONTEXT", "Action": "START"}, update],
            )
        answer = raised.value.response
        assert (answer["Error"]["Code"], answer["Error"]["Message"]) == (code, message)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400

    run_script(serve, fake_lambda, script)


def test_a_repeated_checkpoint_is_answered_as_it_was(serve: Serve, fake_lambda: LambdaFake) -> None:
    def script(client: Any, event: dict[str, Any]) -> None:
        call = {
            "DurableExecutionArn": event["DurableExecutionArn"],
            "CheckpointToken": event["CheckpointToken"],
            "ClientToken": "once",
            "Updates": [STEP],
        }
        first = client.checkpoint_durable_execution(**call)
        again = client.checkpoint_durable_execution(**call)
        assert first["CheckpointToken"] == again["CheckpointToken"]
        assert first["NewExecutionState"] == again["NewExecutionState"]

    served = run_script(serve, fake_lambda, script)
    (arn,) = (call.event["DurableExecutionArn"] for call in fake_lambda.calls)
    kinds = [event["EventType"] for event in served.service.history(arn)]
    assert kinds.count("StepSucceeded") == 1


def test_pages_of_the_state_add_up(serve: Serve, fake_lambda: LambdaFake) -> None:
    def script(client: Any, event: dict[str, Any]) -> None:
        arn = event["DurableExecutionArn"]
        steps = [{**STEP, "Id": f"step-{number}"} for number in range(7)]
        token = client.checkpoint_durable_execution(
            DurableExecutionArn=arn, CheckpointToken=event["CheckpointToken"], Updates=steps
        )["CheckpointToken"]
        ids: list[str] = []
        marker = ""
        while True:
            page = client.get_durable_execution_state(
                DurableExecutionArn=arn, CheckpointToken=token, Marker=marker, MaxItems=3
            )
            ids += [operation["Id"] for operation in page["Operations"]]
            marker = page.get("NextMarker", "")
            if not marker:
                break
        assert ids[1:] == [step["Id"] for step in steps]

    run_script(serve, fake_lambda, script)


def test_what_declarations_say_reaches_the_execution(serve: Serve, fake_lambda: LambdaFake) -> None:
    declared = {
        "order": {
            "FunctionName": "order",
            "FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:order",
            "Timeout": 3,
            "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7},
        }
    }
    fake_lambda.functions["order"] = lambda event: DONE
    served = serve(*read_mapping(declared), lambda_endpoint=fake_lambda.url)
    arn = invoke(served).headers["x-amz-durable-execution-arn"]
    assert arn.startswith("arn:aws:lambda:eu-west-1:111122223333:function:order:$LATEST/")
    execution = served.service.execution(arn)
    assert execution["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7}
    (started, *_) = served.service.history(arn)
    assert json.dumps(started["ExecutionStartedDetails"]["ExecutionTimeout"]) == "60"


# --------------------------------------------------------------- functions that do not answer


@durable_execution
def mailer(event: Any, context: DurableContext) -> Any:
    """Invokes a plain function, and tells how that ended."""
    try:
        return context.invoke("mail", event, name="send")
    except InvokeError as error:
        return [type(error).__name__, str(error)]


ENDS_OF_INVOKES = {"ChainedInvokeFailed", "ChainedInvokeTimedOut"}


def chained_invoke(served: Served) -> tuple[str, dict[str, Any]]:
    """How the chained invoke of `mailer` ends: its last event and that one's error."""
    history = events(served, invoke(served, "mailer"))
    (event,) = [e for e in history if e["EventType"] in ENDS_OF_INVOKES]
    details = event[f"{event['EventType']}Details"]
    return event["EventType"], details["Error"]["Payload"]


def test_a_plain_function_whose_endpoint_is_not_there_times_out(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    gone = LambdaFake()
    gone.close()
    served = serve(hosted("mailer", mailer), replace(PLAIN, endpoint=gone.url, timeout=3))
    assert chained_invoke(served) == ("ChainedInvokeTimedOut", invoke_timed_out(3))


def test_a_plain_function_whose_endpoint_hangs_up_times_out(serve: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hanging_up = threading.Thread(target=lambda: listener.accept()[0].close())
        hanging_up.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        served = serve(hosted("mailer", mailer), replace(PLAIN, endpoint=endpoint, timeout=3))
        assert chained_invoke(served) == ("ChainedInvokeTimedOut", invoke_timed_out(3))
        hanging_up.join()


def test_a_plain_function_whose_endpoint_answers_with_an_error_fails(
    serve: Serve, fake_lambda: LambdaFake
) -> None:
    served = serve(hosted("mailer", mailer), PLAIN, lambda_endpoint=fake_lambda.url)
    kind, error = chained_invoke(served)
    assert (kind, error["ErrorType"]) == ("ChainedInvokeFailed", "ResourceNotFoundException")


@pytest.fixture
def never() -> Iterator[Callable[[Any], Any]]:
    """A function that does not answer as long as the test runs."""
    over = threading.Event()
    yield lambda event: over.wait() and None
    over.set()


def test_a_plain_function_that_is_never_answered_for_times_out(
    serve: Serve, fake_lambda: LambdaFake, never: Callable[[Any], Any]
) -> None:
    fake_lambda.functions["mail"] = never
    # What has no limit of its own has the service's, and then the endpoint's margin.
    limits = {"invocation_timeout": 0.25, "endpoint_margin": 0.05}
    served = serve(hosted("mailer", mailer), PLAIN, lambda_endpoint=fake_lambda.url, **limits)
    assert chained_invoke(served) == ("ChainedInvokeTimedOut", invoke_timed_out(0.25))
    assert len(fake_lambda.calls) == 1


def test_a_plain_function_is_not_answered_for_in_its_own_time_and_the_margin(
    fake_lambda: LambdaFake, never: Callable[[Any], Any]
) -> None:
    fake_lambda.functions["mail"] = never
    functions = DeclaredFunctions([replace(PLAIN, timeout=0.02)])
    invoker = EndpointInvoker(functions, CurrentEndpoint(fake_lambda.url), margin=0.01)
    call = InvokeFunction("arn:aws:lambda:us-west-2:123456789012:function:f", "op", "mail", "{}")
    with closing(LocalService(invoker, InMemoryExecutionStore())) as service:
        result = invoker.call(call, service)
    assert result.unanswered_after == 0.02
    assert result.error is not None
    assert result.error["ErrorType"] == "Sandbox.Timedout"
    assert "within 0.03 seconds" in result.error["ErrorMessage"]


def test_invoking_what_is_never_answered_for_is_a_function_error(
    serve: Serve, fake_lambda: LambdaFake, never: Callable[[Any], Any]
) -> None:
    fake_lambda.functions["mail"] = never
    function = replace(PLAIN, timeout=0.02)
    served = serve(function, lambda_endpoint=fake_lambda.url, endpoint_margin=0.01)
    reply = invoke(served, "mail")
    assert reply.headers["x-amz-function-error"] == "Unhandled"
    assert reply.json["errorType"] == "Sandbox.Timedout"


def test_an_invocation_that_is_never_answered_for_ends_and_another_follows(
    serve: Serve, fake_lambda: LambdaFake, never: Callable[[Any], Any]
) -> None:
    answers = iter([never])
    fake_lambda.functions["order"] = lambda event: next(answers, lambda _: DONE)(event)
    served = serve(
        replace(DURABLE, timeout=0.2),
        lambda_endpoint=fake_lambda.url,
        endpoint_margin=0.05,
        skip_time=True,
    )
    reply = invoke(served)
    assert reply.body == b'"done"'
    completed = [e for e in events(served, reply) if e["EventType"] == "InvocationCompleted"]
    first, *_, last = (event["InvocationCompletedDetails"] for event in completed)
    assert first["Error"]["Payload"]["ErrorType"] == "Sandbox.Timedout"
    assert "Error" not in last
