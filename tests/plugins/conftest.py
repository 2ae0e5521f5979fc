"""Both ways to run a handler, and an environment without plugins and without a trace."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "operations"))

from flavours import FLAVOURS, Flavour


@pytest.fixture(params=FLAVOURS, ids=str)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DURABLE_EXECUTION_COMPAT", "DURABLE_EXECUTION_PLUGINS", "_X_AMZN_TRACE_ID"):
        monkeypatch.delenv(name, raising=False)
