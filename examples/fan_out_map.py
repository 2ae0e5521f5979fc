r"""map: run a function for every item, a few at a time, and tolerate some failures.

    durable run examples/fan_out_map.py \
        --event '{"images": ["a.png", "b.png", "broken.gif", "c.png"]}'

Each item gets a context of its own, so it may use any operation. Nothing is raised for failed
items: the `BatchResult` tells what became of each. Above the tolerance no further item starts.
"""

from collections.abc import Sequence
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import CompletionConfig, MapConfig


@durable_step
def make_thumbnail(image: str) -> str:
    if not image.endswith(".png"):
        raise ValueError(f"{image} is not a PNG")
    return image.replace(".png", "-small.png")


def process_image(context: DurableContext, image: str, index: int, images: Sequence[str]) -> str:
    return context.step(make_thumbnail(image))


def name_of_item(image: str, index: int) -> str:
    return image


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    images: list[str] = event["images"]
    batch = context.map(
        images,
        process_image,
        name="thumbnails",
        config=MapConfig(
            max_concurrency=2,
            completion_config=CompletionConfig(tolerated_failure_percentage=25),
            item_namer=name_of_item,
        ),
    )
    return {
        "completion": batch.completion_reason,
        "thumbnails": batch.get_results(),
        "failed": [images[item.index] for item in batch.failed()],
    }
