"""Which places an exploration tries: each by its own name, whatever else there is."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from aws_durable_execution_sdk_python_testing._exploration import CrashPoint, Moment
from aws_durable_execution_sdk_python_testing._exploration.crash_points import Place
from aws_durable_execution_sdk_python_testing._exploration.exploring import sampled

PLACES = st.builds(
    Place,
    st.sampled_from(Moment),
    st.sampled_from(["", "child"]),
    st.sampled_from(["charge", "refund", "pack"]),
    st.sampled_from(["", "START", "SUCCEED"]),
    st.integers(1, 3),
)
SETS = st.lists(PLACES, min_size=1, unique=True)
SEEDS = st.integers()


def label(place: Place) -> CrashPoint:
    execution, operation = place.execution, place.operation_id
    name = f"{execution}: {operation}" if execution else operation
    return CrashPoint(place.moment, name, place.action, place.number)


@given(SETS, SEEDS, st.randoms())
def test_the_order_in_which_places_were_come_by_changes_nothing(
    places: list[Place], seed: int, chance: random.Random
) -> None:
    shuffled = chance.sample(places, len(places))
    assert sampled(shuffled, label, seed) == sampled(places, label, seed)
    assert set(sampled(places, label, seed)) == set(places)


@given(SETS, SEEDS, PLACES, st.integers(1, 5))
def test_a_place_that_comes_or_goes_changes_one_of_the_choice_at_most(
    places: list[Place], seed: int, other: Place, samples: int
) -> None:
    without = sampled([place for place in places if place != other], label, seed)
    with_it = sampled([*dict.fromkeys([*places, other])], label, seed)
    assert [place for place in with_it if place != other] == without
    assert len(set(with_it[:samples]) - set(without[:samples])) <= 1
    assert len(set(without[:samples]) - set(with_it[:samples])) <= 1


def test_seeds_give_orders_of_their_own() -> None:
    places = [Place(Moment.AFTER_BODY, "", f"step-{n}", "", 1) for n in range(20)]
    orders = {tuple(sampled(places, label, seed)) for seed in range(10)}
    assert len(orders) == 10


def test_a_seed_means_the_same_in_every_process() -> None:
    """What a failure of a build names can be tried again elsewhere."""
    places = [Place(Moment.AFTER_BODY, "", f"step-{n}", "", 1) for n in range(5)]
    chosen = [place.operation_id for place in sampled(places, label, 1)]
    assert chosen == ["step-1", "step-4", "step-0", "step-2", "step-3"]
