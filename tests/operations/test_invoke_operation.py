"""invoke: another function, once, and what it returned."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from answers import PENDING, failure, succeeded
from fake_service import FakeService, Wire, error, oid, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python import InvokeError, SerDesError, ValidationError
from aws_durable_execution_sdk_python._core.limits import MAX_PAYLOAD_BYTES
from aws_durable_execution_sdk_python.config import InvokeConfig
from aws_durable_execution_sdk_python.serdes import PassThroughSerDes, SerDes, SerDesContext


def invoking(flavour: Flavour, *args: Any, **kwargs: Any) -> Any:
    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.invoke(*args, **kwargs)

    return flavour.durable(handler)


def invoke(status: str, **details: Any) -> Wire:
    return recorded("CHAINED_INVOKE", status, 1, "call", **details)


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ({"order": 1}, '{"order": 1}'),
        (None, "null"),
        ((1, 2), "[1, 2]"),
        ("text", '"text"'),
    ],
)
def test_the_payload_is_sent_as_plain_json(flavour: Flavour, payload: Any, sent: str) -> None:
    service = FakeService()
    assert service.invoke(invoking(flavour, "pay:live", payload, name="call")) == PENDING
    start = service.sent("START", 1)
    assert start["Payload"] == sent
    assert start["ChainedInvokeOptions"] == {"FunctionName": "pay:live"}
    assert (start["SubType"], start["Name"]) == ("ChainedInvoke", "call")


def test_the_tenant_is_passed_on(flavour: Flavour) -> None:
    service = FakeService()
    service.invoke(invoking(flavour, "pay", config=InvokeConfig(tenant_id="t-1")))
    options = {"FunctionName": "pay", "TenantId": "t-1"}
    assert service.sent("START", 1)["ChainedInvokeOptions"] == options


@pytest.mark.parametrize(
    ("stored", "value"),
    [({}, None), ({"Result": "null"}, None), ({"Result": '{"a": [1]}'}, {"a": [1]})],
)
def test_the_result_is_decoded(flavour: Flavour, stored: Wire, value: Any) -> None:
    service = FakeService(invoke("SUCCEEDED", **stored))
    assert service.invoke(invoking(flavour, "pay", name="call")) == succeeded(value)
    assert service.requests == []


def test_the_result_comes_when_the_function_has_ended(flavour: Flavour) -> None:
    service, handler = FakeService(), invoking(flavour, "pay")
    assert service.invoke(handler) == PENDING
    assert service.invoke(handler) == PENDING
    service.complete("SUCCEEDED", 1, Result='"paid"')
    assert service.invoke(handler) == succeeded("paid")
    assert service.trace == ["CHAINED_INVOKE START"]


class Tagged(SerDes[str]):
    def serialize(self, value: str, serdes_context: SerDesContext) -> str:
        return f"<{value}>"

    def deserialize(self, data: str, serdes_context: SerDesContext) -> str:
        return data.strip("<>")


def test_payload_and_result_have_a_serdes_each(flavour: Flavour) -> None:
    config = InvokeConfig(serdes_payload=Tagged(), serdes_result=PassThroughSerDes())
    service, handler = FakeService(), invoking(flavour, "pay", "x", config=config)
    assert service.invoke(handler) == PENDING
    assert service.sent("START", 1)["Payload"] == "<x>"
    service.complete("SUCCEEDED", 1, Result="<raw>")
    assert service.invoke(handler) == succeeded("<raw>")


def test_a_failed_function_raises_with_its_error(flavour: Flavour) -> None:
    stored = error("PaymentDeclined", "no money", ErrorData="data", StackTrace=["line 1"])

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.invoke("pay", name="call")
        except InvokeError as problem:
            return [str(problem), problem.error_type, problem.data, problem.stack_trace]

    expected = ["no money", "PaymentDeclined", "data", ["line 1"]]
    service = FakeService(invoke("FAILED", Error=stored))
    assert service.invoke(flavour.durable(handler)) == succeeded(expected)


def test_a_function_that_cannot_be_found_fails_in_the_same_answer(flavour: Flavour) -> None:
    def unknown(service: FakeService) -> None:
        missing = error("ResourceNotFoundException", "Function not found: pay")
        service.complete("FAILED", 1, Error=missing)

    service = FakeService(answers={1: unknown})
    answer = service.invoke(invoking(flavour, "pay"))
    assert failure(answer) == ("ResourceNotFoundException", "Function not found: pay")


@pytest.mark.parametrize("status", ["TIMED_OUT", "STOPPED", "CANCELLED"])
def test_any_other_end_raises_and_says_so(flavour: Flavour, status: str) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.invoke("pay", name="call")
        except InvokeError as problem:
            return status in str(problem)

    service = FakeService(invoke(status))
    assert service.invoke(flavour.durable(handler)) == succeeded(True)


def test_the_error_is_an_invoke_error_only_whatever_the_other_function_raised(
    flavour: Flavour,
) -> None:
    """What a name means in another function, in another language perhaps, is not known here."""

    async def handler(event: Any, ctx: Any) -> Any:
        try:
            await ctx.invoke("pay", name="call")
        except InvokeError as problem:
            return [type(problem) is InvokeError, problem.error_type, problem.message]

    service = FakeService(invoke("FAILED", Error=error("ValueError", "bad")))
    assert service.invoke(flavour.durable(handler)) == succeeded([True, "ValueError", "bad"])


@dataclasses.dataclass
class Reading:
    celsius: float
    more: Any = None


@pytest.mark.parametrize(
    ("payload", "kind", "said"),
    [
        ({1, 2}, SerDesError, "set"),
        (float("nan"), SerDesError, "'pay-now'.*payload is nan, .* give None, or a text, in its"),
        ({"a": [1, float("inf")]}, SerDesError, r"payload.a\[1\] is inf, which JSON does not have"),
        ({"a": Reading(float("nan"))}, SerDesError, "reading.celsius: is nan, .* give None"),
        (Reading(1.0, {"a": float("nan")}), SerDesError, "the Reading in payload.more.a is nan"),
        ({"a": {1: 1, "1": 2}}, SerDesError, "two keys of the dict at payload.a become the same"),
        ("x" * MAX_PAYLOAD_BYTES, ValidationError, str(MAX_PAYLOAD_BYTES)),
    ],
    ids=["set", "nan", "infinity", "nan in a field", "nan in any field", "keys", "too large"],
)
def test_a_payload_that_cannot_be_sent_raises_before_anything_is_recorded(
    flavour: Flavour, payload: Any, kind: type[Exception], said: str
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        with pytest.raises(kind, match=said):
            await ctx.invoke("pay", payload, name="pay-now")

    service = FakeService()
    assert service.invoke(flavour.durable(handler)) == succeeded(None)
    assert service.updates == []


def test_the_id_of_an_invoke_is_its_number(flavour: Flavour) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: None)
        await ctx.invoke("pay")

    service = FakeService()
    service.invoke(flavour.durable(handler))
    assert service.updates[-1]["Id"] == oid(2)


@pytest.mark.parametrize(
    ("environment", "handed_on"),
    [
        ({"_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3f;Sampled=1"}, None),
        (
            {
                "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3f;Sampled=1",
                "AWS_LAMBDA_FUNCTION_NAME": "orders",
            },
            "Root=1-5759e988-bd862e3f;Sampled=1",
        ),
        ({"AWS_LAMBDA_FUNCTION_NAME": "orders"}, None),
    ],
    ids=["outside of Lambda", "in Lambda", "without a trace"],
)
def test_the_trace_of_the_invocation_goes_into_the_invoke(
    flavour: Flavour, monkeypatch: pytest.MonkeyPatch, environment: Any, handed_on: Any
) -> None:
    for name in ("_X_AMZN_TRACE_ID", "AWS_LAMBDA_FUNCTION_NAME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    async def handler(event: Any, ctx: Any) -> Any:
        return await ctx.invoke("pay", {}, name="call")

    service = FakeService()
    service.invoke(flavour.durable(handler))
    options = service.sent("START", 1)["ChainedInvokeOptions"]
    assert options.get("XAmznTraceId") == handed_on
