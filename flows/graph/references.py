"""Renaming a step where a document's texts name it, as ``steps.<id>``. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Json = Any
Mapped = dict[str, Json]
# The parts of a document in which an expression may stand, below the root and below a step.
FLOW_PARTS = ("output",)
STEP_PARTS = ("with", "limit", "title", "compensate")
# The parts of a test that are keyed by step, and those of what it expects that name steps.
TEST_ANSWERS = ("stubs", "decisions")
TEST_EXPECTATIONS = ("path", "not_path", "waits_at")


def rename_references(
    document: Mapped, old: str, new: str, texts: Mapping[str, list[str]]
) -> tuple[Mapped, Mapped]:
    """Return the document with the step renamed in its texts, and ``texts`` for the undo.

    Expressions name a step as ``steps.<old>``, and ``compensate`` by its name alone.

    ``texts`` is ``{pointer: [before, after]}``: a text that still reads ``before`` becomes
    ``after``. What is returned holds only those texts that renaming back would not restore.
    Pointers into the renamed step itself start with ``/step``, so that they hold both ways.
    """
    kept: Mapped = {}

    def rename(value: str, pointer: str) -> str:
        given = texts.get(pointer)
        changed = given[1] if given and given[0] == value else rewrite(value, pointer, old, new)
        if rewrite(changed, pointer, new, old) != value:
            kept[pointer] = [changed, value]
        return changed

    def locate(step_id: str) -> str:
        return "/step" if step_id == new else f"/steps/{step_id}"

    steps = {
        step_id: {
            key: map_texts(value, f"{locate(step_id)}/{key}", rename)
            if key in STEP_PARTS
            else value
            for key, value in step.items()
        }
        for step_id, step in document["steps"].items()
    }
    parts = {
        key: map_texts(document[key], f"/{key}", rename) for key in FLOW_PARTS if key in document
    }
    return {**document, "steps": steps, **parts}, kept


def rewrite(value: str, pointer: str, old: str, new: str) -> str:
    """Return the text at the pointer with the step renamed."""
    if re.fullmatch(r"/step(s/[^/]+)?/compensate", pointer):
        return new if value == old else value
    return re.sub(
        rf"\bsteps(\.|\[[\"']){re.escape(old)}\b",
        rf"steps\g<1>{new}",
        value,
        flags=re.A,
    )


def map_texts(value: Json, pointer: str, change: Callable[[str, str], str]) -> Json:
    """Return a copy of value with each text in it replaced by ``change(text, pointer)``."""
    if isinstance(value, str):
        return change(value, pointer)
    if isinstance(value, dict):
        return {k: map_texts(v, f"{pointer}/{escape_key(k)}", change) for k, v in value.items()}
    if isinstance(value, list):
        return [map_texts(each, f"{pointer}/{i}", change) for i, each in enumerate(value)]
    return value


def rename_in_tests(tests: Json, old: str, new: str) -> Json:
    """Return a flow's tests with the step renamed in what they stub, decide and expect.

    Where a test already names ``new``, it named a missing step: what it says of ``old`` replaces
    that. Inputs are data and stay, as does whatever does not have the form of a test.
    """
    if not isinstance(tests, list):
        return tests
    return [_rename_in_test(test, old, new) if isinstance(test, dict) else test for test in tests]


def _rename_in_test(test: Mapped, old: str, new: str) -> Mapped:
    changed = dict(test)
    for part in TEST_ANSWERS:
        answers = test.get(part)
        if isinstance(answers, dict) and old in answers:
            others = {k: v for k, v in answers.items() if k != new}
            changed[part] = {new if k == old else k: v for k, v in others.items()}
    expect = test.get("expect")
    if isinstance(expect, dict):
        changed["expect"] = {
            k: _rename_names(v, old, new) if k in TEST_EXPECTATIONS else v
            for k, v in expect.items()
        }
    return changed


def _rename_names(value: Json, old: str, new: str) -> Json:
    if isinstance(value, list):
        return [new if each == old else each for each in value]
    return new if value == old else value


def escape_key(key: str) -> str:
    """Return the key as it stands in a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
