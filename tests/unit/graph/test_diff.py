"""A diff names each step, field and edge that differs, and nothing else."""

from dataclasses import replace

from flows.graph.codec import parse
from flows.graph.diff import ABSENT, Change, diff
from flows.graph.model import Document, Edge, Retry, Step

OLD = parse("""
schema: countersign/flow@1
name: loan
title: Loan
input: {properties: {amount: {type: number}}}
steps:
  score: {type: score, with: {cut: 0.8, tags: [a, b]}, retry: {max_attempts: 2}}
  route: {type: branch, with: {cases: [{port: x, when: a > 1}]}}
  gone: {type: end}
edges: [score.done -> route, route.x -> gone]
layout: {score: [0, 0], route: [10, 0]}
""")

NEW = parse("""
schema: countersign/flow@1
name: loan
title: Loan 2
input: {properties: {amount: {type: integer}}}
steps:
  score: {type: score, title: Score, with: {cut: 0.9, tags: [a]}, retry: {max_attempts: 3}}
  route: {type: branch, with: {cases: [{port: x, when: a > 2}]}}
  fresh: {type: end}
edges: [route.x -> fresh, score.done -> route]
layout: {score: [0, 0], route: [20, 0]}
""")


def test_the_diff_has_every_kind_of_change() -> None:
    found = diff(OLD, NEW)
    assert found.added == ("fresh",)
    assert found.removed == ("gone",)
    assert found.changed == ("score", "route")
    assert found.moved == ("route",)
    assert found.edges_added == (Edge("route", "x", "fresh"),)
    assert found.edges_removed == (Edge("route", "x", "gone"),)
    assert found.flow_changes == (
        Change("", "title", "Loan", "Loan 2"),
        Change("", "input.properties.amount.type", "number", "integer"),
    )
    assert set(found.changes) == {
        Change("score", "title", ABSENT, "Score"),
        Change("score", "with.cut", 0.8, 0.9),
        Change("score", "with.tags[1]", "b", ABSENT),
        Change("score", "retry.max_attempts", 2, 3),
        Change("route", "with.cases[0].when", "a > 1", "a > 2"),
    }


def test_the_diff_as_text_names_each_change() -> None:
    assert diff(OLD, NEW).as_text().splitlines() == [
        '~ flow title: "Loan" → "Loan 2"',
        '~ flow input.properties.amount.type: "number" → "integer"',
        "+ step fresh",
        "- step gone",
        "~ step score",
        "    with.cut: 0.8 → 0.9",
        '    with.tags[1]: removed "b"',
        "    retry.max_attempts: 2 → 3",
        '    title: added "Score"',
        "~ step route",
        '    with.cases[0].when: "a > 1" → "a > 2"',
        "+ edge route.x -> fresh",
        "- edge route.x -> gone",
        "> step route moved",
    ]


def test_a_document_does_not_differ_from_itself() -> None:
    found = diff(OLD, OLD)
    assert not found
    assert found.as_text() == "No difference.\n"


def test_the_order_of_edges_does_not_count_but_their_number_does() -> None:
    turned = replace(OLD, edges=OLD.edges[::-1])
    assert not diff(OLD, turned)
    doubled = replace(OLD, edges=(*OLD.edges, OLD.edges[0]))
    assert diff(OLD, doubled).edges_added == (OLD.edges[0],)


def test_true_and_one_are_told_apart_in_a_diff() -> None:
    old = Document(name="x", steps={"a": Step("a", "work", config={"v": True})})
    new = Document(name="x", steps={"a": Step("a", "work", config={"v": 1})})
    assert diff(old, new).changes == (Change("a", "with.v", True, 1),)


def test_moves_titles_and_order_do_not_change_behaviour() -> None:
    step = Step("a", "work")
    old = Document(name="x", steps={"a": step, "b": Step("b", "work")}, layout={"a": (0, 0)})
    titled = {"b": Step("b", "work"), "a": replace(step, title="A", runbook="Ring.")}
    new = replace(old, steps=titled, layout={"a": (5, 0)}, title="X")
    found = diff(old, new)
    assert found
    assert found.reordered
    assert not found.changes_behaviour
    assert diff(
        old, replace(old, steps={**old.steps, "a": replace(step, retry=Retry(2))})
    ).changes_behaviour
