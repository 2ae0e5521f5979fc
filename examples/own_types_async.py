r"""The types of own_types.py, written async.

    durable run examples/own_types_async.py \
        --event '{"celsius": 21.5, "taken_at": "2025-01-31T08:00"}'

Results are stored as JSON; datetime, date, Decimal, UUID, bytes and tuples are taken care of.
For anything else give the operation a `SerDes` of your own.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from aws_durable_execution_sdk_python import AsyncDurableContext, durable_execution, durable_step
from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.serdes import SerDes, SerDesContext


@dataclass(frozen=True)
class Reading:
    celsius: float
    sensor: str


class ReadingSerDes(SerDes[Reading]):
    def serialize(self, value: Reading, serdes_context: SerDesContext) -> str:
        return json.dumps(asdict(value))

    def deserialize(self, data: str, serdes_context: SerDesContext) -> Reading:
        return Reading(**json.loads(data))


@durable_step
async def read_sensor(celsius: float) -> Reading:
    return Reading(celsius, "cellar")


@durable_step
async def plan_inspection(taken_at: str, celsius: float) -> datetime:
    return datetime.fromisoformat(taken_at) + timedelta(days=1 if celsius > 20 else 7)


@durable_execution
async def handler(event: dict[str, Any], context: AsyncDurableContext) -> dict[str, Any]:
    reading = await context.step(
        read_sensor(event["celsius"]), config=StepConfig(serdes=ReadingSerDes())
    )
    inspection = await context.step(plan_inspection(event["taken_at"], reading.celsius))
    return {"sensor": reading.sensor, "inspection": inspection.strftime("%A, %d %B")}
