"""Validation knows the control-flow steps: no false alarm, no silent misuse."""

import pytest

from flows.graph.codec import parse
from flows.graph.validation import Problem, validate
from flows.steps.catalogue import catalogue

HEAD = "schema: countersign/flow@1\nname: x\n"


def problems(steps: str, *edges: str) -> list[Problem]:
    lines = "".join(f"  - {edge}\n" for edge in edges)
    return validate(parse(f"{HEAD}steps:\n{steps}edges:\n{lines}"), catalogue())


WORK = "{type: transform, with: {output: {n: 1}}"
UNDONE = f"""\
  a: {WORK}, compensate: undo}}
  undo: {{type: transform, with: {{output: {{n: "${{ steps.a.output.n }}"}}}}}}
  back: {{type: compensate}}
"""


def test_a_step_that_undoes_needs_no_edge_and_may_read_what_it_undoes() -> None:
    assert problems(UNDONE, "a.done -> back") == []


def test_a_flow_whose_only_other_start_is_an_undoing_has_no_start() -> None:
    found = problems(
        f"  a: {WORK}, compensate: undo, max_visits: 2}}\n  b: {WORK}}}\n  undo: {WORK}}}\n",
        "a.done -> b", "b.done -> a", "a.limit -> b",
    )  # fmt: skip
    assert "flow.no_start" in {problem.code for problem in found}


def test_an_item_is_known_where_a_for_each_makes_its_inputs() -> None:
    each = (
        "  each: {type: for_each, with: {flow: y, items: '${ input.all }',"
        " input: {v: '${ item.x + 1 }', n: '${ index }'}}}\n"
    )
    assert problems(each) == []


@pytest.mark.parametrize("type_", ["cancel", "turn"])
@pytest.mark.parametrize(
    ("named", "code", "remedy"),
    [("wrok", "region.unknown_step", "Did you mean work?"), ("x", "region.own_step", "Remove it")],
)
def test_a_region_names_other_steps_that_are_there(
    type_: str, named: str, code: str, remedy: str
) -> None:
    [problem] = problems(
        f"  work: {WORK}}}\n  x: {{type: {type_}, with: {{steps: [work, {named}]}}}}\n",
        "work.done -> x",
    )
    assert (problem.code, problem.step, problem.field) == (code, "x", "with.steps[1]")
    assert remedy in problem.remedy


@pytest.mark.parametrize("undo", ["{type: join}", "{type: end}", "{type: compensate}"])
def test_a_compensation_must_be_a_step_that_can_undo(undo: str) -> None:
    found = problems(
        f"  a: {WORK}, compensate: undo}}\n  b: {WORK}}}\n  undo: {undo}\n", "a.done -> b"
    )
    assert ("step.compensate", "a") in {(problem.code, problem.step) for problem in found}


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ("{mode: count}", "config.wrong"),
        ("{mode: any, n: 2}", "config.wrong"),
        ("{mode: threads, n: 3}", "join.waits_for_ever"),
        ("{mode: count, n: 3}", "join.waits_for_ever"),
        ("{mode: some}", "config.wrong"),
    ],
)
def test_a_join_that_cannot_be_meant_is_found(config: str, code: str) -> None:
    found = problems(
        f"  s: {WORK}}}\n  a: {WORK}}}\n  b: {WORK}}}\n  j: {{type: join, with: {config}}}\n",
        "s.done -> a", "s.done -> b", "a.done -> j", "b.done -> j",
    )  # fmt: skip
    assert [(problem.code, problem.step) for problem in found] == [(code, "j")]


@pytest.mark.parametrize(
    "config", ["{mode: threads, n: 2}", "{mode: threads}", "{mode: count, n: 2}"]
)
def test_a_join_that_can_be_met_is_left_alone(config: str) -> None:
    assert not problems(
        f"  s: {WORK}}}\n  a: {WORK}}}\n  b: {WORK}}}\n  j: {{type: join, with: {config}}}\n",
        "s.done -> a", "s.done -> b", "a.done -> j", "b.done -> j",
    )  # fmt: skip
