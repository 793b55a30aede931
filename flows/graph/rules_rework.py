"""Rules on what people returned for rework: it comes back to people, unless the flow says not."""

from collections.abc import Callable, Iterable, Iterator

from flows.graph.problems import Problem, error, find_closest, join_names, warning
from flows.graph.rework import Asking, Rework
from flows.graph.view import View

FIELD = "with.after_rework"
# By these ports a step stops; it does not choose.
STOPS = frozenset({"limit", "error"})


def check_rework(view: View) -> Iterator[Problem]:
    rework = Rework(view.edges, _list_asking(view))
    for name, asking in rework.asking.items():
        yield from _check_names(view, name, asking)
    ways_out = rework.list_ways_out()
    for name, asking in rework.asking.items():
        own = [(step, port) for step, port, returned_by in ways_out if returned_by == name]
        if own and "after_rework" not in view.steps[name].config:
            yield _say_it_comes_back(name, own)
        for step, port in own:
            targets = rework.targets_of(step, port)
            if targets and targets <= asking.alone and port not in STOPS:
                yield _goes_on_alone(name, f"{step}.{port}", sorted(targets))
    yield from _find_rework_without_people(view, rework)


def _list_asking(view: View) -> dict[str, Asking]:
    found = {name: facts.asking(view.steps[name].config)
             for name in view.steps if (facts := view.facts(name)) is not None}  # fmt: skip
    return {name: asking for name, asking in found.items() if asking is not None}


def _check_names(view: View, step: str, asking: Asking) -> Iterator[Problem]:
    for name in sorted(asking.alone - view.steps.keys()):
        near = find_closest(name, view.steps)
        remedy = f"Did you mean {near}?" if near else "Name a step of this flow."
        yield error("rework.unknown_step", step, FIELD, f"There is no step {name}.", remedy)


def _say_it_comes_back(step: str, ways_out: list[tuple[str, str]]) -> Problem:
    ways = ", ".join(f"{source}.{port}" for source, port in ways_out)
    return warning(
        "rework.comes_back",
        step,
        FIELD,
        f"A loop leads from a case that is returned for rework past {step} without people: {ways}. "
        "Such a run comes back to people instead.",
        "Write `after_rework: []` if that is meant, or name the steps that may follow without "
        "people deciding again.",
    )


def _goes_on_alone(step: str, way: str, targets: list[str]) -> Problem:
    return warning(
        "rework.automatic",
        step,
        FIELD,
        f"A case that is returned for rework may go on by {way} to {join_names(targets)} without "
        "people deciding again: a corrected value could win an automatic approval.",
        f"Take {join_names(targets)} out of `after_rework`, so that people decide again.",
    )


def _find_rework_without_people(view: View, rework: Rework) -> Iterator[Problem]:
    """Warn of rework from which no way leads to people, but for one that only ends the run."""
    for edge in view.edges:
        asking = rework.asking.get(edge.source)
        if asking is None or edge.port not in asking.returns:
            continue
        targets = rework.targets_of(edge.source, edge.port)
        ends = {name for name in targets if view.steps[name].type == "end"}
        if rework.before_people.isdisjoint(targets) and targets - ends - asking.alone:
            yield warning(
                "rework.no_people",
                edge.source,
                "",
                f"A case that is returned for rework goes on to {edge.target}, from which no way "
                "leads back to people.",
                f"Draw a way back to {edge.source}, or name {edge.target} in `after_rework`.",
            )


REWORK_RULES: tuple[Callable[[View], Iterable[Problem]], ...] = (check_rework,)
