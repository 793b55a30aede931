"""The rules of the token game, one by one."""

import pytest

from flows.engine.errors import EngineError
from flows.engine.graph import Graph
from flows.engine.machine import Machine
from flows.engine.planner import Ended, Failed, Finished
from tests.unit.engine.graphs import graph


def list_positions(machine: Machine) -> list[str]:
    """Return the steps that have a live token, sorted, parked ones marked."""
    return sorted(
        token.step + ("*" if token.state == "arrived" else "!" if token.state == "failed" else "")
        for token in machine.tokens.values()
        if not token.is_spent_mark
    )


def finish(machine: Machine, step: str, *ports: str) -> None:
    token = next(token for token in machine.ready() if token.step == step)
    machine.step(Finished(token.id, ports or ("done",)))


def walk(flow: Graph, *moves: str) -> Machine:
    machine = Machine.start(flow)
    for move in moves:
        step, _, port = move.partition(".")
        finish(machine, step, port or "done")
    return machine


def test_a_run_starts_on_every_step_nothing_leads_to() -> None:
    assert list_positions(walk(graph("a -> b", "c -> b"))) == ["a", "c"]


def test_a_sequence_moves_one_token_and_completes() -> None:
    machine = walk(graph("a -> b"), "a")
    assert list_positions(machine) == ["b"]
    finish(machine, "b")
    assert (machine.status, machine.tokens) == ("completed", {})


def test_a_branch_leaves_by_one_port() -> None:
    assert list_positions(walk(graph("a.yes -> b", "a.no -> c"), "a.no")) == ["c"]


def test_an_inclusive_branch_leaves_by_several_ports() -> None:
    machine = Machine.start(graph("a.x -> b", "a.y -> c", "a.z -> d"))
    finish(machine, "a", "x", "z")
    assert list_positions(machine) == ["b", "d"]


def test_a_split_puts_a_token_on_every_edge_of_the_port() -> None:
    assert list_positions(walk(graph("a -> b", "a -> c", "a -> d"), "a")) == ["b", "c", "d"]


JOIN_ALL = {"type": "join", "mode": "all"}


def test_a_join_of_all_waits_for_every_live_branch() -> None:
    flow = graph("a -> b", "a -> c", "b -> j", "c -> j", "j -> z", j=JOIN_ALL)
    machine = walk(flow, "a", "b")
    assert list_positions(machine) == ["c", "j*"]
    finish(machine, "c")
    assert list_positions(machine) == ["z"]


def test_a_join_of_all_does_not_wait_for_a_branch_that_went_elsewhere() -> None:
    flow = graph("a -> b", "a -> c", "b -> j", "c.here -> j", "c.away -> d", "j -> z", j=JOIN_ALL)
    machine = walk(flow, "a", "b", "c.away")
    assert list_positions(machine) == ["d", "z"]


def test_a_join_of_all_does_not_wait_for_a_branch_that_ended() -> None:
    flow = graph("a -> b", "a -> c", "b -> j", "c.here -> j", "j -> z", j=JOIN_ALL)
    assert list_positions(walk(flow, "a", "b", "c.nowhere")) == ["z"]


def test_a_join_of_all_after_a_branch_needs_only_the_chosen_input() -> None:
    flow = graph("a.x -> b", "a.y -> c", "b -> j", "c -> j", "j -> z", j=JOIN_ALL)
    assert list_positions(walk(flow, "a.x", "b")) == ["z"]


def test_a_join_of_any_fires_once_and_absorbs_the_rest() -> None:
    flow = graph(
        "a -> b", "a -> c", "b -> j", "c -> j", "j -> z", j={"type": "join", "mode": "any"}
    )
    machine = walk(flow, "a", "c")
    assert list_positions(machine) == ["b", "z"]
    finish(machine, "b")
    assert list_positions(machine) == ["z"]
    finish(machine, "z")
    assert (machine.status, machine.tokens) == ("completed", {})


def test_a_join_of_any_can_cancel_the_others() -> None:
    join = {"type": "join", "mode": "any", "cancel_others": True}
    flow = graph("a -> b", "a -> c", "b -> j", "c -> d", "d -> j", "j -> z", j=join)
    machine = walk(flow, "a", "b")
    assert list_positions(machine) == ["z"]
    assert [note.step for note in machine.notes if note.kind == "step.cancelled"] == ["c"]


def test_a_join_of_any_fires_again_in_the_next_round_of_a_loop() -> None:
    # The loop's head has an edge into it, so the run starts before it.
    flow = graph(
        "s -> a", "a -> b", "a -> c", "b -> j", "c -> j", "j -> k", "k.again -> a", "k.out -> z",
        j={"type": "join", "mode": "any"}, a={"max_visits": 3},
    )  # fmt: skip
    machine = walk(flow, "s", "a", "b", "c", "k.again", "a", "c", "b", "k.out", "z")
    assert machine.status == "completed"


