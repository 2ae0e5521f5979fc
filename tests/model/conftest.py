"""What the random programs need of pytest."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from model_http import serving

# Of a failed comparison both sides are wanted.
pytest.register_assert_rewrite("model_machine", "model_run")


@pytest.fixture(autouse=True)
def _many_faults() -> Iterator[None]:
    """Without the warning of each injected fault: the failing program's print-out has its plan."""
    logger = logging.getLogger("aws_durable_execution_sdk_python_testing.faults")
    logger.setLevel(logging.ERROR)
    yield
    logger.setLevel(logging.NOTSET)


@pytest.fixture(scope="module", autouse=True)
def _service() -> Iterator[None]:
    """Programs whose plan says so call the service over HTTP."""
    with serving():
        yield
