"""What each edit does, what it refuses, and that its inverse brings back the start."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.graph.operations import OperationRefused, apply, normal_form
from tests.unit.operations.samples import loan, random_operation

VECTORS = Path(__file__).parents[2] / "vectors" / "operations"


def vectors() -> list[Any]:
    found = []
    for path in sorted(VECTORS.glob("*.json")):
        found += json.loads(path.read_text())["vectors"]
    return found


@pytest.mark.parametrize("vector", vectors(), ids=lambda v: v["name"])
def test_the_operations_give_what_the_shared_vectors_say(vector: dict[str, Any]) -> None:
    start = deepcopy(vector["start"])
    if "refused" in vector:
        with pytest.raises(OperationRefused) as refusal:
            apply(start, vector["operation"])
        assert refusal.value.code == vector["refused"]
    else:
        result, inverse = apply(start, vector["operation"])
        assert result == vector["result"]
        assert inverse == vector["inverse"]
        assert apply(result, inverse)[0] == normal_form(vector["start"])
    assert start == vector["start"], "the document that was given must not change"


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_undo_of_everything_gives_the_start(random: Any, length: int) -> None:
    start = document = normal_form(loan())
    inverses = []
    for _ in range(length):
        try:
            document, inverse = apply(document, random_operation(random, document))
        except OperationRefused:
            continue
        inverses.append(inverse)
    redo = []
    for inverse in reversed(inverses):
        document, again = apply(document, inverse)
        redo.append(again)
    assert document == start
    end = document
    for operation in reversed(redo):
        end, _ = apply(end, operation)
    for inverse in reversed(inverses):
        end, _ = apply(end, inverse)
    assert end == start


def test_a_field_that_changed_meanwhile_is_refused_with_what_stands_there() -> None:
    operation = {"op": "set_field", "step": "score", "path": "/title", "value": "A", "old": "Old"}
    with pytest.raises(OperationRefused) as refusal:
        apply(loan(), operation)
    assert refusal.value.as_json()["current"] == "Credit score"


def test_renaming_keeps_every_expression_right() -> None:
    document, _ = apply(loan(), {"op": "rename_step", "id": "score", "to": "rating"})
    assert document["output"] == {"risk": "${ steps.rating.output.risk }"}
    assert document["steps"]["route"]["with"]["cases"][0]["when"] == (
        "steps.rating.output.confidence >= 0.85 && steps.scores.x == 1"
    )
    assert document["steps"]["review"]["compensate"] == "rating"
    assert "rating.done -> route" in document["edges"]
    assert document["groups"]["machines"]["steps"] == ["rating", "route"]


def test_renaming_a_step_renames_it_in_the_flows_tests_and_not_in_their_inputs() -> None:
    document, inverse = apply(loan(), {"op": "rename_step", "id": "route", "to": "way"})
    test = document["tests"][0]
    assert test["stubs"] == {"score": {"output": {"risk": 1}}, "way": {}}
    assert test["expect"]["path"] == ["score", "way"]
    assert test["input"] == {"step": "score"}
    document, _ = apply(document, {"op": "rename_step", "id": "score", "to": "s"})
    assert document["tests"][0]["expect"]["waits_at"] == "s"
    assert "tests" not in inverse


def test_renaming_back_brings_back_a_test_that_named_the_new_step_before() -> None:
    document, inverse = apply(loan(), {"op": "rename_step", "id": "score", "to": "rating"})
    assert document["tests"][0]["expect"]["not_path"] == ["rating"]
    assert apply(document, inverse)[0] == normal_form(loan())
    # Once somebody has changed the tests, they are renamed as they stand.
    document, _ = apply(document, {"op": "set_flow", "path": "/tests/0/name", "value": "Other"})
    back, _ = apply(document, inverse)
    assert back["tests"][0]["name"] == "Other"
    assert back["tests"][0]["expect"]["path"] == ["score", "route"]


def test_renaming_back_leaves_a_text_alone_that_named_the_new_step_before() -> None:
    start, _ = apply(
        normal_form(loan()),
        {"op": "set_field", "step": "score", "path": "/with/hint", "value": "steps.rating.output"},
    )
    document, inverse = apply(start, {"op": "rename_step", "id": "score", "to": "rating"})
    assert inverse["texts"]
    assert apply(document, inverse)[0] == start


def test_a_batch_changes_all_or_nothing() -> None:
    start = loan()
    batch = {
        "op": "batch",
        "operations": [{"op": "remove_step", "id": "score"}, {"op": "remove_step", "id": "score"}],
    }
    with pytest.raises(OperationRefused):
        apply(start, batch)
    assert start == loan()


def test_undoing_a_removal_leaves_out_the_edge_whose_other_end_has_gone() -> None:
    document, inverse = apply(loan(), {"op": "remove_step", "id": "score"})
    document, _ = apply(document, {"op": "remove_step", "id": "review"})
    document, _ = apply(document, inverse)
    assert document["edges"] == ["score.done -> route"]


@pytest.mark.parametrize(
    "operation",
    [
        None,
        [],
        {},
        {"op": 1},
        {"op": "add_step", "id": "x", "step": {"type": "a"}, "edges": 3},
        {"op": "add_step", "id": "x", "step": {"type": "a"}, "groups": []},
        {"op": "add_step", "id": "x", "step": {"type": "a", "surprise": 1}},
        {"op": "move", "steps": {"score": [1, "2"]}},
        {"op": "move", "steps": {"score": [1, True]}},
        {"op": "rename_step", "id": "score", "to": "x", "texts": {"/a": 5}},
        {"op": "set_field", "step": "score", "path": "title", "value": 1},
        {"op": "connect", "edge": "score.done > review"},
        {"op": "add_group", "id": "g", "group": {"steps": ["score", "score"]}},
        {"op": "batch", "operations": []},
    ],
)
def test_a_malformed_operation_is_refused_by_name(operation: Any) -> None:
    with pytest.raises(OperationRefused) as refusal:
        apply(loan(), operation)
    assert refusal.value.code == "malformed"
    assert refusal.value.remedy
