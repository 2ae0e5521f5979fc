from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests: no profile of theirs is looked for, and time has its own pace."""
    for name in ("AWS_PROFILE", "AWS_DATA_PATH", "DURABLE_EXECUTION_TIME_SCALE"):
        monkeypatch.delenv(name, raising=False)
