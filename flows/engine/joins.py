"""When what is parked goes on: the rules of joins and of turns.

Pure: no Django, no clock, no I/O.
"""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace

from flows.engine import events
from flows.engine.errors import EngineError
from flows.engine.graph import Graph, JoinRule
from flows.engine.moves import Moves
from flows.engine.position import ARRIVED, SPENT, Position, TokenView

# Far more than one event can cause in a sane graph; a cycle of joins alone would never end.
MAX_FIRINGS = 1_000


class Joins:
    """Lets go on, by ``moves``, whatever waits at the joins and turns of one run."""

    def __init__(self, graph: Graph, position: Position, moves: Moves) -> None:
        self.graph = graph
        self.position = position
        self.moves = moves

    def fire_all(self) -> None:
        """Fire every join and take every turn that can go on, until none can."""
        for _ in range(MAX_FIRINGS):
            if not self.fire_one():
                return
        raise EngineError(
            "Joins fire one another without end. Put another step between them in the flow."
        )

    def fire_one(self) -> bool:
        """Let the first join or turn that can go on do so; return whether there was one."""
        for step in self.graph.joins:
            if self.absorb(step) or self.fire_if_met(step, self.position.list_elsewhere(step)):
                return True
        if any(self.take_turn(step) for step in self.graph.turns):
            return True
        if self.position.moving:
            return False
        # Nothing moves any more, but joins may wait for one another: the first in the document's
        # order stops waiting for what is parked elsewhere.
        return any(self.fire_if_met(step, ()) for step in self.graph.joins)

    # --- Whether a join fires ---

    def fire_if_met(self, step: str, others: Iterable[TokenView]) -> bool:
        """Fire the join if its rule is met, where ``others`` are what may still come to it."""
        rule = self._rule(step)
        if not self.position.list_parked(step) or self.must_wait(step, rule, others):
            return False
        self.fire(step, rule, self.list_counted(step, rule))
        return True

    def must_wait(self, step: str, rule: JoinRule, others: Iterable[TokenView]) -> bool:
        """Return whether the join lacks tokens, or waits for the rest of a round."""
        parked, came = self.position.list_parked(step), self.position.count_arrived(step)
        if rule.need is None:
            return self.may_come(step, () if rule.by_token else came, others)
        count = len(parked) if rule.by_token else len(came)
        return count < rule.need or (rule.blocking and self.is_in_round(step, others))

    def is_in_round(self, step: str, others: Iterable[TokenView]) -> bool:
        """Return whether it has fired and inputs of the same round may still come."""
        mark = self.position.find_mark(step)
        return mark is not None and self.may_come(step, list_spent_inputs(mark), others)

    def may_come(self, step: str, came: Container[str], others: Iterable[TokenView]) -> bool:
        """Return whether one of the tokens can reach an input of the join that is not in came."""
        return any(
            name not in came for token in others for name in self.reach_of(token).get(step, ())
        )

    def reach_of(self, token: TokenView) -> Mapping[str, frozenset[str]]:
        """Return the join inputs it may come to; one that undoes comes back to where it began."""
        return self.graph.reach[token.pending[-1] if token.pending else token.step]

    def list_counted(self, step: str, rule: JoinRule) -> list[TokenView]:
        """Return the parked tokens that count, oldest first: one for each input, or every one."""
        parked = sort_by_age(self.position.list_parked(step))
        if rule.by_token:
            return parked
        first: dict[str, TokenView] = {}
        for token in parked:
            first.setdefault(token.via, token)
        return list(first.values())

    # --- What firing does ---

    def fire(self, step: str, rule: JoinRule, counted: list[TokenView]) -> None:
        """Let the oldest token go on in place of all that were needed."""
        used = counted if rule.need is None else counted[: rule.need]
        came = [token.via for token in used]
        keeper, *rest = used
        for token in rest:
            self.moves.drop(token.id)
        self.moves.note(events.JOIN_FIRED, keeper, "done", {"inputs": came})
        if rule.need is not None:
            self.end_round(step, keeper, came, rule)
        visits = _merge_visits(token.visits for token in used)
        self.moves.leave(replace(keeper, visits=visits), ("done",))

    def end_round(self, step: str, keeper: TokenView, came: Sequence[str], rule: JoinRule) -> None:
        """Cancel what comes late, or leave a mark that will absorb it."""
        if mark := self.position.find_mark(step):
            self.moves.drop(mark.id)
        if rule.cancel_others:
            self.cancel_late(step, keeper, () if rule.by_token else came)
        elif not rule.by_token and set(came) < set(self.graph.inputs(step)):
            mark = replace(self.moves.make_token({}), step=step, state=ARRIVED)
            self.mark_spent(mark, came)

    def cancel_late(self, step: str, keeper: TokenView, came: Collection[str]) -> None:
        """Drop every other token that could still come to the join."""
        parked = self.position.list_parked(step)
        late = [
            token.id
            for token in self.position.tokens.values()
            if token.id != keeper.id
            and (self.may_come(step, came, [token]) or (not came and token.id in parked))
        ]
        self.moves.drop_all(late)

    # --- Late inputs of a join that has fired ---

    def absorb(self, step: str) -> bool:
        """Let a join that has fired swallow an input of the same round; return whether it did."""
        mark, parked = self.position.find_mark(step), self.position.list_parked(step)
        if mark is None or not parked:
            return False
        spent = list_spent_inputs(mark)
        late = next((token for token in parked.values() if token.via not in spent), None)
        if late is None:
            return False
        self.moves.note(events.JOIN_ABSORBED, late)
        self.moves.drop(late.id)
        self.mark_spent(mark, [*spent, late.via])
        return True

    def mark_spent(self, mark: TokenView, spent: Sequence[str]) -> None:
        """Record the inputs that have come; once all have, the round is over."""
        if set(spent) >= set(self.graph.inputs(mark.step)):
            self.moves.drop(mark.id)
        else:
            via = SPENT + ",".join(sorted(spent))
            self.moves.place(replace(mark, state=ARRIVED, via=via))

    # --- Turns ---

    def take_turn(self, step: str) -> bool:
        """Let the oldest token here into the region, if there is room; return whether it went."""
        node, parked = self.graph.nodes[step], self.position.list_parked(step)
        inside = self.position.count_tokens_on(other for other in node.region if other != step)
        if not parked or inside >= node.at_once:
            return False
        first = sort_by_age(parked)[0]
        self.moves.note(events.TURN_TAKEN, first, "done")
        self.moves.leave(first, ("done",))
        return True

    def _rule(self, step: str) -> JoinRule:
        rule = self.graph.nodes[step].join
        assert rule is not None
        return rule


def list_spent_inputs(mark: TokenView) -> list[str]:
    """Return the inputs that have come in the round of a join that has fired."""
    return mark.via[len(SPENT) :].split(",")


def sort_by_age(parked: Mapping[int, TokenView]) -> list[TokenView]:
    """Return the tokens, oldest first."""
    return sorted(parked.values(), key=lambda token: abs(token.id))


def _merge_visits(all_visits: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return for each step the most visits that any of the tokens had."""
    most: dict[str, int] = {}
    for visits in all_visits:
        for step, count in visits.items():
            most[step] = max(count, most.get(step, 0))
    return most
