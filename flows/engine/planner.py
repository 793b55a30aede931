"""The rules of the token game: (graph, tokens, event) -> plan.

Pure: no Django, no clock, no I/O. The caller holds the run's lock, gives the position with every
token the run has, and writes the plan in the same transaction.

A token that leaves a step takes the edges of its port: the first edge keeps the token, each further
one gets a new token. A join parks what arrives and fires when its rule is met. A failed token stays
where it failed, so that a retry goes on from there; the run ends when nothing else can move.
"""

from collections.abc import Callable, Sequence

from flows.engine.graph import Graph
from flows.engine.joins import Joins
from flows.engine.moves import Moves
from flows.engine.plan import Ended, Event, Failed, Finished, Note, Plan, list_nothing_done
from flows.engine.position import Position
from flows.graph.model import Edge

__all__ = ["Ended", "Event", "Failed", "Finished", "Note", "Plan", "plan", "plan_start"]


def plan(
    graph: Graph,
    position: Position,
    event: Event,
    done: Callable[[], Sequence[str]] = list_nothing_done,
) -> Plan:
    """Return what ``event`` does to the run, and bring ``position`` to where it then stands.

    New tokens have negative ids there: the caller gives them ids of its own (``Position.rename``)
    before it plays the next event.

    ``done`` returns the finished steps that can be undone and have not been, newest first; it is
    called only when the run comes to a compensation.

    Raises: KeyError if the event's token is not there, EngineError.
    """
    token = position.tokens[event.token_id]
    moves = Moves(graph, position, done)
    match event:
        case Finished(ports=ports):
            moves.leave(token, ports)
        case Ended(terminate=terminate):
            moves.drop(token.id)
            if terminate:
                moves.drop_all(list(position.tokens))
        case Failed():
            moves.fail(token)
    return _settle(moves, event.outcome if isinstance(event, Ended) else "")


def plan_start(graph: Graph) -> Plan:
    """Return the tokens a new run starts with."""
    moves = Moves(graph, Position(), list_nothing_done)
    for step in graph.starts:
        moves.arrive(moves.make_token({}), Edge("", "", step))
    return _settle(moves, "")


def _settle(moves: Moves, outcome: str) -> Plan:
    """Fire every join that can fire, then find out whether the run is over."""
    position, made = moves.position, moves.plan
    Joins(moves.graph, position, moves).fire_all()
    made.outcome = outcome
    if position.is_empty:
        made.status = "completed"
        moves.drop_all(list(position.tokens))
    elif position.is_stuck:
        # What is parked at a join here waits behind a failed token.
        made.status = "failed"
    return made
