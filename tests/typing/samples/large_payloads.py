"""Serdes that are async, offload or are composed fit wherever a serdes does."""

from __future__ import annotations

from typing import Any, assert_type

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    DurableContext,
    durable_execution,
    durable_step,
)
from aws_durable_execution_sdk_python.config import ChildConfig, MapConfig, StepConfig
from aws_durable_execution_sdk_python.filesystem_serdes import FileSystemSerDes
from aws_durable_execution_sdk_python.preview import PreviewConfig, PreviewMode, build_preview
from aws_durable_execution_sdk_python.s3_serdes import S3SerDes
from aws_durable_execution_sdk_python.serdes import (
    AsyncSerDes,
    JsonSerDes,
    SerDesContext,
    SerDesDefaults,
)
from aws_durable_execution_sdk_python.serdes_pipeline import compress, encrypt, pipeline


class Celsius(AsyncSerDes[float]):
    async def serialize(self, value: float, serdes_context: SerDesContext) -> str:
        return str(value)

    async def deserialize(self, data: str, serdes_context: SerDesContext) -> float:
        return float(data)


@durable_step
def measure() -> float:
    return 20.5


@durable_step
def name() -> str:
    return "kitchen"


def encrypted(data: bytes) -> bytes:
    return data


def shown(value: Any) -> dict[str, Any] | None:
    return build_preview(value, PreviewConfig(PreviewMode.INCLUDE_ALL))


LARGE = S3SerDes("bucket", prefix="p/", generate_preview=shown)
COMPOSED = pipeline(JsonSerDes(), compress(), encrypt(encrypted, encrypted), LARGE)


@durable_execution(serdes=LARGE)
def blocking(event: Any, context: DurableContext) -> None:
    assert_type(context.step(measure(), config=StepConfig(serdes=Celsius())), float)
    assert_type(context.step(name(), config=StepConfig(serdes=S3SerDes[str]("bucket"))), str)
    context.step(name(), config=StepConfig(serdes=COMPOSED))
    context.configure_serdes(Celsius())
    context.configure_serdes("json")  # error


@durable_execution(serdes=SerDesDefaults(COMPOSED, callback=JsonSerDes()))
async def asynchronous(event: Any, context: AsyncDurableContext) -> None:
    shared = FileSystemSerDes("/mnt/shared")
    await context.step(name(), config=StepConfig(serdes=shared))
    context.configure_serdes(SerDesDefaults(shared))
    ChildConfig[str](serdes=shared)
    MapConfig[str](item_serdes=LARGE)
    pipeline(None, JsonSerDes())  # error
    encrypt("key")  # error
