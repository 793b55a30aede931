"""Where a matter that people returned for rework could go on without people.

A step asks people, and hands the matter back by some of its ports. From then on until people decide
again, the run must not come to where nobody decides any more: a way out leads back to people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from flows.graph.model import Edge


@dataclass(frozen=True, slots=True)
class Asking:
    """How a step asks people.

    ``returns`` are the ports by which they hand the matter back to be done anew. ``onward`` are
    further ports that do so where they lead back to this very step. The steps in ``alone`` may
    follow without people deciding again, as the flow's author said.
    """

    returns: frozenset[str] = frozenset()
    onward: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()


class Rework:
    """The ways of one flow, read for what is returned. Immutable."""

    def __init__(self, edges: Iterable[Edge], asking: Mapping[str, Asking]) -> None:
        self.asking = asking
        self._after: dict[str, set[str]] = {}
        self._targets: dict[tuple[str, str], set[str]] = {}
        for edge in edges:
            self._after.setdefault(edge.source, set()).add(edge.target)
            self._targets.setdefault((edge.source, edge.port), set()).add(edge.target)

    @cached_property
    def returning(self) -> frozenset[tuple[str, str]]:
        """The exits, as step and port, by which people hand a matter back."""
        return frozenset(
            exit_
            for exit_, targets in self._targets.items()
            if (asking := self.asking.get(exit_[0])) is not None
            and not targets.isdisjoint(self.before_people)
            and (
                exit_[1] in asking.returns
                or (exit_[1] in asking.onward and self._leads_back(exit_[0], targets))
            )
        )

    @cached_property
    def before_people(self) -> frozenset[str]:
        """The steps that ask people, and those from which one of them can be reached."""
        before: dict[str, set[str]] = {}
        for source, targets in self._after.items():
            for target in targets:
                before.setdefault(target, set()).add(source)
        return frozenset(_follow(self.asking, before))

    def matters(self, step: str, port: str) -> bool:
        """Return whether leaving by this exit begins, ends or would escape a rework."""
        if not self.returning or step not in self.before_people:
            return False
        targets = self._targets.get((step, port), set())
        if step in self.asking and (step, port) not in self.returning:
            # Deciding ends a rework. Nobody asks for it where people cannot be asked any more.
            return not targets.isdisjoint(self.before_people)
        return step in self.asking or self.is_way_out(step, targets)

    def is_way_out(self, step: str, targets: Iterable[str]) -> bool:
        """Return whether a token goes from where people may be asked to where they are not."""
        return step in self.before_people and self.before_people.isdisjoint(targets)

    def find_people(self, step: str, returned_by: str) -> str | None:
        """Return the step that asks people anew: the one that returned it, if a way leads there."""
        reached = _follow([step], self._after)
        if returned_by in self.asking and returned_by in reached:
            return returned_by
        return next((name for name in self.asking if name in reached), None)

    def list_ways_out(self) -> list[tuple[str, str, str]]:
        """Return step, port and target of each exit at which a returned matter would leave people.

        The third is the step that returned it. What an author allows is left out.
        """
        found: dict[tuple[str, str, str], None] = {}
        for returned_by, port in sorted(self.returning):
            inside = _follow(self._targets[returned_by, port], self._after, stop=self.asking)
            for (step, exit_), targets in self._targets.items():
                is_inside = step in inside and step not in self.asking
                if is_inside and self.is_way_out(step, targets):
                    found[step, exit_, returned_by] = None
        return list(found)

    def targets_of(self, step: str, port: str) -> frozenset[str]:
        return frozenset(self._targets.get((step, port), ()))

    def _leads_back(self, step: str, targets: Iterable[str]) -> bool:
        others = frozenset(self.asking) - {step}
        return step in _follow(targets, self._after, stop=others)


def _follow(
    starts: Iterable[str], after: Mapping[str, set[str]], stop: Iterable[str] = ()
) -> set[str]:
    """Return the starts and what can be reached from them, without going on from ``stop``."""
    stops, seen = frozenset(stop), set(starts)
    todo = [step for step in seen if step not in stops]
    while todo:
        for following in after.get(todo.pop(), set()) - seen:
            seen.add(following)
            if following not in stops:
                todo.append(following)
    return seen
