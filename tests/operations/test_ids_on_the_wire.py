"""The worked examples of operation ids, through real handlers: what the official SDK uses."""

from __future__ import annotations

from typing import Any

import pytest
from answers import succeeded
from fake_service import FakeService, recorded
from flavours import Flavour

from aws_durable_execution_sdk_python.config import (
    ChildConfig,
    MapConfig,
    NestingType,
    ParallelConfig,
)

ROOT_1 = "1ced8f5be2db23a6513eba4d819c73806424748a7bc6fa0d792cc1c7d1775a97"
CHILD_2 = "c5faca15ac2f93578b39ef4b6bbb871bdedce4ddd584fd31f0bb66fade3947e6"
CHILD_2_STEP = "9b9a566e6a3acb025bf1e7f9316f877f4def1a4320ddf2c8674e0fa6ceea6d64"
MAP_3 = "6f760b9e9eac89f07ab0223b0f4acb04d1e355d893a1b86a83f4d4b405adee99"
MAP_3_BRANCH_0 = "be82df04f8b607cccfb1de6e9f6c5b80247cdf7c7941921dc5c5560d636e942e"
MAP_3_STEP = "8ca92aecc8656af9d6eabcef467216e8dc899889f5941402df1335bb7b69397a"
FLAT_4 = "e8e70dc170e14333627b32c20ac6051fb9b6bd369c036afbaca2d9cd7ac3de65"
FLAT_4_STEP = "e316db0e4f1dbb10e722cb7c7ff8972b085a9d13a166947330916dafaa81ebe7"
VIRTUAL_5_STEP = "70094a1a60f6b8119401f5640e26deba1acf542e91656d6a4be62d3a290c8d17"
CALLBACK_6 = "415d5dda0fdb010b04522566a2cb59ca4e71fbc44e39636a82bfcab620e4a054"
SUBMITTER_6 = "3ad05123560e375d1e8768c70aecd01a16a41aa0189a4497bf0305dfe5d753db"


async def all_examples(event: Any, ctx: Any) -> Any:
    async def step_in(child: Any, *_: Any) -> Any:
        return await child.step(lambda: None, name=_name(_))

    await ctx.step(lambda: None, name="root 1")
    await ctx.run_in_child_context(step_in, "child 2")
    await ctx.map(["only"], step_in, "map 3", MapConfig())
    flat: ParallelConfig[Any] = ParallelConfig(nesting_type=NestingType.FLAT, max_concurrency=1)
    await ctx.parallel([_nothing, step_in], "flat 4", flat)
    await ctx.run_in_child_context(step_in, "virtual 5", ChildConfig(is_virtual=True))
    await ctx.wait_for_callback(lambda callback_id: None, "callback 6")


async def _nothing(child: Any) -> None:
    """A branch without operations."""


def _name(arguments: tuple[Any, ...]) -> str | None:
    return "in map" if arguments else "inside"


@pytest.fixture
def identities(flavour: Flavour) -> dict[str, Any]:
    """(name, parent) by id of everything that was started."""
    service = FakeService()
    service.invoke(flavour.durable(all_examples))
    return {
        u["Id"]: (u.get("Name"), u.get("ParentId"))
        for u in service.updates
        if u["Action"] == "START"
    }


@pytest.mark.parametrize(
    ("operation_id", "identity"),
    [
        (ROOT_1, ("root 1", None)),
        (CHILD_2, ("child 2", None)),
        (CHILD_2_STEP, ("inside", CHILD_2)),
        (MAP_3, ("map 3", None)),
        (MAP_3_BRANCH_0, ("map-item-0", MAP_3)),
        (MAP_3_STEP, ("in map", MAP_3_BRANCH_0)),
        (FLAT_4, ("flat 4", None)),
        (FLAT_4_STEP, ("inside", FLAT_4)),
        (VIRTUAL_5_STEP, ("inside", None)),
    ],
)
def test_ids_and_parents(identities: Any, operation_id: str, identity: Any) -> None:
    assert identities[operation_id] == identity


def test_wait_for_callback_takes_one_number_and_two_inside(identities: Any) -> None:
    names = {i: name for i, (name, _) in identities.items()}
    assert names[CALLBACK_6] == "callback 6 create callback id"
    assert names[SUBMITTER_6] == "callback 6 submitter"


def test_an_execution_that_the_official_sdk_began_goes_on(flavour: Flavour) -> None:
    """What it recorded is found again; only what is new is run."""
    service = FakeService(
        recorded("STEP", "SUCCEEDED", 1, "first", Result='{"t":"m","v":{"a":{"t":"i","v":1}}}'),
        recorded("WAIT", "SUCCEEDED", 2),
        recorded("CONTEXT", "STARTED", 3, "group"),
        recorded("STEP", "SUCCEEDED", (3, 1), "inner", Result='"done"'),
    )

    async def group(ctx: Any) -> Any:
        inner = await ctx.step(lambda: "never", name="inner")
        return [inner, await ctx.step(lambda: "new", name="new")]

    async def handler(event: Any, ctx: Any) -> Any:
        first = await ctx.step(lambda: "never", name="first")
        await ctx.wait(seconds=5)
        return [first, *await ctx.run_in_child_context(group, "group")]

    assert service.invoke(flavour.durable(handler)) == succeeded([{"a": 1}, "done", "new"])
    assert service.trace == ["STEP START new", "STEP SUCCEED new", "CONTEXT SUCCEED group"]
