"""Properties of whole walks: choices of several, joins that do not wait, loops, regions, turns.

Whatever is drawn and whatever the order of completions: tokens are neither lost nor doubled, every
walk ends, and where the rules promise one outcome there is one.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flows.engine.graph import Graph, Kind
from flows.engine.machine import Machine
from flows.engine.planner import Ended, Event, Failed, Finished
from flows.engine.position import TokenView
from tests.unit.engine.graphs import graph

KINDS = ("step", "sequence", "parallel", "inclusive", "any", "count", "threads", "loop", "region")
SAME_OUTCOME = ("step", "sequence", "parallel", "inclusive", "threads", "loop")
Block = tuple[list[str], dict[str, Any], str, str]
MOST_MOVES = 5_000


@st.composite
def blocks(draw: st.DrawFn, kinds: tuple[str, ...], depth: int = 0, prefix: str = "s") -> Block:
    """Draw a block with one entry and one exit: (edge lines, step configs, entry, exit)."""
    kind = draw(st.sampled_from(("step",) if depth >= 3 else kinds))
    if kind == "step":
        return [], {prefix: {}}, prefix, prefix
    parts = [draw(blocks(kinds, depth + 1, f"{prefix}_{n}")) for n in range(draw(_sizes(kind)))]
    lines = [line for part in parts for line in part[0]]
    steps = {name: config for part in parts for name, config in part[1].items()}
    inner = (parts, lines, steps, prefix)
    if kind == "sequence":
        lines += [f"{before[3]} -> {after[2]}" for before, after in pairwise(parts)]
        return lines, steps, parts[0][2], parts[-1][3]
    if kind == "loop":
        return _loop(*inner, limit=draw(st.integers(1, 3)))
    if kind == "region":
        return _region(*inner)
    return _fork(*inner, kind=kind, cancel=draw(st.booleans()), blocking=draw(st.booleans()))


def _sizes(kind: str) -> st.SearchStrategy[int]:
    return st.just(1) if kind == "loop" else st.just(2) if kind == "region" else st.integers(2, 3)


def _fork(
    parts: list[Block], lines: list[str], steps: dict[str, Any], prefix: str,
    *, kind: str, cancel: bool, blocking: bool,
) -> Block:  # fmt: skip
    split, join = f"{prefix}_split", f"{prefix}_join"
    config: dict[str, Any] = {"type": "join", "mode": "all"}
    if kind in {"any", "count"}:
        more = {"n": 2} if kind == "count" else {}
        config |= {"mode": kind, "cancel_others": cancel, "blocking": blocking, **more}
    elif kind == "threads":
        config["mode"] = "threads"
    steps |= {split: {}, join: config}
    for n, part in enumerate(parts):
        port = f"p{n}" if kind == "inclusive" else "done"
        lines += [f"{split}.{port} -> {part[2]}", f"{part[3]} -> {join}"]
    return lines, steps, split, join


def _loop(
    parts: list[Block], lines: list[str], steps: dict[str, Any], prefix: str, *, limit: int
) -> Block:
    """A head with a limit, a body that comes back to it, a way out by the limit."""
    head, out = f"{prefix}_head", f"{prefix}_out"
    steps |= {head: {"max_visits": limit}, out: {}}
    [body] = parts
    lines += [f"{head} -> {body[2]}", f"{body[3]} -> {head}", f"{head}.limit -> {out}"]
    return lines, steps, head, out


def _region(parts: list[Block], lines: list[str], steps: dict[str, Any], prefix: str) -> Block:
    """Two branches that race; whichever is through cancels what stands in the other."""
    split, ways = f"{prefix}_split", []
    steps |= {split: {}, f"{prefix}_out": {}}
    for n, part in enumerate(parts):
        other = parts[1 - n]
        stop = f"{prefix}_stop{n}"
        steps[stop] = {"type": "cancel", "steps": sorted(other[1])}
        ways.append(stop)
        lines += [f"{split} -> {part[2]}", f"{part[3]} -> {stop}", f"{stop} -> {prefix}_out"]
    return lines, steps, split, f"{prefix}_out"


@st.composite
def flows(draw: st.DrawFn, kinds: tuple[str, ...]) -> tuple[Graph, dict[str, tuple[str, ...]]]:
    """Draw a flow and, for each choice of several, the ports that it leaves by."""
    lines, steps, entry, _ = draw(blocks(kinds))
    # A loop's head has an edge into it: the run starts before it.
    flow = graph(*lines, f"begin -> {entry}", **steps)
    chosen = {}
    for step in flow.nodes:
        ports = sorted({e.port for e in flow.edges if e.source == step and e.port.startswith("p")})
        if ports:
            some = draw(st.sets(st.sampled_from(ports), min_size=1))
            chosen[step] = tuple(sorted(some))
    return flow, chosen


class Walk:
    """One walk of a machine, in an order that is drawn, with its tokens counted at each move."""

    def __init__(self, flow: Graph, ports: dict[str, tuple[str, ...]]) -> None:
        self.flow, self.ports = flow, ports
        self.machine, self.visits = Machine.start(flow), Counter[str]()

    def go(self, data: st.DataObject) -> "Walk":
        for _ in range(MOST_MOVES):
            ready = self.machine.ready()
            if not ready:
                return self
            token = data.draw(st.sampled_from(ready), label="next")
            self.move(token, self.event(token))
        raise AssertionError("The walk does not end.")

    def event(self, token: TokenView) -> Event:
        return Finished(token.id, self.ports.get(token.step, ("done",)))

    def move(self, token: TokenView, event: Event) -> None:
        self.visits[token.step] += 1
        before = set(self.machine.tokens)
        made = self.machine.step(event)
        after = set(self.machine.tokens)
        # Every token that went is one the plan dropped, every new one is one it placed.
        assert before - after == set(made.dropped)
        assert len(after - before) == sum(token_id < 0 for token_id in made.placed)
        assert len(made.dropped) == len(set(made.dropped))
        self.check()

    def check(self) -> None:
        machine = self.machine
        movable = [t for t in machine.tokens.values() if t.state == "ready"]
        assert all(self.flow.nodes[t.step].kind in {Kind.RUN, Kind.END} for t in movable)
        assert (machine.status == "running") == bool(movable)
        if machine.status == "completed":
            assert not machine.tokens


@settings(max_examples=120, deadline=None)
@given(flows(KINDS), st.data())
def test_every_walk_ends_and_no_token_is_lost_or_doubled(
    drawn: tuple[Graph, dict[str, tuple[str, ...]]], data: st.DataObject
) -> None:
    walk = Walk(*drawn).go(data)
    assert walk.machine.status in {"completed", "failed"}
    if walk.machine.status == "failed":
        # Only a join that counts can be left with too few; then something is parked there.
        starved = {t.step for t in walk.machine.tokens.values() if not t.is_spent_mark}
        assert starved
        assert all((rule := walk.flow.nodes[s].join) and rule.need for s in starved)


@settings(max_examples=120, deadline=None)
@given(flows(SAME_OUTCOME), st.data())
def test_without_a_race_the_order_changes_nothing(
    drawn: tuple[Graph, dict[str, tuple[str, ...]]], data: st.DataObject
) -> None:
    first, second = Walk(*drawn).go(data), Walk(*drawn).go(data)
    assert first.machine.status == second.machine.status == "completed"
    assert first.visits == second.visits


@settings(max_examples=80, deadline=None)
@given(flows(KINDS), st.data())
def test_a_walk_with_failures_ends_and_goes_on_from_where_it_failed(
    drawn: tuple[Graph, dict[str, tuple[str, ...]]], data: st.DataObject
) -> None:
    flow, ports = drawn
    fails = data.draw(st.sets(st.sampled_from(sorted(flow.nodes)), max_size=2), label="fails")

    class Failing(Walk):
        def event(self, token: TokenView) -> Event:
            return Failed(token.id) if token.step in fails else super().event(token)

    walk = Failing(flow, ports).go(data)
    assert walk.machine.status in {"completed", "failed"}
    assert all(t.state in {"failed", "arrived"} for t in walk.machine.tokens.values())


@settings(max_examples=80, deadline=None)
@given(flows(KINDS), st.data())
def test_an_end_with_terminate_leaves_nothing_wherever_it_comes(
    drawn: tuple[Graph, dict[str, tuple[str, ...]]], data: st.DataObject
) -> None:
    walk = Walk(*drawn)
    for _ in range(data.draw(st.integers(0, 8), label="moves")):
        ready = walk.machine.ready()
        assume(ready)
        token = data.draw(st.sampled_from(ready), label="next")
        walk.move(token, walk.event(token))
    ready = walk.machine.ready()
    assume(ready)
    walk.machine.step(Ended(ready[-1].id, "stopped", terminate=True))
    assert (walk.machine.status, walk.machine.tokens) == ("completed", {})


@settings(max_examples=50, deadline=None)
@given(st.integers(2, 5), st.integers(1, 3), st.data())
def test_a_turn_never_lets_in_more_than_its_number_and_every_token_passes(
    paths: int, at_once: int, data: st.DataObject
) -> None:
    region = [f"w{n}{part}" for n in range(paths) for part in "ab"]
    turn = {"type": "turn", "steps": region, "at_once": at_once}
    lines = [
        line
        for n in range(paths)
        for line in (f"s -> t{n}", f"t{n} -> w{n}a", f"w{n}a -> w{n}b", f"w{n}b -> j")
    ]
    flow = graph(*lines, "j -> z", j={"type": "join"}, **{f"t{n}": turn for n in range(paths)})
    machine, seen = Machine.start(flow), Counter[str]()
    while ready := machine.ready():
        assert sum(t.step in region for t in ready) <= at_once
        token = data.draw(st.sampled_from(ready), label="next")
        seen[token.step] += 1
        machine.step(Finished(token.id))
    assert machine.status == "completed"
    assert seen == Counter({"s": 1, "z": 1, **dict.fromkeys(region, 1)})


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=6), st.data())
def test_everything_that_was_done_is_undone_once_in_reverse(
    can_be_undone: list[bool], data: st.DataObject
) -> None:
    names = [f"d{n}" for n in range(len(can_be_undone))]
    steps: dict[str, Any] = {
        name: {"compensate": f"u_{name}"} if undo else {}
        for name, undo in zip(names, can_be_undone, strict=True)
    }
    steps |= {f"u_{name}": {} for name, undo in zip(names, can_be_undone, strict=True) if undo}
    lines = [f"{a} -> {b}" for a, b in pairwise([*names, "x", "y", "z"])]
    flow = graph(*lines, **steps, x={"type": "compensate"}, y={"type": "compensate"})
    machine, order = Machine.start(flow), []
    while ready := machine.ready():
        token = data.draw(st.sampled_from(ready), label="next")
        order.append(token.step)
        machine.step(Finished(token.id))
    undone = [f"u_{n}" for n, undo in zip(names, can_be_undone, strict=True) if undo][::-1]
    assert (machine.status, order) == ("completed", [*names, *undone, "z"])
