"""Operations on notes: texts on the canvas."""

from flows.graph.operations.arguments import read_point
from flows.graph.operations.pointers import set_at
from flows.graph.operations.sections import find_entry, read_new_entry, set_entry
from flows.graph.operations.values import Mapped, Result, without

NOTE_FIELDS = frozenset({"text", "at", "size", "colour"})


def add_note(document: Mapped, op: Mapped) -> Result:
    """Add a note. ``{id, note}``"""
    note_id, note = read_new_entry(document, op, "notes", "note")
    placed = {**note, "at": read_point(note.get("at", [0, 0]))}
    changed = set_entry(document, "notes", note_id, placed)
    return changed, {"op": "remove_note", "id": note_id}


def set_note(document: Mapped, op: Mapped) -> Result:
    """Set a field of a note, or remove it. ``{id, path, value?, old?}``"""
    note_id, before = find_entry(document, op, "notes", "note")
    note, undo = set_at(before, op, NOTE_FIELDS)
    return set_entry(document, "notes", note_id, note), {"op": "set_note", "id": note_id, **undo}


def remove_note(document: Mapped, op: Mapped) -> Result:
    """Remove a note. ``{id}``"""
    note_id, note = find_entry(document, op, "notes", "note")
    changed = {**document, "notes": without(document["notes"], note_id)}
    return changed, {"op": "add_note", "id": note_id, "note": note}
