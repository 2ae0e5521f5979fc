"""Functions of another language behind an endpoint: the official JavaScript SDK on this service.

It runs where Node is installed and the SDK can be found: after `npm install
@aws/durable-execution-sdk-js` in any directory, whose `node_modules` NODE_PATH or
DURABLE_JAVASCRIPT_SDK names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from serving_bench import Served

from aws_durable_execution_sdk_python_testing._declarations.declared_functions import (
    DeclaredFunction,
)
from aws_durable_execution_sdk_python_testing._engine import DurableTarget
from aws_durable_execution_sdk_python_testing._server.durable_server import DurableServer
from aws_durable_execution_sdk_python_testing._server.server_settings import ServerSettings

PROGRAM = Path(__file__).with_name("javascript") / "functions.mjs"
SDK = Path("@aws/durable-execution-sdk-js")
NAMES = ("order", "failing")


def modules() -> Path:
    """The directory that the SDK is installed in."""
    for variable in ("DURABLE_JAVASCRIPT_SDK", "NODE_PATH"):
        for place in os.environ.get(variable, "").split(os.pathsep):
            if place and (Path(place) / SDK).is_dir():
                return Path(place)
    pytest.skip("the JavaScript SDK is not installed (DURABLE_JAVASCRIPT_SDK)")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed")
    # Imports are looked up beside the program.
    directory = tmp_path_factory.mktemp("javascript")
    shutil.copy(PROGRAM, directory)
    (directory / "node_modules").symlink_to(modules())
    functions = [DeclaredFunction(name=name, durable=DurableTarget()) for name in NAMES]
    # The program has to be told where the service is before it can say where it is itself.
    settings = ServerSettings(skip_time=True, lambda_endpoint="http://127.0.0.1:1")
    with DurableServer(functions, settings) as server:
        environment = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL_LAMBDA": server.url,
            "AWS_REGION": "us-west-2",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        with subprocess.Popen(
            [node, "functions.mjs"],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            served = Served(server)
            url = process.stdout.readline().strip()
            assert served.send("PUT", "/lambda-endpoint", {"EndpointUrl": url}).status == 200
            yield served
            process.kill()


Invoke = Callable[[str, object], str]


@pytest.fixture
def invoke(served: Served) -> Invoke:
    """Starts an execution; its ARN."""

    def start(name: str, event: object) -> str:
        path = f"/2015-03-31/functions/{name}/invocations?Qualifier=$LATEST"
        reply = served.send("POST", path, event, {"X-Amz-Invocation-Type": "Event"})
        return reply.headers["x-amz-durable-execution-arn"]

    return start


def test_steps_waits_and_callbacks(served: Served, invoke: Invoke) -> None:
    arn = invoke("order", {"amount": 21})
    callback = served.service.wait_for_callback(arn, "approval", 60)
    path = f"/2025-12-01/durable-execution-callbacks/{callback}/succeed"
    assert served.send("POST", path, "yes").status == 200
    served.service.wait_until_ended(arn, 60)
    execution = served.service.execution(arn)
    assert execution["Status"] == "SUCCEEDED", execution
    # That SDK hands on what a callback is answered with, undecoded.
    assert json.loads(execution["Result"]) == {"price": 42, "approved": '"yes"'}


def test_a_failure_is_the_executions(served: Served, invoke: Invoke) -> None:
    arn = invoke("failing", {})
    served.service.wait_until_ended(arn, 60)
    execution = served.service.execution(arn)
    assert execution["Status"] == "FAILED"
    assert "out of stock" in execution["Error"]["ErrorMessage"]
