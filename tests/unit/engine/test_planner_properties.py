"""Whatever the order in which steps complete, a run ends alike, and no token is lost."""

from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.engine.graph import Graph
from flows.engine.machine import Machine
from flows.engine.planner import Ended, Failed, Finished
from tests.unit.engine.graphs import graph


@st.composite
def blocks(
    draw: st.DrawFn, depth: int = 0, prefix: str = "s"
) -> tuple[list[str], dict[str, Any], str, str]:
    """Draw a block with one entry and one exit: (edge lines, step configs, entry, exit)."""
    kind = draw(
        st.sampled_from(["step"] if depth >= 3 else ["step", "sequence", "parallel", "choice"])
    )
    if kind == "step":
        return [], {prefix: {}}, prefix, prefix
    count = draw(st.integers(2, 3))
    parts = [draw(blocks(depth + 1, f"{prefix}_{n}")) for n in range(count)]
    lines = [line for part in parts for line in part[0]]
    steps = {name: config for part in parts for name, config in part[1].items()}
    if kind == "sequence":
        for before, after in pairwise(parts):
            lines.append(f"{before[3]} -> {after[2]}")
        return lines, steps, parts[0][2], parts[-1][3]
    split, join = f"{prefix}_split", f"{prefix}_join"
    steps |= {split: {}, join: {"type": "join", "mode": "all"}}
    for n, part in enumerate(parts):
        port = "done" if kind == "parallel" else f"p{n}"
        lines += [f"{split}.{port} -> {part[2]}", f"{part[3]} -> {join}"]
    return lines, steps, split, join


@st.composite
def flows(draw: st.DrawFn) -> tuple[Graph, dict[str, str]]:
    lines, steps, _, _ = draw(blocks())
    flow = graph(*lines, **steps)
    chosen = {
        step: draw(st.sampled_from(sorted({e.port for e in flow.edges if e.source == step})))
        for step in flow.nodes
        if any(edge.source == step for edge in flow.edges)
    }
    # Some steps fail, some paths end early: the joins behind them must cope.
    for step in draw(st.sets(st.sampled_from(sorted(flow.nodes)), max_size=2)):
        if step in chosen and flow.nodes[step].join is None:
            chosen[step] = draw(st.sampled_from(["nowhere", "!fail"]))
    return flow, chosen


def play(flow: Graph, ports: dict[str, str], data: st.DataObject) -> tuple[Machine, Counter[str]]:
    machine, visits = Machine.start(flow), Counter[str]()
    while ready := machine.ready():
        token = data.draw(st.sampled_from(ready), label="next")
        visits[token.step] += 1
        port = ports.get(token.step, "done")
        machine.step(Failed(token.id) if port == "!fail" else Finished(token.id, (port,)))
        assert machine.status == "running" or not machine.ready()
    return machine, visits


@settings(max_examples=300, deadline=None)
@given(flows(), st.data())
def test_the_order_of_completions_does_not_change_how_a_run_ends(
    drawn: tuple[Graph, dict[str, str]], data: st.DataObject
) -> None:
    flow, ports = drawn
    first, visits = play(flow, ports, data)
    second, again = play(flow, ports, data)
    assert first.status == second.status != "running"
    assert visits == again
    assert sorted((t.step, t.state) for t in first.tokens.values()) == sorted(
        (t.step, t.state) for t in second.tokens.values()
    )


@settings(max_examples=200, deadline=None)
@given(flows(), st.data())
def test_no_step_of_a_block_runs_twice_and_none_that_is_due_is_left_out(
    drawn: tuple[Graph, dict[str, str]], data: st.DataObject
) -> None:
    flow, ports = drawn
    if any(port in {"nowhere", "!fail"} for port in ports.values()):
        return
    machine, visits = play(flow, ports, data)
    assert machine.status == "completed"
    assert max(visits.values()) == 1
    due = _find_reached(flow, ports)
    assert set(visits) == {step for step in due if flow.nodes[step].join is None}


def _find_reached(flow: Graph, ports: dict[str, str]) -> set[str]:
    todo, seen = list(flow.starts), set[str]()
    while todo:
        step = todo.pop()
        if step not in seen:
            seen.add(step)
            port = "done" if flow.nodes[step].join else ports.get(step, "done")
            todo += [edge.target for edge in flow.exits(step, port)]
    return seen


def test_a_run_whose_only_token_ends_is_completed() -> None:
    machine = Machine.start(graph(e={"type": "end"}))
    machine.step(Ended(machine.ready()[0].id, "done"))
    assert machine.status == "completed"
