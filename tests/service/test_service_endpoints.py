"""With less of botocore's data the endpoints are the same."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import botocore
import pytest
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError
from recording_service import RecordingService

from aws_durable_execution_sdk_python._service import wire
from aws_durable_execution_sdk_python._service.aws import by_client
from aws_durable_execution_sdk_python._service.events import attend, capture
from aws_durable_execution_sdk_python._service.loader import LeanLoader
from aws_durable_execution_sdk_python._service.model import ensure_durable_operations

PARTITIONS = json.loads((Path(botocore.__file__).parent / "data/partitions.json").read_text())
# Any region of a partition, one that botocore does not know yet, and the old way to say FIPS.
REGIONS = [next(iter(partition["regions"])) for partition in PARTITIONS["partitions"]]
REGIONS += ["us-new-9", "xx-fantasy-1", "fips-us-gov-west-1", "us-gov-west-1-fips"]


async def request_url(session: Any, region: str) -> str:
    """Where a checkpoint would go, and the region it would be signed for."""
    async with session.create_client("lambda", region_name=region) as client:
        if not hasattr(client, "checkpoint_durable_execution"):
            ensure_durable_operations(client)
        attend(client)
        operation = wire.CHECKPOINT
        request = await capture(lambda: by_client(client, operation, operation.example))
    scope = request.headers["Authorization"].decode().split(",")[0]
    return f"{request.url} {scope}"


@pytest.mark.parametrize(("fips", "dual_stack"), [*product(["false", "true"], repeat=2)])
async def test_same_endpoints(monkeypatch: pytest.MonkeyPatch, fips: str, dual_stack: str) -> None:
    """For every partition, with FIPS and dual stack, the request goes where it would go."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_LAMBDA")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", dual_stack)
    lean, full = get_session(), get_session()
    lean.register_component("data_loader", LeanLoader())
    for region in REGIONS:
        try:
            expected = await request_url(full, region)
        except BotoCoreError:
            # The megabyte does not have this variant; Lambda's own rules may.
            continue
        assert await request_url(lean, region) == expected


@pytest.mark.parametrize("ignored", ["true", "false"])
async def test_configured_endpoint(
    service: RecordingService, monkeypatch: pytest.MonkeyPatch, ignored: str
) -> None:
    """AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is heeded with less of botocore's data too."""
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", ignored)
    expected = service.url if ignored == "false" else "https://lambda.eu-west-3.amazonaws.com"
    for loader in (LeanLoader(), None):
        session = get_session()
        if loader is not None:
            session.register_component("data_loader", loader)
        assert (await request_url(session, "eu-west-3")).startswith(f"{expected}/2025-12-01/")
