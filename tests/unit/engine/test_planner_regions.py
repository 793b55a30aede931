"""The rules of regions, turns, rounds, threads and compensation, one by one."""

import pytest

from flows.engine.machine import Machine
from flows.engine.planner import Ended, Failed
from tests.unit.engine.graphs import graph
from tests.unit.engine.test_planner import at, finish, walk

SPLIT = ("a -> b", "a -> c")


def notes(machine: Machine, kind: str) -> list[str]:
    return [note.step for note in machine.notes if note.kind == kind]


# --- Cancel -------------------------------------------------------------------------------


def test_a_cancel_drops_what_stands_on_its_steps_and_goes_on() -> None:
    flow = graph(*SPLIT, "c -> x", "x -> z", x={"type": "cancel", "steps": ["b"]})
    machine = walk(flow, "a", "c")
    assert (at(machine), notes(machine, "step.cancelled")) == (["z"], ["b"])


def test_a_cancel_drops_what_is_parked_at_a_join_and_the_joins_mark() -> None:
    any_ = {"type": "join", "mode": "any"}
    flow = graph(
        "a -> b", "a -> c", "a -> d", "b -> j", "c -> j", "j -> k", "d -> x", "x -> z",
        j=any_, x={"type": "cancel", "steps": ["c", "j", "k"]},
    )  # fmt: skip
    machine = walk(flow, "a", "b", "d", "z")
    assert (machine.status, machine.tokens) == ("completed", {})


def test_a_cancel_releases_a_join_that_waited_for_what_it_dropped() -> None:
    flow = graph(
        "a -> b", "a -> c", "a -> d", "b -> j", "c -> j", "j -> y", "d -> x",
        j={"type": "join"}, x={"type": "cancel", "steps": ["c"]},
    )  # fmt: skip
    machine = walk(flow, "a", "b")
    assert at(machine) == ["c", "d", "j*"]
    finish(machine, "d")
    assert at(machine) == ["y"]


# --- Turns --------------------------------------------------------------------------------

TURN = {"type": "turn", "steps": ["b", "c"]}
TURNS = graph("a -> t", "a -> u", "t -> b", "u -> c", "b -> y", "c -> z", t=TURN, u=TURN)


def test_a_turn_lets_one_in_and_the_next_when_it_has_left() -> None:
    machine = walk(TURNS, "a")
    assert at(machine) == ["b", "u*"]
    finish(machine, "b")
    assert at(machine) == ["c", "y"]


def test_a_turn_is_free_again_when_the_path_inside_ends() -> None:
    machine = walk(TURNS, "a", "b.nowhere")
    assert at(machine) == ["c"]


def test_a_move_that_makes_room_is_not_plain() -> None:
    assert TURNS.plain_edge("b", "done") is None
    assert TURNS.plain_edge("c", "done") is None
    assert not TURNS.is_linear


def test_a_failure_inside_a_turn_keeps_the_others_out() -> None:
    machine = walk(TURNS, "a")
    machine.step(Failed(machine.ready()[0].id))
    assert (machine.status, at(machine)) == ("failed", ["b!", "u*"])


def test_a_turn_may_let_in_several() -> None:
    two = {**TURN, "at_once": 2}
    flow = graph(
        "a -> t", "a -> u", "a -> v", "t -> b", "u -> c", "v -> d",
        t=two, u=two, v={**two, "steps": ["b", "c", "d"]},
    )  # fmt: skip
    assert at(walk(flow, "a")) == ["b", "c", "v*"]


def test_a_join_waits_for_who_waits_for_a_turn() -> None:
    flow = graph(
        "a -> t", "a -> u", "t -> b", "u -> c", "b -> j", "c -> j", "j -> z",
        t=TURN, u=TURN, j={"type": "join"},
    )  # fmt: skip
    machine = walk(flow, "a", "b")
    assert at(machine) == ["c", "j*"]
    finish(machine, "c")
    assert at(machine) == ["z"]


# --- Threads and rounds -------------------------------------------------------------------


def test_a_join_of_threads_counts_arrivals_by_one_path() -> None:
    flow = graph(
        "a.x -> b", "a.y -> b", "b -> j", "j -> z", j={"type": "join", "mode": "threads", "n": 2}
    )
    machine = Machine.start(flow)
    finish(machine, "a", "x", "y")
    finish(machine, "b")
    assert at(machine) == ["b", "j*"]
    finish(machine, "b")
    assert at(machine) == ["z"]


