"""Write the vectors: `python -m tests.vectors.operations.make`.

The Python half makes them; tests/unit/operations says by hand what the results must be.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

from flows.graph.operations import OperationRefused, apply, normal_form
from tests.unit.operations.samples import loan, random_operation

HERE = Path(__file__).parent
DEEP: Any = 1
for _ in range(57):
    DEEP = [DEEP]
NAMED: list[tuple[str, dict[str, Any]]] = [
    ("add a step", {"op": "add_step", "id": "end", "step": {"type": "end"}, "at": [1, 2.5]}),
    ("add a step that is there", {"op": "add_step", "id": "score", "step": {"type": "end"}}),
    ("add a step with a bad id", {"op": "add_step", "id": "1 st", "step": {"type": "end"}}),
    ("remove a step with edges and groups", {"op": "remove_step", "id": "score"}),
    ("remove a step that has gone", {"op": "remove_step", "id": "gone"}),
    ("rename a step", {"op": "rename_step", "id": "score", "to": "rating"}),
    ("rename a step that a limit's key names", {"op": "rename_step", "id": "route", "to": "way"}),
    (
        "rename a step with a malformed pair of tests",
        {"op": "rename_step", "id": "score", "to": "rating", "tests": [1]},
    ),
    (
        "set a step's limit",
        {"op": "set_field", "step": "score", "path": "/limit", "value": {"concurrent": 2}},
    ),
    ("rename to a name that dangles", {"op": "rename_step", "id": "route", "to": "scores"}),
    (
        "set a deep field",
        {"op": "set_field", "step": "review", "path": "/with/form/a~1b", "value": 1},
    ),
    (
        "set an item of a list",
        {"op": "set_field", "step": "route", "path": "/with/cases/0/port", "value": "ok"},
    ),
    (
        "set past a list",
        {"op": "set_field", "step": "route", "path": "/with/cases/1/port", "value": "ok"},
    ),
    ("remove a field", {"op": "set_field", "step": "score", "path": "/title"}),
    ("remove a field that is not there", {"op": "set_field", "step": "route", "path": "/title"}),
    (
        "set a field with the right old value",
        {"op": "set_field", "step": "route", "path": "/title", "value": "R", "old": None},
    ),
    (
        "set a field with a stale old value",
        {"op": "set_field", "step": "score", "path": "/title", "value": "R", "old": None},
    ),
    (
        "set a field that no step has",
        {"op": "set_field", "step": "score", "path": "/x", "value": 1},
    ),
    ("set the flow's title", {"op": "set_flow", "path": "/title", "value": "Loans"}),
    ("set a sample", {"op": "set_flow", "path": "/samples/first", "value": {"amount": 1}}),
    (
        "set a sample as deep as may be",
        {"op": "set_flow", "path": "/samples/deep", "value": [DEEP]},
    ),
    (
        "set a sample that nests too deep",
        {"op": "set_flow", "path": "/samples/deep", "value": [[DEEP]]},
    ),
    (
        "set a field that nests too deep",
        {"op": "set_field", "step": "score", "path": "/with/a", "value": [DEEP]},
    ),
    ("connect", {"op": "connect", "edge": "score.error->review"}),
    ("connect twice", {"op": "connect", "edge": "score.done -> route"}),
    ("connect to nothing", {"op": "connect", "edge": "score.done -> gone"}),
    ("connect at a place", {"op": "connect", "edge": "score.error -> review", "index": 0}),
    ("disconnect", {"op": "disconnect", "edge": "route.unsure -> review"}),
    ("disconnect what has gone", {"op": "disconnect", "edge": "route.x -> review"}),
    (
        "reconnect",
        {"op": "reconnect", "edge": "route.unsure -> review", "to": "route.clear -> score"},
    ),
    (
        "move",
        {"op": "move", "steps": {"score": [5, 6], "review": [7, 8]}, "notes": {"why": [1, 1]}},
    ),
    ("move what has gone", {"op": "move", "steps": {"gone": [5, 6]}}),
    ("add a note", {"op": "add_note", "id": "n", "note": {"text": "x", "at": [1, 1]}}),
    ("set a note", {"op": "set_note", "id": "why", "path": "/text", "value": "y"}),
    ("remove a note", {"op": "remove_note", "id": "why"}),
    ("add a group", {"op": "add_group", "id": "g", "group": {"steps": ["review"]}}),
    (
        "collapse a group",
        {"op": "set_group", "id": "machines", "path": "/collapsed", "value": True},
    ),
    (
        "add a group of steps that have gone",
        {"op": "add_group", "id": "g", "group": {"steps": ["gone", "review"]}},
    ),
    (
        "set a group's steps, one of which has gone",
        {"op": "set_group", "id": "machines", "path": "/steps", "value": ["review", "gone"]},
    ),
    ("remove a group", {"op": "remove_group", "id": "machines"}),
    ("replace the whole", {"op": "replace", "document": {"name": "loan", "steps": {}}}),
    ("replace with another flow", {"op": "replace", "document": {"name": "x"}}),
    ("an unknown operation", {"op": "explode"}),
    (
        "a batch",
        {
            "op": "batch",
            "label": "Insert",
            "operations": [
                {"op": "disconnect", "edge": "score.done -> route"},
                {"op": "add_step", "id": "check", "step": {"type": "transform"}, "at": [200, 120]},
                {"op": "connect", "edge": "score.done -> check"},
                {"op": "connect", "edge": "check.done -> route"},
            ],
        },
    ),
]


def vector(name: str, start: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "start": start, "operation": operation}
    try:
        found["result"], found["inverse"] = apply(start, operation)
    except OperationRefused as refusal:
        found["refused"] = refusal.code
    return found


def write(name: str, vectors: list[dict[str, Any]]) -> None:
    lines = ",\n".join(json.dumps(each, sort_keys=True) for each in vectors)
    (HERE / f"{name}.json").write_text('{"vectors": [\n' + lines + "\n]}\n")


def main() -> None:
    write("named", [vector(name, loan(), operation) for name, operation in NAMED])
    random, document, walk = Random(1), normal_form(loan()), []
    for number in range(150):
        made = vector(f"walk {number}", document, random_operation(random, document))
        walk.append(made)
        document = made.get("result", document)
    write("walk", walk)


if __name__ == "__main__":
    main()
