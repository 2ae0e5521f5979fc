"""The table of docs/values.md names every type there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from aws_durable_execution_sdk_python._core.values.scalars import TEXT_TYPES

TEXT = (Path(__file__).parents[2] / "docs" / "values.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cls", TEXT_TYPES, ids=lambda cls: cls.__name__)
def test_the_table_names_the_type(cls: type) -> None:
    table = TEXT[TEXT.index("## The types") :]
    assert f"`{cls.__name__}`" in table
