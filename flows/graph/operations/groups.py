"""Operations on groups: steps that are drawn and folded together."""

from flows.graph.operations.arguments import are_texts
from flows.graph.operations.pointers import set_at
from flows.graph.operations.refusals import malformed
from flows.graph.operations.sections import find_entry, read_new_entry, set_entry
from flows.graph.operations.values import Json, Mapped, Result, without

GROUP_FIELDS = frozenset({"title", "steps", "collapsed", "colour"})


def add_group(document: Mapped, op: Mapped) -> Result:
    """Add a group. ``{id, group}``"""
    group_id, group = read_new_entry(document, op, "groups", "group")
    changed = set_entry(document, "groups", group_id, keep_present_members(document, group))
    return changed, {"op": "remove_group", "id": group_id}


def set_group(document: Mapped, op: Mapped) -> Result:
    """Set a field of a group, or remove it. ``{id, path, value?, old?}``"""
    group_id, before = find_entry(document, op, "groups", "group")
    group, undo = set_at(before, op, GROUP_FIELDS)
    present = keep_present_members(document, group)
    if present is not group:
        group, undo = present, {"path": "/steps", "value": list_members(document, group_id)}
    changed = set_entry(document, "groups", group_id, group)
    return changed, {"op": "set_group", "id": group_id, **undo}


def remove_group(document: Mapped, op: Mapped) -> Result:
    """Remove a group; its steps stay. ``{id}``"""
    group_id, group = find_entry(document, op, "groups", "group")
    changed = {**document, "groups": without(document["groups"], group_id)}
    return changed, {"op": "add_group", "id": group_id, "group": group}


# --- Members ------------------------------------------------------------------------------------


def list_members(document: Mapped, group_id: str) -> list[str]:
    """Return the ids of the group's steps."""
    found: list[str] = document["groups"][group_id].get("steps", [])
    return found


def list_groups_of(document: Mapped, step_id: str) -> list[str]:
    """Return the ids of the groups that the step is a member of."""
    return [group for group in document["groups"] if step_id in list_members(document, group)]


def set_members(document: Mapped, group_id: str, steps: list[str]) -> Mapped:
    """Return the document with these steps in the group."""
    changed = {**document["groups"][group_id], "steps": steps}
    return set_entry(document, "groups", group_id, changed)


def keep_present_members(document: Mapped, group: Mapped) -> Mapped:
    """Return the group without steps that are no longer in the flow, or the group itself.

    If such a member stayed, a step added under its name would be in the group unasked, and leave
    it when that was undone.
    """
    if not are_members(group.get("steps")):
        raise malformed("A group needs `steps`, a list of different step ids.")
    steps = [step for step in group["steps"] if step in document["steps"]]
    return group if len(steps) == len(group["steps"]) else {**group, "steps": steps}


def are_members(value: Json) -> bool:
    return are_texts(value) and len(set(value)) == len(value)