def test_a_join_of_two_out_of_three() -> None:
    join = {"type": "join", "mode": "count", "n": 2}
    flow = graph("a -> b", "a -> c", "a -> d", "b -> j", "c -> j", "d -> j", "j -> z", j=join)
    machine = walk(flow, "a", "b")
    assert list_positions(machine) == ["c", "d", "j*"]
    finish(machine, "d")
    assert list_positions(machine) == ["c", "z"]
    finish(machine, "c")
    finish(machine, "z")
    assert machine.status == "completed"


def test_a_join_that_can_no_longer_be_met_fails_the_run() -> None:
    join = {"type": "join", "mode": "count", "n": 2}
    flow = graph("a -> b", "a -> c", "b -> j", "c.x -> j", "j -> z", j=join)
    assert walk(flow, "a", "b", "c.nowhere").status == "failed"


def test_two_joins_that_wait_for_one_another_are_released_in_document_order() -> None:
    flow = graph(
        "s -> a", "s -> b", "a -> j", "b -> k", "j -> k", "k -> j",
        j={"type": "join", "mode": "all"}, k={"type": "join", "mode": "count", "n": 2},
    )  # fmt: skip
    machine = walk(flow, "s", "a", "b")
    assert machine.status in {"completed", "failed"}


def test_joins_that_feed_one_another_without_a_step_are_refused() -> None:
    flow = graph("a -> j", "j -> j", j=JOIN_ALL)
    with pytest.raises(EngineError, match="without end"):
        walk(flow, "a")


def test_a_visit_past_the_limit_leaves_by_the_limit_port() -> None:
    flow = graph("s -> a", "a.again -> a", "a.limit -> z", a={"max_visits": 2})
    machine = walk(flow, "s", "a.again", "a.again")
    assert list_positions(machine) == ["z"]
    assert [note.kind for note in machine.notes] == ["limit.reached"]


def test_a_visit_past_the_limit_without_that_port_fails_the_run() -> None:
    machine = walk(graph("s -> a", "a.again -> a", a={"max_visits": 1}), "s", "a.again")
    assert (machine.status, list_positions(machine)) == ("failed", ["a!"])


def test_a_failure_leaves_by_the_error_port_if_an_edge_takes_it() -> None:
    machine = Machine.start(graph("a -> b", "a.error -> c"))
    machine.step(Failed(machine.ready()[0].id))
    assert (machine.status, list_positions(machine)) == ("running", ["c"])


def test_a_failure_without_that_edge_fails_the_run_when_nothing_else_can_move() -> None:
    machine = walk(graph("a -> b", "a -> c"), "a")
    machine.step(Failed(machine.ready()[0].id))
    assert (machine.status, list_positions(machine)) == ("running", ["b!", "c"])
    finish(machine, "c")
    assert (machine.status, list_positions(machine)) == ("failed", ["b!"])


def test_a_join_waits_behind_a_failed_branch() -> None:
    flow = graph("a -> b", "a -> c", "b -> j", "c -> j", "j -> z", j=JOIN_ALL)
    machine = walk(flow, "a", "b")
    machine.step(Failed(machine.ready()[0].id))
    assert (machine.status, list_positions(machine)) == ("failed", ["c!", "j*"])


def test_an_end_with_terminate_cancels_the_rest() -> None:
    flow = graph("a -> b", "a -> e", e={"type": "end", "outcome": "stopped"})
    machine = walk(flow, "a")
    end = next(token for token in machine.ready() if token.step == "e")
    machine.step(Ended(end.id, "stopped", terminate=True))
    assert (machine.status, machine.outcome, machine.tokens) == ("completed", "stopped", {})


def test_an_end_without_terminate_lets_the_other_branches_go_on() -> None:
    flow = graph("a -> b", "a -> e", e={"type": "end"})
    machine = walk(flow, "a")
    end = next(token for token in machine.ready() if token.step == "e")
    machine.step(Ended(end.id, "half"))
    assert (machine.status, list_positions(machine)) == ("running", ["b"])


def test_an_independent_edge_never_gives_up_an_input_that_a_join_waits_for() -> None:
    flow = graph("a -> b", "a -> c", "b -> j", "c.here -> j", "c.away -> d", "j -> z", j=JOIN_ALL)
    assert flow.find_independent_edge("c", "away") is None
    assert flow.find_independent_edge("b", "done") is None
    assert not flow.is_linear


def test_a_graph_without_splits_is_linear() -> None:
    flow = graph("a.x -> b", "a.y -> c", "b -> c")
    assert flow.is_linear
    assert flow.find_independent_edge("a", "x") is not None


def test_limits_that_lead_to_one_another_fail_the_run() -> None:
    lines = ("a -> b", "b -> b", "b.limit -> c", "c -> b", "c.limit -> b")
    machine = Machine.start(graph(*lines, b={"max_visits": 1}, c={"max_visits": 1}))
    for step in ("a", "b", "c"):
        finish(machine, step)
    assert machine.status == "failed"
