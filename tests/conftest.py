"""How many random programs (tests/model, tests/replay_model) a run tries: profiles of Hypothesis.

Without `--hypothesis-profile` it is a few, the same each time. "thorough" runs ten times as many,
as continuous integration does. "nightly" runs as many as a night allows, others each night.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import botocore
import pytest
from botocore.loaders import JSONFileLoader
from hypothesis import settings

_BOTOCORE = os.path.dirname(botocore.__file__) + os.sep

# Every run tries the same examples; what a night finds besides is its business.
settings.register_profile("fixed", derandomize=True, print_blob=True)
settings.load_profile("fixed")
settings.register_profile("thorough", derandomize=True, print_blob=True)
settings.register_profile("nightly", print_blob=True)


@pytest.fixture(scope="session", autouse=True)
def _models_read_once() -> Iterator[None]:
    """Every botocore session reads and parses the same megabytes again: here the process does once.

    Only below botocore's own directory; what tests write there is none of it.
    """
    read = JSONFileLoader.load_file
    known: dict[str, Any] = {}

    def load_file(self: JSONFileLoader, file_path: str) -> Any:
        if not file_path.startswith(_BOTOCORE):
            return read(self, file_path)
        if file_path not in known:
            known[file_path] = read(self, file_path)
        return known[file_path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", load_file)
        yield
