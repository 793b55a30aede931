"""How much of a worker each lane may fill."""

import pytest

from flows.engine.lanes import PRIORITY, Lane, Room, lane_of, room_for

URGENT, STANDARD, BULK = (PRIORITY[lane] for lane in Lane)


@pytest.mark.parametrize("lane", list(Lane))
def test_the_priority_of_a_lane_is_in_the_lane(lane: Lane) -> None:
    assert lane_of(PRIORITY[lane]) is lane


def test_bulk_fills_an_idle_worker_but_for_what_is_kept_for_the_lanes_above() -> None:
    assert room_for(64, []) == Room(48)
    assert room_for(64, [BULK] * 48) == Room(8, below=150)


def test_standard_leaves_room_for_interactive() -> None:
    assert room_for(64, [STANDARD] * 56) == Room(8, below=50)
    assert room_for(64, [BULK] * 48 + [STANDARD] * 8) == Room(8, below=50)


def test_interactive_may_fill_the_whole_worker() -> None:
    assert room_for(64, [URGENT] * 63) == Room(1)
    assert room_for(64, [URGENT] * 64).tokens == 0


def test_a_worker_that_was_slowed_down_claims_nothing_until_it_has_room() -> None:
    assert room_for(4, [BULK] * 48).tokens == 0


def test_a_worker_with_very_few_places_keeps_none_free() -> None:
    assert room_for(1, []) == Room(1)
    assert room_for(2, [BULK]) == Room(1)
