"""A real S3 over HTTP, in a process of its own, and both ways to run a handler."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from s3_proxy import BUCKET, Proxy

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "operations"))

from flavours import FLAVOURS, Flavour  # noqa: E402


@pytest.fixture(params=FLAVOURS, ids=str)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("DURABLE_EXECUTION_COMPAT", raising=False)


@pytest.fixture(scope="session")
def running_proxy(s3_port: int) -> Iterator[Proxy]:
    proxy = Proxy(s3_port)
    with proxy.serving():
        yield proxy


@pytest.fixture
def proxy(running_proxy: Proxy) -> Proxy:
    """Before the S3; without faults it is not noticed."""
    running_proxy.faults.clear()
    running_proxy.seen.clear()
    return running_proxy


@pytest.fixture
def s3(s3_port: int, aws_environment: None) -> Iterator[Any]:
    """A client beside the one that is tested, with an empty bucket."""
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{s3_port}")
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    yield client
    versions = client.list_object_versions(Bucket=BUCKET)
    for each in [*versions.get("Versions", ()), *versions.get("DeleteMarkers", ())]:
        client.delete_object(Bucket=BUCKET, Key=each["Key"], VersionId=each["VersionId"])
    client.delete_bucket(Bucket=BUCKET)
    client.close()
