"""The sections of a document, and finding and changing what they hold by id."""

import re
from collections.abc import Mapping

from flows.graph.operations.arguments import read_mapping, read_text
from flows.graph.operations.refusals import OperationRefused, step_missing
from flows.graph.operations.values import Json, Mapped

SECTIONS: dict[str, type] = {
    "steps": dict,
    "edges": list,
    "layout": dict,
    "notes": dict,
    "groups": dict,
}
STEP_ID = re.compile(r"(?!__)[^\s.>]{1,80}")


def normal_form(document: Mapping[str, Json]) -> Mapped:
    """Return the document with every section that an operation may write, if need be empty."""
    missing = {name: kind() for name, kind in SECTIONS.items() if not document.get(name)}
    return {**document, **missing}


# --- Steps ------------------------------------------------------------------------------------


def find_step(document: Mapped, step_id: str) -> Mapped:
    """Return the step. Raises: OperationRefused, if it is not there."""
    step: Mapped | None = document["steps"].get(step_id)
    if step is None:
        raise step_missing(
            f"The step `{step_id}` is no longer in the flow.",
            "Somebody may have removed or renamed it: undo that, or leave this edit.",
        )
    return step


def check_new_step_id(document: Mapped, step_id: str) -> None:
    """Raise OperationRefused unless a new step may have this id."""
    if not STEP_ID.fullmatch(step_id):
        raise OperationRefused(
            "id_invalid",
            f"`{step_id}` is not a valid name for a step.",
            "Use letters, digits and _, at most 80 characters.",
        )
    if step_id in document["steps"]:
        raise OperationRefused(
            "step_exists",
            f"The flow already has a step `{step_id}`.",
            "Choose another name.",
        )


# --- Notes and groups: `section` is the plural, `word` the singular -----------------------------


def read_new_entry(document: Mapped, op: Mapped, section: str, word: str) -> tuple[str, Mapped]:
    """Return ``id`` and content of the note or group to add."""
    key, value = read_text(op, "id"), read_mapping(op, word)
    if key in document[section]:
        raise OperationRefused(
            f"{word}_exists", f"The flow already has a {word} `{key}`.", "Choose another id."
        )
    return key, value


def find_entry(document: Mapped, op: Mapped, section: str, word: str) -> tuple[str, Mapped]:
    """Return ``id`` and content of the note or group that the operation names."""
    key = read_text(op, "id")
    if key not in document[section]:
        raise OperationRefused(
            f"{word}_missing",
            f"The {word} `{key}` is no longer in the flow.",
            "Somebody may have removed it: undo that, or leave this edit.",
        )
    return key, document[section][key]


def set_entry(document: Mapped, section: str, key: str, value: Json) -> Mapped:
    """Return the document with one entry of a section set."""
    return {**document, section: {**document[section], key: value}}
