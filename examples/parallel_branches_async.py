"""parallel, async: the first good answer wins.

    durable run examples/parallel_branches_async.py --event '{"query": "durable"}'

One mirror fails, one is slow; the first success ends the operation. Branches that still run are
left alone, and nothing they do afterwards is recorded.
"""

from typing import Any

from aws_durable_execution_sdk_python import (
    AsyncDurableContext,
    ParallelBranch,
    durable_execution,
    durable_step,
    durable_with_child_context,
)
from aws_durable_execution_sdk_python.config import CompletionConfig, ParallelConfig


@durable_step
async def query_mirror(mirror: str, query: str) -> dict[str, str]:
    if mirror == "broken":
        raise ConnectionError(f"{mirror} does not answer")
    return {"mirror": mirror, "answer": query.upper()}


@durable_with_child_context
async def ask(context: AsyncDurableContext, mirror: str, query: str, delay: int) -> dict[str, str]:
    await context.wait(seconds=delay)
    return await context.step(query_mirror(mirror, query))


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, str]:
    delays = {"broken": 1, "near": 2, "far": 60}
    batch = await context.parallel(
        [ParallelBranch(ask(name, event["query"], delay), name) for name, delay in delays.items()],
        name="mirrors",
        config=ParallelConfig(completion_config=CompletionConfig.first_successful()),
    )
    return batch.get_results()[0]
