"""S3SerDes against an S3 over HTTP, its faults included."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from aiobotocore.config import AioConfig
from answers import failure, succeeded
from fake_service import ARN, FakeService, oid
from flavours import Flavour
from s3_proxy import (
    BUCKET,
    Fault,
    Proxy,
    conflicts,
    cuts,
    denies,
    expired,
    fails,
    hangs_up,
    loses_the_answer,
    says_nothing,
    throttles,
)

from aws_durable_execution_sdk_python import RetryableSerDesError, SerDesError, ValidationError
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.exceptions import CheckpointError
from aws_durable_execution_sdk_python.lambda_service import CheckpointOutput, OperationAction
from aws_durable_execution_sdk_python.preview import PreviewConfig, PreviewMode, build_preview
from aws_durable_execution_sdk_python.retries import fixed
from aws_durable_execution_sdk_python.s3_serdes import S3PathEncoding, S3SerDes, S3SerDesMode
from aws_durable_execution_sdk_python.serdes import SerDesContext
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)

HERE = SerDesContext("op-1", ARN)
LARGE = "x" * 300_000
HASTY = AioConfig(read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})
BELOW = "durable/orders/order-1/5d0c8a1e-0000-4000-8000-000000000001/"


class Stored(NamedTuple):
    """A serdes in use, on an event loop of the test's own."""

    serdes: S3SerDes[Any]
    loop: asyncio.Runner

    def store(self, value: Any, context: SerDesContext = HERE) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(self.loop.run(self.serdes.serialize(value, context)))
        return envelope

    def read(self, envelope: Any) -> Any:
        return self.loop.run(self.serdes.deserialize(json.dumps(envelope), HERE))


Make = Callable[..., S3SerDes[Any]]
Use = Callable[..., Stored]


@pytest.fixture
def make(proxy: Proxy, s3: Any) -> Make:
    """A serdes that stores everything, and loses no time over faults."""

    def make(**options: Any) -> S3SerDes[Any]:
        client = {"endpoint_url": proxy.url, "config": HASTY}
        options = {"storage_mode": S3SerDesMode.ALWAYS, "client_options": client, **options}
        return S3SerDes(BUCKET, **options)

    return make


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def use(make: Make, loop: asyncio.Runner) -> Use:
    return lambda **options: Stored(make(**options), loop)


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


# ---------------------------------------------------------------------------------------- by itself


def test_a_value_is_an_object_and_the_record_says_which(use: Use, s3: Any) -> None:
    serdes = use()
    envelope = serdes.store({"a": 1})
    digest = hashlib.sha256(b'{"a":1}').hexdigest()
    key = f"{BELOW}op-1-1-{digest[:32]}.json"
    assert envelope == {"s3": {"bucket": BUCKET, "key": key, "sha256": digest, "size": 7}}
    assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b'{"a":1}'
    assert serdes.read(envelope) == {"a": 1}


def test_small_values_stay_on_record_unless_all_are_to_be_stored(use: Use, s3: Any) -> None:
    serdes = use(storage_mode=S3SerDesMode.OVERFLOW)
    assert serdes.store([1]) == {"data": "[1]"}
    assert keys(s3) == []
    assert set(serdes.store(LARGE)) == {"s3"}
    assert len(keys(s3)) == 1


def test_attempts_have_objects_of_their_own(use: Use, s3: Any) -> None:
    serdes = use(path_encoding=S3PathEncoding.HASH, prefix="p/")
    for attempt in (1, 2):
        serdes.store("same", SerDesContext("op-1", ARN, attempt))
    arn, operation = (hashlib.sha256(each.encode()).hexdigest() for each in (ARN, "op-1"))
    assert [key.rsplit("-", 1)[0] for key in keys(s3)] == [
        f"p/{arn}/{operation}-1",
        f"p/{arn}/{operation}-2",
    ]


def test_what_is_stored_again_is_not_changed(use: Use, s3: Any, proxy: Proxy) -> None:
    """The bucket says that it is there (412); that it is the same is asked for."""
    serdes = use()
    first = serdes.store("same")
    proxy.seen.clear()
    assert serdes.store("same") == first
    assert [line.split()[0] for line in proxy.seen] == ["PUT", "HEAD"]
    assert serdes.store("other") != first
    assert (serdes.read(first), len(keys(s3))) == ("same", 2)


