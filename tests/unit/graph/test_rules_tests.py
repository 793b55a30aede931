"""A flow's own test that holds a typing mistake is refused, with its place and the right word."""

from typing import Any

import pytest

from flows.graph.codec import parse
from flows.graph.model import Document
from flows.graph.schema import json_schema, schema_validator
from flows.graph.validation import Problem, validate
from flows.steps.catalogue import catalogue

GOOD: dict[str, Any] = {
    "name": "A low one is asked about",
    "input": {"p": 0.2},
    "stubs": {"tell": {"error": {"kind": "smtp", "message": "Away."}}},
    "decisions": {"ask": [{"port": "done", "output": {}}]},
    "expect": {
        "path": ["route", "ask"],
        "not_path": ["tell"],
        "outcome": "told",
        "output": {"p": 0.2},
        "status": "waiting",
        "waits_at": "ask",
    },
}


def make_mapping(test: Any) -> dict[str, Any]:
    return {
        "schema": "countersign/flow@1",
        "name": "loan",
        "input": {"type": "object", "required": ["p"], "properties": {"p": {"type": "number"}}},
        "samples": {"good": {"p": 0.9}, "bad": {"p": "high"}},
        "steps": {
            "route": {
                "type": "branch",
                "with": {"cases": [{"port": "clear", "when": "input.p > 0.8"}], "otherwise": "no"},
            },
            "ask": {"type": "wait", "with": {"seconds": 60}},
            "tell": {"type": "transform", "with": {"output": 1}},
        },
        "edges": ["route.clear -> tell", "route.no -> ask"],
        "tests": [test],
    }


def make_document(test: Any) -> Document:
    return parse(make_mapping(test))


def list_errors(test: Any) -> list[Problem]:
    problems = validate(make_document(test), catalogue())
    return [problem for problem in problems if problem.severity == "error"]


@pytest.mark.parametrize("test", [GOOD, {}, {"input": "good", "expect": {}}])
def test_a_test_of_the_right_form_has_no_problems(test: dict[str, Any]) -> None:
    given = test or {"input": {"p": 1}}
    assert list_errors(given) == []
    schema_validator(json_schema()).validate(make_mapping(given))


FORM = [
    ({"expects": {}}, "test.unknown_field", "tests[0].expects", "mean expect?"),
    ({"decision": {}}, "test.unknown_field", "tests[0].decision", "mean decisions?"),
    ({"expect": {"outcom": "x"}}, "test.unknown_field", "tests[0].expect.outcom", "mean outcome?"),
    ({"expect": {"paths": []}}, "test.unknown_field", "tests[0].expect.paths", "mean path?"),
    ({"expect": {"status": "complete"}}, "test.wrong", "tests[0].expect.status", "completed?"),
    ({"expect": {"path": "ask"}}, "test.wrong", "tests[0].expect.path", "a list of steps"),
    ({"expect": {"not_path": [1]}}, "test.wrong", "tests[0].expect.not_path", "a list of steps"),
    ({"expect": {"waits_at": ["ask"]}}, "test.wrong", "tests[0].expect.waits_at", "text"),
    ({"expect": "told"}, "test.wrong", "tests[0].expect", "a mapping"),
    ({"name": 3}, "test.wrong", "tests[0].name", "text"),
    ({"stubs": ["ask"]}, "test.wrong", "tests[0].stubs", "a mapping"),
    ({"stubs": {"ask": 1}}, "test.wrong", "tests[0].stubs.ask", "`output`"),
    ({"stubs": {"ask": []}}, "test.wrong", "tests[0].stubs.ask", "at least one"),
    ({"stubs": {"ask": [{"ouput": 1}]}}, "test.unknown_field", "tests[0].stubs.ask[0].ouput",
     "mean output?"),
    ({"stubs": {"ask": {"error": "x"}}}, "test.wrong", "tests[0].stubs.ask.error", "`kind`"),
    ({"decisions": {"ask": {"port": 1}}}, "test.wrong", "tests[0].decisions.ask.port", "text"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "code", "field", "remedy"), FORM)
def test_a_fault_of_form_is_named_by_validation_and_by_the_published_schema(
    change: dict[str, Any], code: str, field: str, remedy: str
) -> None:
    [problem] = list_errors({**GOOD, **change})
    assert (problem.code, problem.field) == (code, field)
    assert remedy in problem.remedy
    assert not schema_validator(json_schema()).is_valid(make_mapping({**GOOD, **change}))


@pytest.mark.parametrize(
    ("change", "code", "field", "said"),
    [
        ({"stubs": {"tel": {}}}, "test.unknown_step", "tests[0].stubs.tel", "mean tell?"),
        ({"expect": {"path": ["rout"]}}, "test.unknown_step", "tests[0].expect.path[0]", "route?"),
        ({"expect": {"not_path": ["tel"]}}, "test.unknown_step", "tests[0].expect.not_path[0]",
         "mean tell?"),
        ({"expect": {"waits_at": "aks"}}, "test.unknown_step", "tests[0].expect.waits_at", "ask?"),
        ({"stubs": {"route": {"port": "claer"}}}, "test.unknown_port",
         "tests[0].stubs.route.port", "mean clear?"),
        ({"input": "godo"}, "test.sample", "tests[0].input", "mean good?"),
        ({"input": "bad"}, "test.input", "tests[0].input.p", "No run starts"),
        ({"input": {"p": "0.2"}}, "test.input", "tests[0].input.p", "number"),
        ({"input": {}}, "test.input", "tests[0].input", "required"),
    ],
)  # fmt: skip
def test_what_a_test_names_must_be_there_and_its_input_must_start_a_run(
    change: dict[str, Any], code: str, field: str, said: str
) -> None:
    [problem] = list_errors({**GOOD, **change})
    assert (problem.code, problem.field) == (code, field)
    assert said in f"{problem.message} {problem.remedy}"
