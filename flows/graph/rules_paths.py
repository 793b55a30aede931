"""Rules on the paths a token can take: starts, reach, loops, joins."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from flows.graph.fixes import limit_visits
from flows.graph.problems import Problem, error, warning
from flows.graph.view import View, find_reachable

UNBOUNDED = 1_000_000


def check_starts(view: View) -> Iterator[Problem]:
    if not view.steps:
        yield error("flow.empty", "", "steps", "The flow has no steps.", "Add a step.")
    elif not view.starts:
        yield error(
            "flow.no_start",
            "",
            "edges",
            "Every step has an edge into it, so a run cannot begin.",
            "Remove an edge, or add a step before the loop.",
        )


def check_reachable(view: View) -> Iterator[Problem]:
    if not view.starts:
        return
    for name in view.steps:
        if name not in view.reachable:
            yield error(
                "step.unreachable",
                name,
                "",
                "No path leads from a start to this step.",
                "Draw an edge to it, or remove it.",
            )


def check_connected(view: View) -> Iterator[Problem]:
    """Warn of forgotten steps: one without edges is a start, and would run beside the others."""
    if len(view.steps) == 1:
        return
    for name in view.steps:
        if not view.after[name] and not view.before[name]:
            yield warning(
                "step.unconnected",
                name,
                "",
                "This step has no edges, so it starts with every run.",
                "Draw an edge to it, or remove it.",
            )


def check_loops(view: View) -> Iterator[Problem]:
    """Check that every cycle goes through a step with ``max_visits``."""
    limited = {name for name, step in view.steps.items() if step.max_visits is not None}
    after = {
        name: {target for target in targets if target not in limited}
        for name, targets in view.after.items()
        if name not in limited
    }
    for loop in find_cycles(after):
        entry = next((name for name in view.steps if name in loop), loop[0])
        yield error(
            "loop.no_limit",
            entry,
            "max_visits",
            f"The loop {' → '.join([*loop, loop[0]])} has no limit: it could run forever.",
            f"Give one of its steps `max_visits`, for example {entry}.",
            fix=limit_visits(entry),
        )


def find_cycles(after: Mapping[str, set[str]]) -> Iterator[list[str]]:
    """Yield one cycle of each knot, which is a set of steps that can all reach one another."""
    done: set[str] = set()
    for start in after:
        if start in done:
            continue
        loop = _find_cycle_through(start, after)
        if loop:
            done |= _find_knot(start, after)
            yield loop


def _find_cycle_through(start: str, after: Mapping[str, set[str]]) -> list[str]:
    """Return a shortest cycle through the step, beginning with it, or []."""
    came_from: dict[str, str] = {}
    queue = [start]
    for here in queue:
        for there in sorted(after[here]):
            if there == start:
                loop = [here]
                while loop[-1] != start:
                    loop.append(came_from[loop[-1]])
                return loop[::-1]
            if there not in came_from:
                came_from[there] = here
                queue.append(there)
    return []


def _find_knot(start: str, after: Mapping[str, set[str]]) -> set[str]:
    before: dict[str, set[str]] = {name: set() for name in after}
    for name, targets in after.items():
        for target in targets:
            before[target].add(name)
    return set(find_reachable([start], after) & find_reachable([start], before))


def check_joins(view: View) -> Iterator[Problem]:
    """Check that a join that counts can get as many tokens as it waits for."""
    for name, step in view.steps.items():
        need, mode = step.config.get("n"), step.config.get("mode")
        if step.type != "join" or not isinstance(need, int):
            continue
        if mode == "threads" and need > (most := count_arrivals(view, name)):
            yield error(
                "join.waits_for_ever",
                name,
                "with.n",
                f"The join waits for {need} arrivals, but at most {most} can arrive.",
                f"Set n to {max(most, 1)} or less, or leave it out.",
            )
        if mode != "count":
            continue
        inputs = len({edge for edge in view.edges if edge.target == name})
        most = inputs if need > inputs else min(inputs, count_arrivals(view, name))
        if need > most:
            reason = "" if most == inputs else ", as its other inputs exclude one another"
            yield error(
                "join.waits_for_ever",
                name,
                "with.n",
                f"The join waits for {need} paths, but at most {most} can arrive{reason}.",
                f"Set n to {max(most, 1)} or less, or use mode all.",
            )


def count_arrivals(view: View, join: str) -> int:
    """Return an upper bound of the tokens that can arrive at a join in one run.

    A step leaves by one port, or by all where it may choose several; every edge of a port carries
    a token. Inside a loop nothing bounds them.
    """
    found: dict[str, int] = {join: 1}

    def most(step: str) -> int:
        totals: dict[str, int] = {}
        for edge in view.edges:
            if edge.source == step:
                totals[edge.port] = totals.get(edge.port, 0) + found.get(edge.target, 0)
        several = view.steps[step].config.get("inclusive") not in (None, False)
        return min(sum(totals.values()) if several else max(totals.values(), default=0), UNBOUNDED)

    ordered = _order_ancestors(view, join)
    if ordered is None:
        return UNBOUNDED
    for step in ordered:
        found[step] = most(step)
    return sum(found.get(start, 0) for start in view.starts)


def _order_ancestors(view: View, join: str) -> list[str] | None:
    """Return the join's ancestors, each after all that follow it; None if there is a loop."""
    waiting = {
        step: len(view.after[step] & (view.ancestors(join) | {join}))
        for step in view.ancestors(join)
    }
    if join in waiting:
        return None
    ordered: list[str] = []
    ready = [join]
    while ready:
        for step in view.before[ready.pop()]:
            waiting[step] -= 1
            if waiting[step] == 0:
                ordered.append(step)
                ready.append(step)
    return ordered if len(ordered) == len(waiting) else None


PATH_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (
    check_starts,
    check_reachable,
    check_connected,
    check_loops,
    check_joins,
)