def test_another_content_under_the_key_is_not_taken_for_the_value(use: Use, s3: Any) -> None:
    serdes = use()
    key = serdes.store("value")["s3"]["key"]
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"something else")
    with pytest.raises(SerDesError, match="there already, with other content"):
        serdes.store("value")


def test_a_version_is_read_that_was_stored(use: Use, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    serdes = use()
    envelope = serdes.store("value")
    s3.put_object(Bucket=BUCKET, Key=envelope["s3"]["key"], Body=b'"other"')
    assert envelope["s3"]["versionId"]
    assert serdes.read(envelope) == "value"


@pytest.mark.parametrize(
    "content", [b'"othr"', b'"valu', b'"value!"'], ids=["other", "cut", "more"]
)
def test_what_is_not_what_was_stored_is_refused(use: Use, s3: Any, content: bytes) -> None:
    serdes = use()
    envelope = serdes.store("valu")
    s3.put_object(Bucket=BUCKET, Key=envelope["s3"]["key"], Body=content)
    with pytest.raises(SerDesError, match="stored") as refused:
        serdes.read(envelope)
    assert not isinstance(refused.value, RetryableSerDesError)


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "others"},
        {"key": "secrets/of-others.json"},
        {"key": "durablex"},
        {"key": 5},
        {"sha256": None},
        {"size": "7"},
    ],
    ids=str,
)
def test_a_reference_to_elsewhere_is_not_followed(
    use: Use, proxy: Proxy, change: dict[str, Any]
) -> None:
    serdes = use()
    envelope = serdes.store("value")
    proxy.seen.clear()
    with pytest.raises(SerDesError, match=r"left alone|damaged"):
        serdes.read({"s3": {**envelope["s3"], **change}})
    assert proxy.seen == []


def test_what_was_stored_before_there_was_a_store_is_read(use: Use) -> None:
    assert use().read({"a": 1}) == {"a": 1}
    assert use().read([1, 2]) == [1, 2]


def test_a_preview_stands_beside_the_reference(use: Use) -> None:
    config = PreviewConfig(PreviewMode.INCLUDE_ALL)
    serdes = use(generate_preview=lambda value: build_preview(value, config))
    assert serdes.store({"id": 7})["preview"] == {"id": 7}
    assert "preview" not in serdes.store([1])


def test_a_preview_too_large_for_the_record_is_refused(use: Use) -> None:
    serdes = use(generate_preview=lambda value: {"all": LARGE})
    with pytest.raises(SerDesError, match="max_preview_bytes"):
        serdes.store(1)


def test_options_of_the_request(use: Use, s3: Any) -> None:
    serdes = use(put_options={"Tagging": "kind=durable"})
    key = serdes.store(1)["s3"]["key"]
    tags = s3.get_object_tagging(Bucket=BUCKET, Key=key)["TagSet"]
    assert tags == [{"Key": "kind", "Value": "durable"}]


@pytest.mark.parametrize("arguments", [("",), (None,), ("b", None)], ids=str)
def test_a_bucket_and_a_prefix_are_texts(arguments: Any) -> None:
    with pytest.raises(ValidationError):
        S3SerDes(*arguments)


# ------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("fault", "passing"),
    [
        (throttles, True),
        (fails, True),
        (expired, True),
        (conflicts, True),
        (hangs_up, True),
        (says_nothing, True),
        (denies, False),
    ],
)
def test_what_may_pass_is_told_from_what_stays(
    use: Use, proxy: Proxy, fault: Fault, passing: bool
) -> None:
    serdes = use()
    envelope = serdes.store("value")
    work = {"PUT": lambda: serdes.store("value"), "GET": lambda: serdes.read(envelope)}
    for method, call in work.items():
        # aiohttp itself tries once more where a connection is closed without an answer.
        proxy.will(method, fault, 2 if fault is hangs_up else 1)
        with pytest.raises((SerDesError, RetryableSerDesError)) as failed:
            call()
        assert isinstance(failed.value, RetryableSerDesError) is passing
        assert "s3://large-values/durable/orders" in str(failed.value)
        assert not proxy.faults


