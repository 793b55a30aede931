"""The operation on places: where steps and notes lie on the canvas."""

from flows.graph.operations.arguments import keep_known, read_optional_mapping, read_point
from flows.graph.operations.refusals import step_missing
from flows.graph.operations.values import Mapped, Result


def move(document: Mapped, op: Mapped) -> Result:
    """Move steps and notes, leaving out those that have been removed.

    ``{steps?: {id: [x, y] | null}, notes?: {id: [x, y]}}``; ``null`` takes a step's place away.
    """
    steps = keep_known(read_optional_mapping(op, "steps"), document["steps"])
    notes = keep_known(read_optional_mapping(op, "notes"), document["notes"])
    if not steps and not notes:
        raise step_missing(
            "Everything that was to be moved is no longer in the flow.", "Leave this edit."
        )
    inverse: Mapped = {"op": "move"}
    layout, new_notes = document["layout"], document["notes"]
    if steps:
        layout, inverse["steps"] = move_steps(layout, steps)
    if notes:
        new_notes, inverse["notes"] = move_notes(new_notes, notes)
    return {**document, "layout": layout, "notes": new_notes}, inverse


def move_steps(layout: Mapped, places: Mapped) -> Result:
    """Return the layout with the steps moved, and the places they had."""
    changed, before = dict(layout), {}
    for step_id, at in places.items():
        before[step_id] = changed.pop(step_id, None)
        if at is not None:
            changed[step_id] = read_point(at)
    return changed, before


def move_notes(notes: Mapped, places: Mapped) -> Result:
    """Return the notes with some moved, and the places those had."""
    moved = {note_id: {**notes[note_id], "at": read_point(at)} for note_id, at in places.items()}
    before = {note_id: notes[note_id].get("at", [0, 0]) for note_id in places}
    return {**notes, **moved}, before
