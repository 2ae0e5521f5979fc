"""What the modules about suspension share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from aws_durable_execution_sdk_python._lambda.pool import close_idle_environments


@pytest.fixture(scope="module")
def left_open() -> Iterator[None]:
    """For programs that are suspended with connections open: closes what they left, at the end.

    Modules that use it ignore the warnings about it.
    """
    yield
    close_idle_environments()
    gc.collect()
