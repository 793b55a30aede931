"""What people returned for rework comes back to people before it goes where nobody decides.

The flows are drawn at random: whatever loops, forks, joins and limits they have, no path leads from
a case that was returned to an approval that no person gave since.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.graph import Graph, Kind
from flows.engine.machine import Machine
from flows.engine.planner import Ended, Event, Failed, Finished
from flows.engine.position import TokenView
from tests.unit.engine.graphs import graph
from tests.unit.engine.test_planner import finish, list_positions

REVIEW = {"type": "case"}
LOOP = (
    "begin -> prepare", "prepare -> score", "prepare -> fraud", "score -> checked",
    "fraud -> checked", "checked -> route", "route.approve -> settle", "route.unsure -> review",
    "review.approved -> settle", "review.rework -> prepare", "prepare.limit -> referred",
    "settle -> settled",
)  # fmt: skip


def loan(**review: Any) -> Graph:
    return graph(
        *LOOP, prepare={"max_visits": 4}, checked={"type": "join"}, review={**REVIEW, **review},
        settled={"type": "end"}, referred={"type": "end"},
    )  # fmt: skip


def play(machine: Machine, *moves: str) -> list[str]:
    for move in moves:
        step, _, port = move.partition(".")
        finish(machine, step, port or "done")
    return list_positions(machine)


ROUND = ("prepare", "score", "fraud")


def test_a_returned_case_comes_back_to_people_where_policy_would_approve_it() -> None:
    machine = Machine.start(loan())
    play(machine, "begin", *ROUND, "route.unsure", "review.rework")
    assert play(machine, *ROUND, "route.approve") == ["review"]
    assert [(n.step, n.port, n.data) for n in machine.notes if n.kind == "rework.came_back"] == [
        ("route", "approve", {"to": "review"})
    ]
    assert play(machine, "review.approved") == ["settle"]


def test_policy_approves_what_nobody_returned() -> None:
    machine = Machine.start(loan())
    assert play(machine, "begin", *ROUND, "route.approve") == ["settle"]


def test_the_flow_may_say_that_a_returned_case_goes_on_alone() -> None:
    machine = Machine.start(loan(after_rework=["settle"]))
    play(machine, "begin", *ROUND, "route.unsure", "review.rework")
    assert play(machine, *ROUND, "route.approve") == ["settle"]


def test_a_limit_does_not_lead_round_people_unless_the_flow_says_so() -> None:
    rounds = [*ROUND, "route.unsure", "review.rework"] * 4
    machine = Machine.start(loan())
    assert play(machine, "begin", *rounds) == ["review"]
    machine = Machine.start(loan(after_rework=["referred"]))
    assert play(machine, "begin", *rounds) == ["referred"]


def test_a_path_that_ends_without_an_edge_comes_back_too() -> None:
    flow = graph(
        "a -> b", "b.unsure -> review", "review.rework -> b", review=REVIEW, b={"max_visits": 9}
    )
    machine = Machine.start(flow)
    play(machine, "a", "b.unsure", "review.rework")
    assert play(machine, "b.approve") == ["review"]


def test_another_person_who_decides_ends_the_rework() -> None:
    flow = graph(
        "a -> score", "score -> first", "first.rework -> score", "first.approved -> large",
        "large.yes -> second", "large.no -> settle", "second.approved -> settle",
        "second.rework -> score", first=REVIEW, second=REVIEW, score={"max_visits": 9},
    )  # fmt: skip
    machine = Machine.start(flow)
    play(machine, "a", "score", "first.approved", "large.yes", "second.rework", "score")
    assert play(machine, "first.approved", "large.no") == ["settle"]


def test_an_outcome_of_the_flows_own_that_leads_back_is_rework() -> None:
    lines = (
        "a -> route",
        "route.unsure -> review",
        "review.corrected -> route",
        "route.ok -> done",
    )
    machine = Machine.start(graph(*lines, review=REVIEW, route={"max_visits": 9}))
    play(machine, "a", "route.unsure", "review.corrected")
    assert play(machine, "route.ok") == ["review"]


def test_a_review_whose_visits_are_used_up_fails_instead_of_going_on_alone() -> None:
    lines = (
        "a -> route", "route.unsure -> review", "review.rework -> route", "route.ok -> settle",
        "review.limit -> settle",
    )  # fmt: skip
    machine = Machine.start(
        graph(*lines, review={**REVIEW, "max_visits": 1}, route={"max_visits": 9})
    )
    play(machine, "a", "route.unsure", "review.rework", "route.ok")
    assert machine.status == "failed"


# --- Flows drawn at random ------------------------------------------------------------------


@st.composite
def laundering_flows(draw: st.DrawFn) -> Graph:
    """Draw a flow in which policy may approve, and people may return what they got.

    Steps lead wherever they are drawn to, fail and stop; some are two branches and their join.
    """
    names = [f"s{n}" for n in range(draw(st.integers(2, 6)))]
    reviews = [f"review{n}" for n in range(draw(st.integers(1, 2)))]
    targets = st.sampled_from([*names, *reviews, "approve", "settle", "refuse"])
    lines = ["begin -> s0", "settle -> approve"]
    steps: dict[str, Any] = {"approve": {"type": "end"}, "refuse": {"type": "end"}}
    for name in names:
        steps[name] = {"max_visits": draw(st.integers(1, 4))}
        out = name
        if draw(st.booleans()):
            out = f"{name}_join"
            steps[out] = {"type": "join"}
            lines += [f"{name} -> {name}_{branch}" for branch in "ab"]
            lines += [f"{name}_{branch} -> {out}" for branch in "ab"]
            out = f"{name}_choice"
            lines += [f"{name}_join -> {out}"]
        for port in sorted(draw(st.sets(st.sampled_from(["p0", "p1", "error"]), min_size=1))):
            lines += [f"{out}.{port} -> {draw(targets)}"]
        lines += [f"{name}.limit -> {draw(targets)}"] if draw(st.booleans()) else []
    for name in reviews:
        steps[name] = {**REVIEW, "max_visits": draw(st.integers(2, 5))}
        lines += [f"{name}.rework -> {draw(st.sampled_from(names))}", f"{name}.rejected -> refuse"]
        lines += [f"{name}.approved -> {draw(st.sampled_from(['settle', *names, *reviews]))}"]
        lines += [f"{name}.limit -> {draw(targets)}"] if draw(st.booleans()) else []
    # So that the run begins at one place only.
    lines += [f"begin.never -> {name}" for name in (*steps, "settle")]
    return graph(*lines, **steps)


def draw_event(flow: Graph, token: TokenView, data: st.DataObject) -> Event:
    if flow.nodes[token.step].kind is Kind.END:
        return Ended(token.id, token.step)
    ports = sorted({e.port for e in flow.edges if e.source == token.step} - {"limit", "never"})
    port = data.draw(
        st.sampled_from([*ports, *([] if "done" in ports else ["nowhere"])]), label=token.step
    )
    return Failed(token.id) if port == "error" else Finished(token.id, (port,))


@settings(max_examples=100, deadline=None)
@given(flow=laundering_flows(), data=st.data())
def test_no_path_leads_from_rework_to_an_approval_without_people(
    flow: Graph, data: st.DataObject
) -> None:
    """Branches join again before anybody is asked: there is one matter, returned or not."""
    machine, returned = Machine.start(flow), False
    for _ in range(60):
        if not (ready := machine.ready()):
            # A run may end where no edge leads on, too.
            assert machine.status != "completed" or not returned or machine.outcome == "refuse"
            return
        token = data.draw(st.sampled_from(ready))
        event = draw_event(flow, token, data)
        if isinstance(event, Finished) and token.step.startswith("review"):
            returned = (token.step, event.ports[0]) in flow.rework.returning
        assert not (returned and isinstance(event, Ended))
        machine.step(event)
