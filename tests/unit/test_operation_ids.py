"""Operation ids, checked against those the official SDK was seen to use."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from aws_durable_execution_sdk_python._core.ids import IdSequence, operation_id

ROOT_1 = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"
ROOT_2 = "c5faca15ac2f93578b39ef4b6bbb871bdedce4ddd584fd31f0bb66fade3947e6"
ROOT_3 = "6f760b9e9eac89f07ab0223b0f4acb04d1e355d893a1b86a83f4d4b405adee99"
ROOT_4 = "e8e70dc170e14333627b32c20ac6051fb9b6bd369c036afbaca2d9cd7ac3de65"


def test_root_operations_count_from_one() -> None:
    ids = IdSequence()
    assert [ids.take() for _ in range(4)] == [ROOT_1, ROOT_2, ROOT_3, ROOT_4]


def test_operations_of_a_child_context_use_its_id_as_prefix() -> None:
    assert (
        IdSequence(ROOT_2).take()
        == "9b9a566e6a3acb025bf1e7f9316f877f4def1a4320ddf2c8674e0fa6ceea6d64"
    )


def test_branches_count_from_zero_and_operations_in_them_from_one() -> None:
    branch = operation_id(ROOT_3, 0)
    assert branch == "be82df04f8b607cccfb1de6e9f6c5b80247cdf7c7941921dc5c5560d636e942e"
    assert (
        IdSequence(branch).take()
        == "8ca92aecc8656af9d6eabcef467216e8dc899889f5941402df1335bb7b69397a"
    )


def test_an_operation_in_a_flat_branch_uses_the_branch_id_that_is_never_written() -> None:
    assert (
        IdSequence(operation_id(ROOT_4, 1)).take()
        == "e316db0e4f1dbb10e722cb7c7ff8972b085a9d13a166947330916dafaa81ebe7"
    )


def test_an_operation_in_a_virtual_child_uses_the_id_of_the_child() -> None:
    assert (
        IdSequence(operation_id(None, 5)).take()
        == "70094a1a60f6b8119401f5640e26deba1acf542e91656d6a4be62d3a290c8d17"
    )


def test_wait_for_callback_is_a_child_with_callback_one_and_submitter_two() -> None:
    ids = IdSequence(operation_id(None, 6))
    assert [ids.take(), ids.take()] == [
        "415d5dda0fdb010b04522566a2cb59ca4e71fbc44e39636a82bfcab620e4a054",
        "3ad05123560e375d1e8768c70aecd01a16a41aa0189a4497bf0305dfe5d753db",
    ]


def test_peek_tells_the_next_id_without_taking_it() -> None:
    ids = IdSequence()
    assert (ids.peek(), ids.count, ids.take(), ids.count) == (ROOT_1, 0, ROOT_1, 1)


@given(st.none() | st.just(ROOT_1), st.integers(0, 10_000))
@settings(deadline=None)
def test_an_id_fits_the_service_pattern(prefix: str | None, n: int) -> None:
    text = operation_id(prefix, n)
    assert len(text) == 64
    assert set(text) <= set("0123456789abcdef")
