"""A day's records, page by page: extracted, transformed and loaded, ten pages at a time."""

from collections.abc import Sequence
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import CompletionConfig, MapConfig, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

Row = dict[str, Any]

PATIENT = StepConfig(
    retry_strategy=create_retry_strategy(
        RetryStrategyConfig(max_attempts=5, initial_delay_seconds=2, max_delay_seconds=60)
    )
)

# What the steps do stands for your source and your store. Results of steps are kept with the
# execution, up to 256 KiB each: where pages are larger, let a step return where it has put one.


@durable_step
def list_pages(day: str) -> list[str]:
    return [f"{day}/page-{number}" for number in range(1, 6)]


@durable_step
def extract(page: str) -> list[Row]:
    return [{"page": page, "cents": cents} for cents in (1250, 399, 0)]


@durable_step
def load(rows: list[Row]) -> int:
    # Write them under keys of their own, so that writing them twice changes nothing.
    return len(rows)


def transform(rows: list[Row]) -> list[Row]:
    """Pure, so it needs no step: it gives the same on every replay."""
    return [{"page": row["page"], "euros": row["cents"] / 100} for row in rows if row["cents"]]


def process_page(context: DurableContext, page: str, index: int, pages: Sequence[str]) -> int:
    rows = context.step(extract(page), config=PATIENT)
    return context.step(load(transform(rows)), config=PATIENT)


def name_of_page(page: str, index: int) -> str:
    return page


A_FEW_MAY_FAIL = MapConfig(
    max_concurrency=10,
    completion_config=CompletionConfig(tolerated_failure_percentage=20),
    item_namer=name_of_page,
)


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    # The schedule gives the time as well: 2026-01-31T02:00:00Z.
    day = event["day"][:10]
    pages = context.step(list_pages(day), config=PATIENT)
    batch = context.map(pages, process_page, name="pages", config=A_FEW_MAY_FAIL)
    batch.throw_if_error()
    return {"day": day, "pages": len(pages), "loaded": sum(batch.get_results())}
