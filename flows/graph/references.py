"""Where a document's texts name a step, as ``steps.<id>``. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = Any
Mapped = dict[str, Json]
# The parts of a document in which an expression may stand, below the root and below a step.
FLOW_PARTS = ("output",)
STEP_PARTS = ("with", "limit", "title", "compensate")


def rename_references(
    document: Mapped, old: str, new: str, texts: Mapping[str, list[str]]
) -> tuple[Mapped, Mapped]:
    """Rewrite every ``steps.<old>`` to ``steps.<new>``, and compensations that name old.

    ``texts`` is ``{pointer: [before, after]}``: a text that still reads ``before`` becomes
    ``after`` as it stands. Returns the document and such a mapping for the way back, of those
    texts alone that rewriting them again would not restore. Pointers into the renamed step
    itself start with ``/step``, so that they hold in both directions.
    """
    lasting: Mapped = {}

    def swap(value: str, pointer: str) -> str:
        given = texts.get(pointer)
        changed = given[1] if given and given[0] == value else rewrite(value, pointer, old, new)
        if rewrite(changed, pointer, new, old) != value:
            lasting[pointer] = [changed, value]
        return changed

    def base(step_id: str) -> str:
        return "/step" if step_id == new else f"/steps/{step_id}"

    steps = {
        step_id: {
            key: mapped(value, f"{base(step_id)}/{key}", swap) if key in STEP_PARTS else value
            for key, value in step.items()
        }
        for step_id, step in document["steps"].items()
    }
    parts = {key: mapped(document[key], f"/{key}", swap) for key in FLOW_PARTS if key in document}
    return {**document, "steps": steps, **parts}, lasting


def rewrite(value: str, pointer: str, old: str, new: str) -> str:
    """Return one text with the step's name changed."""
    if re.fullmatch(r"/step(s/[^/]+)?/compensate", pointer):
        return new if value == old else value
    return re.sub(
        rf"\bsteps(\.|\[[\"']){re.escape(old)}\b",
        rf"steps\g<1>{new}",
        value,
        flags=re.A,
    )


def mapped(value: Json, pointer: str, swap: Callable[[str, str], str]) -> Json:
    """Return value with ``swap(text, pointer)`` done to each text in it."""
    if isinstance(value, str):
        return swap(value, pointer)
    if isinstance(value, dict):
        return {k: mapped(v, f"{pointer}/{escaped(k)}", swap) for k, v in value.items()}
    if isinstance(value, list):
        return [mapped(each, f"{pointer}/{i}", swap) for i, each in enumerate(value)]
    return value


def escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def references(value: Json) -> Iterator[str]:
    """Yield the step ids that the texts in value name."""
    if isinstance(value, str):
        yield from re.findall(r"\bsteps(?:\.|\[[\"'])([A-Za-z_][A-Za-z0-9_]*)", value, flags=re.A)
    elif isinstance(value, dict):
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)
