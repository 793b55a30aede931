"""Explain failures that the planner finds and no step reports: a limit reached, an unmet join."""

from collections.abc import Iterable
from typing import Any

from flows.engine import events
from flows.engine.planner import Plan
from flows.engine.position import ARRIVED, FAILED
from flows.store.rows import TokenRow

Json = Any


def explain_limit(made: Plan) -> Json:
    """Return the error of a token that failed because its step was visited too often, or None."""
    failed = {view.step for view in made.placed.values() if view.state == FAILED}
    for note in made.notes:
        if note.kind == events.LIMIT_REACHED and note.step in failed:
            message = (
                f"Step {note.step!r} was visited as often as its max_visits lets it."
                " Raise it, or draw an edge from its port limit."
            )
            return {"kind": "limit", "step": note.step, "message": message}
    return None


def explain_unmet_join(tokens: Iterable[TokenRow]) -> Json:
    """Return the error of a run that failed though none of its tokens did, or None if one did."""
    tokens = list(tokens)
    if any(token.state == FAILED for token in tokens):
        return None
    joins = sorted({token.step for token in tokens if token.state == ARRIVED})
    return {
        "kind": "join",
        "step": joins[0] if joins else "",
        "message": f"No branch can come to {', '.join(joins)} any more, and it waits for one.",
    }
