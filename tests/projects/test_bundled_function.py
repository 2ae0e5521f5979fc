"""A bundle works where nothing else is installed: under Lambda's runtime, in an empty Python."""

from __future__ import annotations

import json
import platform
import shutil
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from project_bench import Commands

from aws_durable_execution_sdk_python import __version__
from aws_durable_execution_sdk_python_testing._declarations.declaration_files import read_file
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

pytest.importorskip("awslambdaric")

APP = """
import importlib.util
import aioboto3, boto3
from aws_durable_execution_sdk_python import durable_execution
import aws_durable_execution_sdk_python as sdk

async def store(_):
    async with aioboto3.Session().client("s3") as s3:
        await s3.create_bucket(
            Bucket="orders", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
        )
        await s3.put_object(Bucket="orders", Key="7", Body=b"kept")

def read(_):
    return boto3.client("s3").get_object(Bucket="orders", Key="7")["Body"].read().decode()

@durable_execution
async def handler(event, context):
    await context.step(store, name="store")
    await context.wait(seconds=1)
    strangers = [name for name in ("pytest", "click", "moto") if importlib.util.find_spec(name)]
    return {
        "read": await context.step(read, name="read"),
        "sdk": sdk.__file__,
        "strangers": strangers,
    }
"""
TEMPLATE = """
Resources:
  Shop:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: unzipped
      Handler: app.handler
      Timeout: 30
      DurableConfig: {{ExecutionTimeout: 60}}
      Environment: {{Variables: {{AWS_ENDPOINT_URL_S3: "{s3}"}}}}
"""
RUNTIME = {"awslambdaric", "simplejson", "snapshot-restore-py"}


@pytest.fixture
def s3(s3_port: int) -> str:
    return f"http://127.0.0.1:{s3_port}"


@pytest.fixture
def empty_python(tmp_path: Path) -> Path:
    """A Python that has what Lambda's runtime is made of, and nothing else."""
    venv.create(tmp_path / "empty")
    (packages,) = (tmp_path / "empty").glob("lib/python*/site-packages")
    for name in RUNTIME:
        for file in metadata.files(name) or ():
            if ".." not in file.parts:
                place = packages / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), place)
    return tmp_path / "empty" / "bin" / "python"


@pytest.fixture
def project(tmp_path: Path, wheels: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(APP)
    (tmp_path / "src" / "requirements.txt").write_text(
        f"--find-links {wheels}\naws-durable-execution-sdk-python=={__version__}\n"
    )
    return tmp_path


def test_it_starts_and_calls_what_it_was_bundled_for(
    project: Path,
    commands: Commands,
    empty_python: Path,
    s3: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    machine = "arm64" if platform.machine() == "aarch64" else "x86_64"
    told: dict[str, Any] = json.loads(
        commands.succeed(
            f"durable bundle --python {version} --architecture {machine} --service s3 --json",
            project,
        )
    )
    assert told["UnzippedBytes"] < told["InstalledBytes"] * 2 / 3
    with zipfile.ZipFile(project / "function.zip") as archive:
        archive.extractall(project / "unzipped")
    (project / "template.yaml").write_text(TEMPLATE.format(s3=s3))

    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(sys, "executable", str(empty_python))
    settings = ServerSettings(
        runtime="lambda", skip_time=True, allow_unqualified=True, api_rates=False
    )
    with DurableServer(read_file(project / "template.yaml"), settings) as server:
        body = commands.succeed(
            "durable invoke Shop --wait --json",
            project,
            {"AWS_ENDPOINT_URL_LAMBDA": server.url},
        )
    result = json.loads(body.splitlines()[-1])["result"]
    assert result == {
        "read": "kept",
        "sdk": str(project / "unzipped/aws_durable_execution_sdk_python/__init__.py"),
        "strangers": [],
    }