def test_half_of_an_object_is_a_fault_that_may_pass(use: Use, proxy: Proxy) -> None:
    serdes = use()
    envelope = serdes.store(LARGE)
    proxy.will("GET", cuts)
    with pytest.raises(RetryableSerDesError):
        serdes.read(envelope)
    assert serdes.read(envelope) == LARGE


def test_an_object_that_is_gone_stays_gone(use: Use, s3: Any) -> None:
    serdes = use()
    envelope = serdes.store("value")
    s3.delete_object(Bucket=BUCKET, Key=envelope["s3"]["key"])
    with pytest.raises(SerDesError, match="NoSuchKey"):
        serdes.read(envelope)


def patient(proxy: Proxy, loop: asyncio.Runner, bucket: str = BUCKET) -> Stored:
    """With the client's own settings."""
    return Stored(S3SerDes(bucket, client_options={"endpoint_url": proxy.url}), loop)


def test_no_such_bucket(proxy: Proxy, s3: Any, loop: asyncio.Runner) -> None:
    serdes = patient(proxy, loop, "nowhere")
    with pytest.raises(SerDesError, match="NoSuchBucket"):
        serdes.store(LARGE)


def test_by_itself_the_client_tries_again(proxy: Proxy, s3: Any, loop: asyncio.Runner) -> None:
    serdes = patient(proxy, loop)
    proxy.will("PUT", throttles, 2)
    assert set(serdes.store(LARGE)) == {"s3"}


def test_a_client_that_cannot_be_made_leaves_the_others_alone(use: Use) -> None:
    serdes = use()
    envelope = serdes.store("value")
    for _ in range(2):
        with pytest.raises(SerDesError, match="TypeError"):
            use(client_options={"no_such": "option"}).store("value")
    assert serdes.read(envelope) == "value"


def test_an_answer_that_is_lost_costs_nothing(proxy: Proxy, s3: Any, loop: asyncio.Runner) -> None:
    """What the first attempt has stored is what the second one finds."""
    serdes = patient(proxy, loop)
    proxy.will("PUT", loses_the_answer)
    envelope = serdes.store(LARGE)
    assert serdes.read(envelope) == LARGE
    assert len(keys(s3)) == 1


# ------------------------------------------------------------------------------------ in executions


def replayed(flavour: Flavour, serdes: Any, work: Any) -> tuple[FakeService, Any]:
    """Run `work` in a handler, then wait and so replay it; gives the service and the answer."""

    async def handler(event: Any, ctx: Any) -> Any:
        first = await work(ctx)
        await ctx.wait(seconds=1)
        return first

    service = FakeService()
    return service, service.run(flavour.durable(handler, serdes=serdes))


def test_a_step_stores_before_its_checkpoint_and_replays(
    flavour: Flavour, make: Make, s3: Any, proxy: Proxy
) -> None:
    async def work(ctx: Any) -> Any:
        return len(await ctx.step(lambda: LARGE, "work"))

    service, answer = replayed(flavour, make(storage_mode=S3SerDesMode.OVERFLOW), work)
    assert answer == succeeded(300_000)
    assert set(json.loads(service.sent("SUCCEED", 1)["Payload"])) == {"s3"}
    # Fetched once, by the replay: the invocation that stored it had it.
    assert [line.split()[0] for line in proxy.seen] == ["PUT", "GET"]


def test_attempts_of_a_step_and_checks_of_a_condition_are_told_apart(
    flavour: Flavour, make: Make, s3: Any
) -> None:
    tries: list[int] = []

    def second_time() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once")
        return "done"

    def until_three(state: int, attempt: int) -> WaitForConditionDecision:
        if state == 3:
            return WaitForConditionDecision.stop_polling()
        return WaitForConditionDecision.continue_waiting(1)

    async def work(ctx: Any) -> Any:
        done = await ctx.step(second_time, "work", StepConfig(fixed(1)))
        config = WaitForConditionConfig[int](until_three, 0)
        return [done, await ctx.wait_for_condition(lambda state: state + 1, config, "count")]

    _, answer = replayed(flavour, make(), work)
    assert answer == succeeded(["done", 3])
    names = [key.removeprefix(BELOW).rsplit("-", 1)[0] for key in keys(s3)]
    assert sorted(names) == sorted([f"{oid(1)}-2", *(f"{oid(2)}-{n}" for n in (1, 2, 3))])


