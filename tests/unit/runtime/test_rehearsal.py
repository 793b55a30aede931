"""Flows played in memory, and the tests that flows carry."""

from datetime import UTC, datetime
from typing import Any

from flows.graph.codec import parse
from flows.graph.model import Document
from flows.runtime.flow_tests import coverage, run_flow_tests
from flows.runtime.rehearsal import Rehearsal, Stage, Stub

NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)


def loan(**extra: Any) -> Document:
    return parse(
        {
            "schema": "countersign/flow@1",
            "name": "loan",
            "steps": {
                "score": {"type": "transform", "with": {"output": {"p": "${ input.p }"}}},
                "route": {
                    "type": "branch",
                    "with": {
                        "cases": [{"port": "clear", "when": "steps.score.output.p >= 0.8"}],
                        "otherwise": "unsure",
                    },
                },
                "ask": {"type": "wait", "with": {"seconds": 60}},
                "tell": {
                    "type": "notify",
                    "with": {"to": ["a@example.com"], "subject": "s", "body": "b"},
                },
                "over": {"type": "end", "with": {"outcome": "told"}},
            },
            "edges": [
                "score.done -> route",
                "route.clear -> tell",
                "route.unsure -> ask",
                "ask.done -> tell",
                "tell.done -> over",
            ],
            "output": {"p": "${ steps.score.output.p }"},
            **extra,
        }
    )


def play(document: Document, **options: Any) -> Rehearsal:
    with Stage() as stage:
        return stage.play(document, now=NOW, **options)


def test_a_rehearsal_takes_the_path_a_run_would_take() -> None:
    made = play(loan(), input={"p": 0.9}, stubs={"tell": Stub({})})
    assert made.steps == ["score", "route", "tell", "over"]
    assert (made.status, made.outcome, made.output) == ("completed", "told", {"p": 0.9})


def test_a_step_with_effects_is_never_called_without_a_stub() -> None:
    made = play(loan(), input={"p": 0.9})
    assert made.status == "failed"
    assert made.error is not None
    assert (made.error["kind"], made.error["step"]) == ("unstubbed", "tell")


def test_a_rehearsal_stops_where_people_would_be_waited_for() -> None:
    made = play(loan(), input={"p": 0.1})
    assert (made.status, made.waits_at, made.steps) == ("waiting", ["ask"], ["score", "route"])


def test_a_rehearsal_runs_to_the_steps_that_are_asked_for_only() -> None:
    made = play(loan(), input={"p": 0.9}, only=frozenset({"score"}))
    assert (made.status, made.steps) == ("waiting", ["score"])


def test_stubs_are_taken_one_a_visit() -> None:
    document = parse(
        {
            "schema": "countersign/flow@1",
            "name": "loop",
            "steps": {
                "s": {"type": "transform", "with": {"output": 1}},
                "a": {"type": "wait", "with": {"seconds": 60}, "max_visits": 5},
            },
            "edges": ["s.done -> a", "a.again -> a"],
        }
    )
    made = play(document, input={}, stubs={"a": [Stub(1, "again"), Stub(2, "again"), Stub(3)]})
    assert [trace.output for trace in made.path] == [1, 1, 2, 3]
    assert made.status == "completed"


TESTS = [
    {
        "name": "clear",
        "input": "good",
        "stubs": {"tell": {"output": {}}},
        "expect": {"path": ["score", "tell"], "not_path": ["ask"], "output": {"p": 0.9}},
    },
    {"name": "unsure", "input": {"p": 0.2}, "expect": {"waits_at": "ask"}},
]


def test_a_flows_own_tests_pass_and_cover_what_they_went_over() -> None:
    document = loan(samples={"good": {"p": 0.9}}, tests=TESTS)
    results = run_flow_tests(document, now=NOW)
    assert [(result.name, result.problems) for result in results] == [("clear", ()), ("unsure", ())]
    covered = coverage(document, results)
    assert covered.missed_steps == ("ask",)
    assert covered.missed_edges == ("ask.done -> tell",)


def test_a_flow_test_that_fails_says_what_differs() -> None:
    wrong = {
        "name": "wrong",
        "input": {"p": 0.2},
        "stubs": {"tell": {"output": {}}},
        "decisions": {"ask": {"output": {}}},
        "expect": {
            "path": ["tell", "score"],
            "not_path": ["ask"],
            "outcome": "x",
            "output": {"p": 1},
            "status": "failed",
        },
    }
    [result] = run_flow_tests(loan(tests=[wrong]), now=NOW)
    assert not result.passed
    text = " ".join(result.problems)
    for part in ("not failed", "come to score", "comes to ask", "'told'", "output.p is 0.2"):
        assert part in text


def test_a_mistyped_flow_test_fails_without_being_played() -> None:
    mistyped = [
        {"name": "a", "input": {"p": 0.9}, "expects": {"outcome": "lost"}},
        {"name": "b", "input": {"p": 0.2}, "expect": {"waits_at": "ask", "outcom": "lost"}},
        {"name": "c", "input": "god", "expect": {"waits_at": "ask"}},
        {"name": "d", "input": {"p": 0.2}, "expect": {"waits_at": "ask", "not_path": ["tel"]}},
        {"name": "e", "stubs": "none"},
    ]
    results = run_flow_tests(loan(samples={"good": {"p": 0.9}}, tests=mistyped), now=NOW)
    assert [result.passed for result in results] == [False] * 5
    said = "tests[0].expects: A test has no field 'expects' here. Did you mean expect?"
    assert results[0].problems == (said,)
    assert results[0].rehearsal.steps == []


def test_a_field_that_is_not_in_the_output_is_not_taken_for_null() -> None:
    test = {
        "name": "typo",
        "input": {"p": 0.9},
        "stubs": {"tell": {"output": {}}},
        "expect": {"output": {"q": None}},
    }
    [result] = run_flow_tests(loan(tests=[test]), now=NOW)
    assert result.problems == ("output.q is not there; it must be None.",)
