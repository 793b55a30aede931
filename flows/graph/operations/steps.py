"""Operations on steps."""

from flows.graph.operations.arguments import (
    are_texts,
    is_pair,
    read_edge_places,
    read_index,
    read_mapping,
    read_optional_mapping,
    read_point,
    read_text,
)
from flows.graph.operations.edges import parse_edge, rename_ends
from flows.graph.operations.groups import list_groups_of, list_members, set_members
from flows.graph.operations.pointers import set_at
from flows.graph.operations.refusals import malformed
from flows.graph.operations.sections import check_new_step_id, find_step, set_entry
from flows.graph.operations.values import Json, Mapped, Result, insert, rename_key, same, without
from flows.graph.references import rename_in_tests, rename_references

STEP_FIELDS = frozenset(
    {
        "type",
        "title",
        "with",
        "retry",
        "limit",
        "cache",
        "timeout_seconds",
        "max_visits",
        "compensate",
        "runbook",
    }
)

# --- Adding and removing ------------------------------------------------------------------------


def add_step(document: Mapped, op: Mapped) -> Result:
    """Add a step. ``{id, step, at?, edges?: [[edge, index]], groups?: {group: index}}``

    ``edges`` and ``groups`` bring back what a removal took. An edge is left out if the step at its
    other end has been removed since.
    """
    step_id, step = read_text(op, "id"), read_mapping(op, "step")
    check_new_step_id(document, step_id)
    if not isinstance(step.get("type"), str) or not step.keys() <= STEP_FIELDS:
        known = ", ".join(sorted(STEP_FIELDS - {"type"}))
        raise malformed(f"A step needs a `type`, and may have no other fields than: {known}.")
    changed = set_entry(document, "steps", step_id, step)
    if op.get("at") is not None:
        changed = set_entry(changed, "layout", step_id, read_point(op["at"]))
    changed = restore_edges(changed, read_edge_places(op))
    changed = restore_memberships(changed, step_id, read_optional_mapping(op, "groups"))
    return changed, {"op": "remove_step", "id": step_id}


def restore_edges(document: Mapped, places: list[list[Json]]) -> Mapped:
    """Return the document with the edges, ``[[edge, index]]``, whose ends are both there."""
    edges = document["edges"]
    for edge, index in places:
        source, _, target = parse_edge(edge)
        joins_steps = source in document["steps"] and target in document["steps"]
        if joins_steps and edge not in edges:
            edges = insert(edges, edge, read_index(index))
    return {**document, "edges": edges}


def restore_memberships(document: Mapped, step_id: str, groups: Mapped) -> Mapped:
    """Return the document with the step in the groups, ``{group: index}``, that are there."""
    for group, index in groups.items():
        if group in document["groups"] and step_id not in list_members(document, group):
            members = insert(list_members(document, group), step_id, read_index(index))
            document = set_members(document, group, members)
    return document


def remove_step(document: Mapped, op: Mapped) -> Result:
    """Remove a step with its edges, its place and its membership in groups. ``{id}``"""
    step_id = read_text(op, "id")
    inverse: Mapped = {"op": "add_step", "id": step_id, "step": find_step(document, step_id)}
    if step_id in document["layout"]:
        inverse["at"] = document["layout"][step_id]
    places = [[e, i] for i, e in enumerate(document["edges"]) if step_id in parse_edge(e)[::2]]
    if places:
        inverse["edges"] = places
    groups = list_groups_of(document, step_id)
    if groups:
        inverse["groups"] = {g: list_members(document, g).index(step_id) for g in groups}
    changed = {
        **document,
        "steps": without(document["steps"], step_id),
        "layout": without(document["layout"], step_id),
        "edges": [e for e in document["edges"] if step_id not in parse_edge(e)[::2]],
    }
    for group in groups:
        left = [member for member in list_members(changed, group) if member != step_id]
        changed = set_members(changed, group, left)
    return changed, inverse


# --- Renaming -----------------------------------------------------------------------------------


def rename_step(document: Mapped, op: Mapped) -> Result:
    """Rename a step wherever the document names it. ``{id, to, texts?, tests?}``

    Edges, layout, groups, expressions and the flow's tests follow. ``texts`` is ``{pointer:
    [before, after]}`` for texts that renaming back cannot restore, because they named the new step
    before there was one; ``tests`` is ``[before, after]`` in the same case.
    """
    old, new = read_text(op, "id"), read_text(op, "to")
    given = read_optional_mapping(op, "texts")
    if not all(are_texts(pair) and is_pair(pair) for pair in given.values()):
        raise malformed("`texts` must hold pairs of texts, [before, after].")
    find_step(document, old)
    check_new_step_id(document, new)
    renamed, texts = rename_references(rename_in_sections(document, old, new), old, new, given)
    inverse: Mapped = {"op": "rename_step", "id": new, "to": old}
    if texts:
        inverse["texts"] = texts
    if "tests" in renamed:
        renamed["tests"], pair = rename_tests(renamed["tests"], op)
        if pair:
            inverse["tests"] = pair
    return renamed, inverse


def rename_in_sections(document: Mapped, old: str, new: str) -> Mapped:
    """Return the document with the step renamed in steps, layout, edges and groups."""
    renamed = {
        **document,
        "steps": rename_key(document["steps"], old, new),
        "layout": rename_key(document["layout"], old, new),
        "edges": [rename_ends(edge, old, new) for edge in document["edges"]],
    }
    for group in list_groups_of(document, old):
        members = [new if step == old else step for step in list_members(document, group)]
        renamed = set_members(renamed, group, members)
    return renamed


def rename_tests(tests: Json, op: Mapped) -> tuple[Json, list[Json]]:
    """Return the tests with the step renamed, and the pair that the inverse needs, or []."""
    old, new, given = op["id"], op["to"], op.get("tests")
    if given is not None and not is_pair(given):
        raise malformed("`tests` must be a pair, [before, after].")
    is_unchanged = given is not None and same(given[0], tests)
    renamed = given[1] if given and is_unchanged else rename_in_tests(tests, old, new)
    comes_back = same(rename_in_tests(renamed, new, old), tests)
    return renamed, [] if comes_back else [renamed, tests]


# --- Fields -------------------------------------------------------------------------------------


def set_field(document: Mapped, op: Mapped) -> Result:
    """Set a field of a step, or remove it. ``{step, path, value?, old?}``"""
    step_id = read_text(op, "step")
    step, undo = set_at(find_step(document, step_id), op, STEP_FIELDS)
    changed = set_entry(document, "steps", step_id, step)
    return changed, {"op": "set_field", "step": step_id, **undo}
