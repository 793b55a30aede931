"""Where a document's texts name a step, as ``steps.<id>``. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = Any
Mapped = dict[str, Json]
# The parts of a document in which an expression may stand, below the root and below a step.
FLOW_PARTS = ("output",)
STEP_PARTS = ("with", "limit", "title", "compensate")
# The parts of a test that are by step, and those of what it expects that name steps.
TEST_ANSWERS = ("stubs", "decisions")
TEST_EXPECTATIONS = ("path", "not_path", "waits_at")


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


def rename_in_tests(tests: Json, old: str, new: str) -> Json:
    """Return a flow's tests with the step's name changed in what they stub, decide and expect.

    A test that already names ``new`` named a step that was not there: what it says of old holds.
    Inputs are data, and left alone. What has not the form of a test stays as it is.
    """
    if not isinstance(tests, list):
        return tests
    return [_renamed_test(test, old, new) if isinstance(test, dict) else test for test in tests]


def _renamed_test(test: Mapped, old: str, new: str) -> Mapped:
    changed = dict(test)
    for part in TEST_ANSWERS:
        answers = test.get(part)
        if isinstance(answers, dict) and old in answers:
            others = {k: v for k, v in answers.items() if k != new}
            changed[part] = {new if k == old else k: v for k, v in others.items()}
    expect = test.get("expect")
    if isinstance(expect, dict):
        changed["expect"] = {
            k: _renamed_names(v, old, new) if k in TEST_EXPECTATIONS else v
            for k, v in expect.items()
        }
    return changed


def _renamed_names(value: Json, old: str, new: str) -> Json:
    if isinstance(value, list):
        return [new if each == old else each for each in value]
    return new if value == old else value


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