def test_a_large_result_of_a_context_or_map_does_not_run_again(
    flavour: Flavour, make: Make
) -> None:
    runs: list[str] = []

    async def child(ctx: Any) -> str:
        runs.append("child")
        return LARGE

    async def branch(ctx: Any, item: int, *_: Any) -> str:
        runs.append(f"branch {item}")
        return LARGE

    async def work(ctx: Any) -> Any:
        one = await ctx.run_in_child_context(flavour.function(child), "child")
        many = await ctx.map([0, 1], branch, "many")
        return [len(one), [len(each) for each in many]]

    service, answer = replayed(flavour, make(storage_mode=S3SerDesMode.OVERFLOW), work)
    assert answer == succeeded([300_000, [300_000, 300_000]])
    assert sorted(runs) == ["branch 0", "branch 1", "child"]
    for path in (1, 2):
        assert not service.sent("SUCCEED", path).get("ContextOptions", {}).get("ReplayChildren")


def test_throttling_ends_the_invocation_and_the_next_one_goes_on(
    flavour: Flavour, make: Make, proxy: Proxy
) -> None:
    ran: list[int] = []

    async def handler(event: Any, ctx: Any) -> Any:
        def work() -> str:
            ran.append(1)
            return LARGE

        return len(await ctx.step(work, "work"))

    durable = flavour.durable(handler, serdes=make())
    service = FakeService()
    proxy.will("PUT", throttles)
    with pytest.raises(RetryableSerDesError, match="SlowDown"):
        service.invoke(durable)
    assert "STEP SUCCEED work" not in service.trace
    assert "STEP FAIL work" not in service.trace
    assert service.invoke(durable) == succeeded(300_000)
    assert len(ran) == 2


class CrashesOnce(FakeService):
    """Never hears of the first end of a step."""

    async def checkpoint(self, *args: Any) -> CheckpointOutput:
        ends = [update for update in args[2] if update.action is OperationAction.SUCCEED]
        if ends and "STEP SUCCEED work" not in self.trace and not self.has_crashed:
            self.has_crashed = True
            raise CheckpointError("lost", retryable=True)
        return await super().checkpoint(*args)

    has_crashed = False


@pytest.mark.parametrize(("values", "objects"), [("aa", 1), ("ab", 2)])
def test_a_crash_between_the_store_and_the_checkpoint(
    flavour: Flavour, make: Make, s3: Any, values: str, objects: int
) -> None:
    """The step runs again. The same result is there already, another one gets another object."""
    results = iter(values)

    async def handler(event: Any, ctx: Any) -> Any:
        value = await ctx.step(lambda: next(results), "work")
        await ctx.wait(seconds=1)
        return value

    durable = flavour.durable(handler, serdes=make())
    service = CrashesOnce()
    with pytest.raises(CheckpointError):
        service.invoke(durable)
    assert len(keys(s3)) == 1
    assert service.run(durable) == succeeded(values[-1])
    assert len(keys(s3)) == objects


def test_an_object_that_cannot_be_read_fails_the_handler(
    flavour: Flavour, make: Make, s3: Any
) -> None:
    async def handler(event: Any, ctx: Any) -> Any:
        value = await ctx.step(lambda: "v", "work")
        await ctx.wait(seconds=1)
        return value

    durable = flavour.durable(handler, serdes=make())
    service = FakeService()
    service.invoke(durable)
    s3.delete_object(Bucket=BUCKET, Key=keys(s3)[0])
    service.pass_time(1)
    kind, message = failure(service.invoke(durable))
    assert kind is not None
    assert kind.endswith("SerDesError")
    assert "'work'" in str(message)
    assert "NoSuchKey" in str(message)


def test_connections_that_rest_keep_no_invocation_awake(make: Make) -> None:
    """The handler waits for a lock that nobody will release: nothing can run any more."""

    async def handler(event: Any, ctx: Any) -> Any:
        await ctx.step(lambda: "value", "work")
        lock = asyncio.Lock()
        await lock.acquire()
        await asyncio.gather(ctx.wait(seconds=1), lock.acquire())

    durable = Flavour().durable(handler, serdes=make())
    service = FakeService()
    for _ in range(2):  # having stored, and having read
        assert service.invoke(durable) == {"Status": "PENDING"}