def test_a_join_of_threads_without_a_number_takes_all_that_can_come() -> None:
    flow = graph("a.x -> b", "a.y -> b", "b.more -> b", "b -> j", "j -> z",
                 j={"type": "join", "mode": "threads"}, b={"max_visits": 9})  # fmt: skip
    machine = Machine.start(flow)
    finish(machine, "a", "x", "y")
    finish(machine, "b", "done", "more")
    finish(machine, "b")
    assert at(machine) == ["b", "j*", "j*"]
    finish(machine, "b")
    assert (at(machine), len(notes(machine, "join.fired"))) == (["z"], 1)


def test_a_join_of_threads_can_cancel_the_rest_parked_ones_too() -> None:
    join = {"type": "join", "mode": "threads", "n": 2, "cancel_others": True}
    flow = graph("a -> b", "a -> c", "a -> d", "b -> j", "c -> j", "d -> j", "j -> z", j=join)
    machine = walk(flow, "a", "b", "d")
    assert (at(machine), notes(machine, "step.cancelled")) == (["z"], ["c"])


def test_a_join_of_threads_cancels_the_rest_of_the_same_path() -> None:
    join = {"type": "join", "mode": "threads", "n": 2, "cancel_others": True}
    flow = graph("a.x -> b", "a.y -> b", "a.z -> b", "b -> j", "j -> z", j=join)
    machine = Machine.start(flow)
    finish(machine, "a", "x", "y", "z")
    finish(machine, "b")
    finish(machine, "b")
    assert (at(machine), notes(machine, "step.cancelled")) == (["z"], ["b"])


@pytest.mark.parametrize(("blocking", "after"), [(True, ["c", "j*"]), (False, ["c", "k"])])
def test_a_blocking_join_holds_the_next_round_back(blocking: bool, after: list[str]) -> None:
    flow = graph(
        "s -> a", "a -> b", "a -> c", "b -> j", "c -> j", "j -> k", "k.again -> b",
        j={"type": "join", "mode": "any", "blocking": blocking}, b={"max_visits": 3},
    )  # fmt: skip
    assert at(walk(flow, "s", "a", "b", "k.again", "b")) == after


def test_a_blocking_join_goes_on_when_the_rest_of_its_round_can_no_longer_come() -> None:
    flow = graph(
        "s -> a", "a -> b", "a -> c", "b -> j", "c.x -> j", "j -> k", "k.again -> b",
        j={"type": "join", "mode": "any", "blocking": True}, b={"max_visits": 3},
    )  # fmt: skip
    assert at(walk(flow, "s", "a", "b", "k.again", "b", "c.away")) == ["k"]


# --- Undo ---------------------------------------------------------------------------------


def test_compensation_goes_through_what_was_done_newest_first_and_comes_back() -> None:
    flow = graph("a -> b", "b -> x", "x -> z", a={"compensate": "ua"}, b={"compensate": "ub"},
                 ua={}, ub={}, x={"type": "compensate"})  # fmt: skip
    machine = walk(flow, "a", "b")
    assert at(machine) == ["ub"]
    finish(machine, "ub")
    assert at(machine) == ["ua"]
    finish(machine, "ua")
    assert at(machine) == ["z"]


def test_a_join_waits_for_a_token_that_undoes() -> None:
    flow = graph("s -> a", "s -> b", "a -> x", "x -> j", "b -> j", "j -> z",
                 a={"compensate": "ua"}, ua={}, x={"type": "compensate"},
                 j={"type": "join"})  # fmt: skip
    machine = walk(flow, "s", "a", "b")
    assert at(machine) == ["j*", "ua"]
    finish(machine, "ua")
    assert at(machine) == ["z"]


def test_two_compensations_in_one_move_undo_once() -> None:
    flow = graph("a -> x", "a -> y", "x -> z", a={"compensate": "ua"}, ua={},
                 x={"type": "compensate"}, y={"type": "compensate"})  # fmt: skip
    machine = walk(flow, "a")
    assert at(machine) == ["ua"]
    finish(machine, "ua")
    assert at(machine) == ["z"]


def test_terminate_ends_what_waits_for_its_turn_too() -> None:
    flow = graph(
        "a -> t", "a -> u", "a -> e", "t -> b", "u -> c", t=TURN, u=TURN, e={"type": "end"}
    )
    machine = walk(flow, "a")
    end = next(token for token in machine.ready() if token.step == "e")
    machine.step(Ended(end.id, "stopped", terminate=True))
    assert (machine.status, machine.tokens) == ("completed", {})
