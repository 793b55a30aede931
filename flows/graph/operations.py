"""Edits of a flow document, each with the edit that undoes it. Pure.

An operation is a JSON object with the key ``op``; a document is its plain mapping form, so that a
draft which does not yet parse can be edited. The same rules in JavaScript are
``frontend/editor/src/doc/operations.js``; ``tests/vectors/operations`` holds both to one another.

Only what would leave the document incoherent is refused here (a missing end, a second step of one
name). Whether the flow would run is what validation says.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from flows.graph.references import rename_in_tests, rename_references

Json = Any
Mapped = dict[str, Json]
Result = tuple[Mapped, Mapped]

STEP_ID = re.compile(r"(?!__)[^\s.>]{1,80}")
EDGE = re.compile(r"\s*([^\s.>]+)\.([^\s.>]+)\s*->\s*([^\s.>]+)\s*")
SECTIONS: dict[str, type] = {
    "steps": dict,
    "edges": list,
    "layout": dict,
    "notes": dict,
    "groups": dict,
}
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
FLOW_FIELDS = frozenset({"title", "description", "lane", "input", "output", "samples", "tests"})
ABSENT = object()
PAIR = 2
MAX_NESTING = 8


class OperationRefused(Exception):
    """An operation that cannot be applied. ``current`` is what stands where it wanted to write."""

    def __init__(self, code: str, message: str, remedy: str, current: Json = ABSENT) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.current = current

    def as_json(self) -> Mapped:
        """Return ``{code, message, remedy}`` and, for a conflict, ``current``."""
        found = {"code": self.code, "message": self.message, "remedy": self.remedy}
        return found if self.current is ABSENT else {**found, "current": self.current}


def normal_form(document: Mapping[str, Json]) -> Mapped:
    """Return the document with every section an operation may write, empty where it has none."""
    missing = {name: kind() for name, kind in SECTIONS.items() if not document.get(name)}
    return {**document, **missing}


def apply(document: Mapping[str, Json], operation: Json) -> Result:
    """Apply one operation.

    Returns the new document in normal form, sharing what did not change, and the operation that
    undoes it. Raises: OperationRefused, with nothing changed.
    """
    if not isinstance(operation, dict) or not isinstance(operation.get("op"), str):
        raise malformed("An operation is an object with the key `op`.")
    handler = HANDLERS.get(operation["op"])
    if handler is None:
        raise OperationRefused(
            "unknown_operation",
            f"There is no operation `{operation['op']}`.",
            f"Use one of: {', '.join(sorted(HANDLERS))}.",
        )
    return handler(normal_form(document), operation)


def malformed(message: str) -> OperationRefused:
    return OperationRefused("malformed", message, "Send the operation as docs/editor.md shows it.")


# --- Steps ------------------------------------------------------------------------------------


def add_step(document: Mapped, op: Mapped) -> Result:
    """``{id, step, at?, edges?: [[edge, index]], groups?: {group: index}}``.

    ``edges`` and ``groups`` bring back what a removal took; an edge whose other end has gone
    since is left out.
    """
    step_id, step = text(op, "id"), mapping(op, "step")
    refuse_new_id(document, step_id)
    if not isinstance(step.get("type"), str) or not step.keys() <= STEP_FIELDS:
        raise malformed(f"A step has a `type` and, besides it: {', '.join(sorted(STEP_FIELDS))}.")
    new = {**document, "steps": {**document["steps"], step_id: step}}
    if op.get("at") is not None:
        new["layout"] = {**document["layout"], step_id: point(op["at"])}
    for edge, index in edge_places(op):
        ends = parse_edge(edge)
        if ends[0] in new["steps"] and ends[2] in new["steps"] and edge not in new["edges"]:
            new["edges"] = inserted(new["edges"], edge, index)
    for group, index in optional_mapping(op, "groups").items():
        if group in new["groups"] and step_id not in members(new, group):
            new = with_members(new, group, inserted(members(new, group), step_id, index))
    return new, {"op": "remove_step", "id": step_id}


def remove_step(document: Mapped, op: Mapped) -> Result:
    """``{id}``: with its edges, its place and its membership in groups."""
    step_id = text(op, "id")
    inverse: Mapped = {
        "op": "add_step",
        "id": step_id,
        "step": present_step(document, step_id),
    }
    if step_id in document["layout"]:
        inverse["at"] = document["layout"][step_id]
    taken = [[e, i] for i, e in enumerate(document["edges"]) if step_id in parse_edge(e)[::2]]
    if taken:
        inverse["edges"] = taken
    new = {
        **document,
        "steps": without(document["steps"], step_id),
        "layout": without(document["layout"], step_id),
        "edges": [e for e in document["edges"] if step_id not in parse_edge(e)[::2]],
    }
    groups = {g: members(document, g).index(step_id) for g in groups_of(document, step_id)}
    for group in groups:
        new = with_members(new, group, [s for s in members(new, group) if s != step_id])
    return new, ({**inverse, "groups": groups} if groups else inverse)


def rename_step(document: Mapped, op: Mapped) -> Result:
    """``{id, to, texts?, tests?}``: edges, layout, groups, expressions, the flow's tests follow.

    ``texts`` is ``{pointer: [before, after]}`` for texts that renaming back cannot restore: they
    named the new step before there was one. ``tests`` is ``[before, after]`` in the same case.
    """
    old, new_id = text(op, "id"), text(op, "to")
    known_texts = optional_mapping(op, "texts")
    if any(not are_texts(pair) or len(pair) != PAIR for pair in known_texts.values()):
        raise malformed("`texts` holds pairs of texts, [before, after].")
    present_step(document, old)
    refuse_new_id(document, new_id)
    renamed = {
        **document,
        "steps": {new_id if k == old else k: v for k, v in document["steps"].items()},
        "layout": {new_id if k == old else k: v for k, v in document["layout"].items()},
        "edges": [rename_ends(edge, old, new_id) for edge in document["edges"]],
    }
    for group in groups_of(document, old):
        swapped = [new_id if s == old else s for s in members(document, group)]
        renamed = with_members(renamed, group, swapped)
    renamed, texts = rename_references(renamed, old, new_id, optional_mapping(op, "texts"))
    inverse: Mapped = {"op": "rename_step", "id": new_id, "to": old}
    if texts:
        inverse["texts"] = texts
    if "tests" in renamed:
        renamed["tests"], lasting = renamed_tests(renamed["tests"], op)
        inverse |= {"tests": lasting} if lasting else {}
    return renamed, inverse


def renamed_tests(tests: Json, op: Mapped) -> tuple[Json, list[Json]]:
    """Return the tests with the step renamed, and the pair that the way back needs, if it does."""
    old, new_id, given = op["id"], op["to"], op.get("tests")
    if given is not None and not (isinstance(given, list) and len(given) == PAIR):
        raise malformed("`tests` is a pair, [before, after].")
    restores = given is not None and same(given[0], tests)
    changed = given[1] if given and restores else rename_in_tests(tests, old, new_id)
    comes_back = same(rename_in_tests(changed, new_id, old), tests)
    return changed, [] if comes_back else [changed, tests]


def set_field(document: Mapped, op: Mapped) -> Result:
    """``{step, path, value?, old?}``: without ``value`` the field is removed."""
    step_id = text(op, "step")
    step = present_step(document, step_id)
    new_step, undo = set_at(step, op, STEP_FIELDS)
    new = {**document, "steps": {**document["steps"], step_id: new_step}}
    return new, {"op": "set_field", "step": step_id, **undo}


# --- The flow itself --------------------------------------------------------------------------


def set_flow(document: Mapped, op: Mapped) -> Result:
    """``{path, value?, old?}`` for title, description, lane, input, output, samples, tests."""
    new, undo = set_at(document, op, FLOW_FIELDS)
    return new, {"op": "set_flow", **undo}


def replace(document: Mapped, op: Mapped) -> Result:
    """``{document}``: the whole of it, as an import or a return to an earlier point does."""
    new = normal_form(mapping(op, "document"))
    if new.get("name") != document.get("name"):
        raise OperationRefused(
            "name_fixed",
            f"This flow is `{document.get('name')}`, the document is `{new.get('name')}`.",
            "Change `name` in the document, or import it as a flow of its own.",
        )
    for name, kind in SECTIONS.items():
        if not isinstance(new[name], kind):
            raise malformed(f"`{name}` is not of the right kind.")
    for edge in new["edges"]:
        parse_edge(edge)
    return new, {"op": "replace", "document": document}


def batch(document: Mapped, op: Mapped) -> Result:
    """``{operations, label?}``: all or none."""
    operations = op.get("operations")
    if not isinstance(operations, list) or not operations:
        raise malformed("A batch needs a list `operations` with at least one in it.")
    if nesting(op) > MAX_NESTING:
        raise malformed(f"Batches may lie {MAX_NESTING} deep in one another.")
    inverses = []
    for each in operations:
        document, inverse = apply(document, each)
        inverses.append(inverse)
    undo: Mapped = {"op": "batch", "operations": inverses[::-1]}
    return document, ({**undo, "label": op["label"]} if "label" in op else undo)


def nesting(op: Json) -> int:
    """Return how deep batches lie in one another, without recursion."""
    depth, level = 0, [op]
    while level and depth <= MAX_NESTING:
        batches = [each for each in level if isinstance(each, dict) and each.get("op") == "batch"]
        parts = [each.get("operations") for each in batches]
        level = [each for part in parts if isinstance(part, list) for each in part]
        depth += bool(batches)
    return depth


# --- Edges ------------------------------------------------------------------------------------


def connect(document: Mapped, op: Mapped) -> Result:
    """``{edge, index?}``"""
    edge = new_edge(document, op, "edge")
    index = op.get("index", len(document["edges"]))
    new = {**document, "edges": inserted(document["edges"], edge, index)}
    return new, {"op": "disconnect", "edge": edge}


def disconnect(document: Mapped, op: Mapped) -> Result:
    """``{edge}``"""
    edge = present_edge(document, op)
    index = document["edges"].index(edge)
    new = {
        **document,
        "edges": document["edges"][:index] + document["edges"][index + 1 :],
    }
    return new, {"op": "connect", "edge": edge, "index": index}


def reconnect(document: Mapped, op: Mapped) -> Result:
    """``{edge, to}``: the edge ``edge`` becomes ``to`` and keeps its place in the list."""
    edge, to = present_edge(document, op), new_edge(document, op, "to")
    new = {**document, "edges": [to if e == edge else e for e in document["edges"]]}
    return new, {"op": "reconnect", "edge": to, "to": edge}


# --- Layout, notes, groups --------------------------------------------------------------------


def move(document: Mapped, op: Mapped) -> Result:
    """``{steps?: {id: [x, y] | null}, notes?: {id: [x, y]}}``; what has gone since is left out."""
    steps = known(optional_mapping(op, "steps"), document["steps"])
    notes = known(optional_mapping(op, "notes"), document["notes"])
    if not steps and not notes:
        raise missing_step("What was moved", "Nothing is left to move.")
    layout, back = dict(document["layout"]), {}
    for step_id, at in steps.items():
        back[step_id] = layout.pop(step_id, None)
        if at is not None:
            layout[step_id] = point(at)
    new_notes = dict(document["notes"])
    for note_id, at in notes.items():
        new_notes[note_id] = {**new_notes[note_id], "at": point(at)}
    inverse: Mapped = {"op": "move"}
    if steps:
        inverse["steps"] = back
    if notes:
        inverse["notes"] = {k: document["notes"][k].get("at", [0, 0]) for k in notes}
    return {**document, "layout": layout, "notes": new_notes}, inverse


def adder(section: str, word: str) -> Callable[[Mapped, Mapped], Result]:
    """Return the handler of ``{id, <word>}``."""

    def add(document: Mapped, op: Mapped) -> Result:
        key, value = text(op, "id"), mapping(op, word)
        if key in document[section]:
            raise OperationRefused(
                f"{word}_exists",
                f"There is already a {word} `{key}`.",
                "Give it another id.",
            )
        if word == "note":
            value = {**value, "at": point(value.get("at", [0, 0]))}
        if word == "group":
            value = group_of_present(document, value)
        new = {**document, section: {**document[section], key: value}}
        return new, {"op": f"remove_{word}", "id": key}

    return add


def setter(section: str, word: str, fields: frozenset[str]) -> Callable[[Mapped, Mapped], Result]:
    """Return the handler of ``{id, path, value?, old?}``."""

    def change(document: Mapped, op: Mapped) -> Result:
        key = text(op, "id")
        if key not in document[section]:
            raise missing(word, key)
        value, undo = set_at(document[section][key], op, fields)
        if word == "group":
            present = group_of_present(document, value)
            if present is not value:
                value, undo = present, {"path": "/steps", "value": members(document, key)}
        new = {**document, section: {**document[section], key: value}}
        return new, {"op": f"set_{word}", "id": key, **undo}

    return change


def remover(section: str, word: str) -> Callable[[Mapped, Mapped], Result]:
    """Return the handler of ``{id}``."""

    def remove(document: Mapped, op: Mapped) -> Result:
        key = text(op, "id")
        if key not in document[section]:
            raise missing(word, key)
        value = document[section][key]
        new = {**document, section: without(document[section], key)}
        return new, {"op": f"add_{word}", "id": key, word: value}

    return remove


def group_of_present(document: Mapped, group: Mapped) -> Mapped:
    """Return a group without the steps that have gone, or itself.

    A member that is not there would become one unasked when a step of its name is added, and be
    lost when that is undone.
    """
    if not are_members(group.get("steps")):
        raise malformed("A group needs `steps`, a list of different step ids.")
    steps = [step for step in group["steps"] if step in document["steps"]]
    return group if len(steps) == len(group["steps"]) else {**group, "steps": steps}


# --- Fields by pointer ------------------------------------------------------------------------


def set_at(root: Mapped, op: Mapped, fields: frozenset[str]) -> Result:
    """Set or remove ``op['path']`` below root; return the copy and ``{path, value?}`` that undoes.

    Raises: OperationRefused ``field_changed`` if ``op['old']`` (``null`` for none) is not what
    stands there.
    """
    path = text(op, "path")
    keys = parse_pointer(path)
    if keys[0] not in fields:
        remedy = f"Settable: {', '.join(sorted(fields))}."
        raise OperationRefused("field_unknown", f"`{path}` can't be set.", remedy)
    if "value" in op and keys == ["type"] and not isinstance(op["value"], str):
        raise malformed("A step's `type` is text.")
    here = value_at(root, keys)
    current = None if here is ABSENT else here
    if "old" in op and not same(op["old"], current):
        raise OperationRefused(
            "field_changed",
            f"`{path}` was changed by someone else meanwhile.",
            "Keep theirs, or set yours again.",
            current=current,
        )
    if "value" not in op and (here is ABSENT or keys == ["type"]):
        raise OperationRefused("path_missing", f"`{path}` can't be removed.", "Set it instead.")
    undo = shallowest_change(root, keys)
    return write_at(root, keys, op.get("value", ABSENT), path), undo


def parse_pointer(path: str) -> list[str]:
    """Return the keys of an RFC 6901 pointer."""
    if not path.startswith("/"):
        raise malformed(f"`{path}` is not a pointer: it starts with `/`.")
    return [key.replace("~1", "/").replace("~0", "~") for key in path[1:].split("/")]


def to_pointer(keys: list[str]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def value_at(root: Json, keys: list[str]) -> Json:
    for key in keys:
        if isinstance(root, dict) and key in root:
            root = root[key]
        elif isinstance(root, list) and key.isdecimal() and int(key) < len(root):
            root = root[int(key)]
        else:
            return ABSENT
    return root


def shallowest_change(root: Mapped, keys: list[str]) -> Mapped:
    """Return ``{path, value?}`` that brings back what stands at keys."""
    for depth in range(1, len(keys) + 1):
        if value_at(root, keys[:depth]) is ABSENT:
            return {"path": to_pointer(keys[:depth])}
    return {"path": to_pointer(keys), "value": value_at(root, keys)}


def write_at(root: Json, keys: list[str], value: Json, path: str) -> Json:
    """Return root with value at keys (ABSENT removes), objects made on the way."""
    key, rest = keys[0], keys[1:]
    if isinstance(root, list):
        return write_in_list(root, key, rest, value, path)
    if not isinstance(root, dict):
        raise OperationRefused("path_missing", f"`{path}` leads nowhere.", "Set what is above it.")
    if rest:
        return {**root, key: write_at(root.get(key, {}), rest, value, path)}
    return without(root, key) if value is ABSENT else {**root, key: value}


def write_in_list(root: list[Json], key: str, rest: list[str], value: Json, path: str) -> Json:
    if not key.isdecimal() or int(key) >= len(root) or (value is ABSENT and not rest):
        raise OperationRefused(
            "path_missing",
            f"`{path}` is not an item of its list.",
            "Set the whole list.",
        )
    index = int(key)
    item = write_at(root[index], rest, value, path) if rest else value
    return [*root[:index], item, *root[index + 1 :]]


# --- Checks and small parts -------------------------------------------------------------------


def text(op: Mapped, key: str) -> str:
    value = op.get(key)
    if not isinstance(value, str) or not value:
        raise malformed(f"`{op['op']}` needs `{key}` as text.")
    return value


def mapping(op: Mapped, key: str) -> Mapped:
    value = op.get(key)
    if not isinstance(value, dict):
        raise malformed(f"`{op['op']}` needs `{key}` as an object.")
    return value


def optional_mapping(op: Mapped, key: str) -> Mapped:
    return mapping(op, key) if key in op else {}


def edge_places(op: Mapped) -> list[list[Json]]:
    places = op.get("edges", [])
    if not isinstance(places, list) or any(
        not isinstance(p, list) or len(p) != PAIR for p in places
    ):
        raise malformed("`edges` is a list of pairs, [edge, index].")
    return places


def known(values: Mapped, among: Mapped) -> Mapped:
    return {key: value for key, value in values.items() if key in among}


def point(value: Json) -> list[float]:
    numbers = isinstance(value, list) and len(value) == PAIR
    if not numbers or any(isinstance(n, bool) or not isinstance(n, (int, float)) for n in value):
        raise malformed("A place is a pair of numbers, [x, y].")
    return list(value)


def are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def are_members(value: Json) -> bool:
    return are_texts(value) and len(set(value)) == len(value)


def missing(word: str, key: str) -> OperationRefused:
    return OperationRefused(
        f"{word}_missing",
        f"There is no {word} `{key}` any more.",
        "It may have been removed.",
    )


def missing_step(message: str, remedy: str) -> OperationRefused:
    return OperationRefused("step_missing", f"{message} is no longer in the flow.", remedy)


def present_step(document: Mapped, step_id: str) -> Mapped:
    step: Mapped | None = document["steps"].get(step_id)
    if step is None:
        raise missing_step(f"Step `{step_id}`", "It may have been removed or renamed: undo that.")
    return step


def refuse_new_id(document: Mapped, step_id: str) -> None:
    if not STEP_ID.fullmatch(step_id):
        raise OperationRefused(
            "id_invalid",
            f"`{step_id}` can't name a step.",
            "Use letters, digits and _; at most 80.",
        )
    if step_id in document["steps"]:
        raise OperationRefused(
            "step_exists",
            f"There is already a step `{step_id}`.",
            "Give it another name.",
        )


def parse_edge(edge: Json) -> tuple[str, str, str]:
    """Return source, port and target of ``source.port -> target``."""
    found = EDGE.fullmatch(edge) if isinstance(edge, str) else None
    if found is None:
        raise malformed(f"`{edge}` is not an edge: write `step.port -> step`.")
    return found[1], found[2], found[3]


def edge_text(source: str, port: str, target: str) -> str:
    return f"{source}.{port} -> {target}"


def rename_ends(edge: str, old: str, new: str) -> str:
    source, port, target = parse_edge(edge)
    if old not in (source, target):
        return edge
    return edge_text(new if source == old else source, port, new if target == old else target)


def new_edge(document: Mapped, op: Mapped, key: str) -> str:
    source, port, target = parse_edge(op.get(key))
    present_step(document, source)
    present_step(document, target)
    edge = edge_text(source, port, target)
    if edge in document["edges"]:
        raise OperationRefused("edge_exists", f"`{edge}` is there already.", "Nothing to do.")
    return edge


def present_edge(document: Mapped, op: Mapped) -> str:
    edge = text(op, "edge")
    if edge not in document["edges"]:
        raise OperationRefused(
            "edge_missing",
            f"`{edge}` is no longer in the flow.",
            "It may have been removed.",
        )
    return edge


def members(document: Mapped, group: str) -> list[str]:
    found: list[str] = document["groups"][group].get("steps", [])
    return found


def groups_of(document: Mapped, step_id: str) -> list[str]:
    return [group for group in document["groups"] if step_id in members(document, group)]


def with_members(document: Mapped, group: str, steps: list[str]) -> Mapped:
    changed = {**document["groups"][group], "steps": steps}
    return {**document, "groups": {**document["groups"], group: changed}}


def without(values: Mapped, key: str) -> Mapped:
    return {k: v for k, v in values.items() if k != key}


def inserted(values: list[Json], value: Json, index: Json) -> list[Json]:
    if isinstance(index, bool) or not isinstance(index, int) or index < 0:
        raise malformed("`index` is a whole number from 0.")
    return [*values[:index], value, *values[index:]]


def same(one: Json, other: Json) -> bool:
    """Tell whether two JSON values are equal; unlike ``==``, ``true`` is not ``1``."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


NOTE_FIELDS = frozenset({"text", "at", "size", "colour"})
GROUP_FIELDS = frozenset({"title", "steps", "collapsed", "colour"})
HANDLERS: dict[str, Callable[[Mapped, Mapped], Result]] = {
    "add_step": add_step,
    "remove_step": remove_step,
    "rename_step": rename_step,
    "set_field": set_field,
    "set_flow": set_flow,
    "replace": replace,
    "batch": batch,
    "connect": connect,
    "disconnect": disconnect,
    "reconnect": reconnect,
    "move": move,
    "add_note": adder("notes", "note"),
    "set_note": setter("notes", "note", NOTE_FIELDS),
    "remove_note": remover("notes", "note"),
    "add_group": adder("groups", "group"),
    "set_group": setter("groups", "group", GROUP_FIELDS),
    "remove_group": remover("groups", "group"),
}
