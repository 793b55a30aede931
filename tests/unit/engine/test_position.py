"""A position counts as if it were made anew from its tokens, whatever happened to it before."""

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.graph import Graph
from flows.engine.machine import Machine
from flows.engine.planner import Ended, Event, Failed, Finished
from flows.engine.position import ARRIVED, SPENT, Position, TokenView
from tests.unit.engine.graphs import graph

STEPS = ("a", "b", "join")
tokens = st.builds(
    TokenView,
    st.integers(-3, 6),
    st.sampled_from(STEPS),
    st.sampled_from(["a.done", "b.done", f"{SPENT}a.done"]),
    st.sampled_from(["ready", "running", "waiting", "held", "failed", ARRIVED]),
)


def counts(position: Position) -> object:
    return (
        position.is_empty,
        position.is_stuck,
        sorted(position.moving),
        [sorted(position.parked(step)) for step in STEPS],
        [dict(position.came(step)) for step in STEPS],
        [sorted(token.id for token in position.elsewhere(step)) for step in STEPS],
        [position.standing([step]) for step in STEPS],
        [(mark.is_spent_mark if (mark := position.mark(step)) else None) for step in STEPS],
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(tokens, st.integers(-3, 6)), max_size=20))
def test_counts_kept_step_by_step_equal_those_counted_anew(changes: list[TokenView | int]) -> None:
    position = Position()
    for change in changes:
        if isinstance(change, TokenView):
            position.put(change)
        elif change in position.tokens:
            position.remove(change)
    assert counts(position) == counts(Position(position.tokens.values()))


def branching(count: int, mode: str) -> Graph:
    names = [f"b{n}" for n in range(count)]
    lines = [f"split -> {name}" for name in names] + [f"{name} -> meet" for name in names]
    return graph(*lines, "meet -> after", meet={"type": "join", "mode": mode})


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["all", "any"]),
    st.permutations(range(6)),
    st.sets(st.integers(0, 5)),
    st.data(),
)
def test_one_position_over_many_events_leads_where_one_for_each_event_does(
    mode: str, order: list[int], failing: set[int], data: st.DataObject
) -> None:
    kept, anew = Machine.start(branching(6, mode)), Machine.start(branching(6, mode))
    steps = ["split", *(f"b{n}" for n in order), "after"]
    ends = data.draw(st.booleans())
    for step in steps:
        anew.position = Position(anew.position.tokens.values())
        token = next((t for t in kept.ready() if t.step == step), None)
        if token is None:
            continue
        event: Event = Finished(token.id)
        if step[1:].isdecimal() and int(step[1:]) in failing:
            event = Ended(token.id) if ends else Failed(token.id)
        assert kept.step(event) == anew.step(event)
    assert (kept.status, dict(kept.tokens)) == (anew.status, dict(anew.tokens))


def test_a_branch_costs_the_same_in_a_run_of_many_as_in_one_of_few() -> None:
    looks = {count: looks_of_the_last_but_one(count) for count in (10, 300)}
    assert looks[300] == looks[10]


def looks_of_the_last_but_one(count: int) -> int:
    """Count the tokens that are looked at when a branch comes to the join, others being there."""
    machine = Machine.start(branching(count, "all"))
    machine.step(Finished(machine.ready()[0].id))
    for token in machine.ready()[2:]:
        machine.step(Finished(token.id))
    machine.position = looking = Looking(machine.position.tokens.values())
    looking.looks = 0
    machine.step(Finished(machine.ready()[0].id))
    return looking.looks


class Looking(Position):
    """Counts the tokens that the rules look at."""

    looks = 0

    def elsewhere(self, step: str):  # type: ignore[no-untyped-def]
        for token in super().elsewhere(step):
            self.looks += 1
            yield token
