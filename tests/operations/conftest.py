"""Every test that asks for a flavour runs both ways."""

from __future__ import annotations

import pytest
from flavours import FLAVOURS, Flavour


@pytest.fixture(params=FLAVOURS, ids=str)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    chosen: Flavour = request.param
    return chosen


@pytest.fixture(autouse=True)
def default_compatibility(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DURABLE_EXECUTION_COMPAT", raising=False)
