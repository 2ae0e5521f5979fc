"""`WebRunner`, under the module path it is documented by."""

from __future__ import annotations

import json
import threading
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from lambda_fake import LambdaFake

from aws_durable_execution_sdk_python_testing._engine import InvalidParameterValueError
from aws_durable_execution_sdk_python_testing.stores import StoreLockedError
from aws_durable_execution_sdk_python_testing.web.server import (
    StoreType,
    WebRunner,
    WebRunnerConfig,
    WebServiceConfig,
)


def config(**settings: Any) -> WebRunnerConfig:
    return WebRunnerConfig(web_service=WebServiceConfig(port=0), **settings)


def health(runner: WebRunner) -> Any:
    with urllib.request.urlopen(f"{runner.url}/health") as response:
        return json.load(response)


def test_the_defaults_are_the_emulators() -> None:
    defaults = WebRunnerConfig()
    assert (defaults.web_service.host, defaults.web_service.port) == ("localhost", 5000)
    assert defaults.web_service.max_request_size == 10 * 1024 * 1024
    assert defaults.lambda_endpoint == "http://127.0.0.1:3001"
    assert defaults.invocation_timeout_seconds == 900
    assert (defaults.store_type, defaults.skip_time) == (StoreType.MEMORY, False)


def test_it_serves_between_start_and_stop() -> None:
    runner = WebRunner(config())
    runner.start()
    runner.start()
    assert health(runner) == {"status": "healthy"}
    runner.stop()
    runner.stop()
    assert runner.url == ""


def test_serve_forever_returns_when_it_is_stopped() -> None:
    runner = WebRunner(config())
    thread = threading.Thread(target=runner.serve_forever)
    thread.start()
    while not runner.url:
        pass
    runner.stop()
    thread.join()
    assert not thread.is_alive()


def test_functions_run_at_the_lambda_endpoint(fake_lambda: LambdaFake) -> None:
    fake_lambda.functions["mail"] = lambda event: "sent"
    settings = config(lambda_endpoint=fake_lambda.url, function_configs={"mail": {}})
    with WebRunner(settings) as runner:
        request = urllib.request.Request(
            f"{runner.url}/2015-03-31/functions/mail/invocations", method="POST"
        )
        with urllib.request.urlopen(request) as response:
            assert json.load(response) == "sent"


@pytest.mark.parametrize("kind", [StoreType.SQLITE, StoreType.FILESYSTEM])
def test_a_store_is_free_again_when_the_runner_stops(tmp_path: Path, kind: StoreType) -> None:
    settings = config(store_type=kind, store_path=tmp_path / "store")
    with WebRunner(settings), pytest.raises(StoreLockedError):
        WebRunner(settings).start()
    with WebRunner(settings) as runner:
        assert health(runner) == {"status": "healthy"}


def test_a_port_that_is_taken_is_an_error_and_leaves_the_store_free(tmp_path: Path) -> None:
    store = {"store_type": StoreType.SQLITE, "store_path": tmp_path / "store"}
    with WebRunner(config()) as taken:
        port = int(taken.url.rpartition(":")[2])
        web = WebServiceConfig(port=port)
        with pytest.raises(OSError, match="in use"):
            WebRunner(WebRunnerConfig(web_service=web, **store)).start()  # type: ignore[arg-type]
    with WebRunner(config(**store)) as runner:
        assert health(runner) == {"status": "healthy"}


def test_a_wrong_endpoint_is_an_error() -> None:
    with pytest.raises(InvalidParameterValueError):
        WebRunner(config(lambda_endpoint="nowhere")).start()
