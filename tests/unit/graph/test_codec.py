"""The document survives YAML and JSON unchanged, and bad text is refused with a remedy."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.graph.codec import parse, to_json, to_mapping, to_yaml
from flows.graph.model import Cache, Document, Edge, Limit, Retry, Step
from flows.graph.problems import DocumentError, Problem

HEADER = "schema: countersign/flow@1\nname: loan\n"

WORDS = "yes no null ~ true 012 1_000 0x1F 0o7 2024-01-01 12:30 1e3 .inf = << - ? |x #c x:y y: n #"
LINES = ["", " lead", "trail ", "a\nb\n", "a\n\n  b", "\n", "a\n\n\n", "a:\tb", "x: y", "x #"]
SIGNS = ["é\U0001f600", "\x85", "\u2028a", "\r\n", "${ input.a }", "a\n#b\n", "---", "a\n--- b"]
tricky = st.sampled_from([*WORDS.split(), *LINES, *SIGNS])
texts = tricky | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40
)
names = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=5,
)
mappings = st.dictionaries(texts, values, max_size=4)
positive = st.integers(1, 1000) | st.floats(0.01, 1e6)
retries = st.builds(
    Retry,
    max_attempts=st.integers(1, 20),
    initial_seconds=positive,
    factor=positive,
    max_seconds=positive,
    jitter=st.floats(0, 1),
    deadline_seconds=st.none() | positive,
    on=st.lists(names, max_size=2).map(tuple),
    not_on=st.lists(names, max_size=2).map(tuple),
)
limits = st.builds(
    Limit,
    key=texts,
    concurrency=st.none() | st.integers(1, 99),
    per_second=st.none() | positive,
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    ids = draw(st.lists(names, unique=True, max_size=4))
    steps = {name: draw(_steps(name)) for name in ids}
    edges = draw(st.lists(st.builds(Edge, names, names, names), max_size=4))
    places = st.tuples(numbers, numbers)
    return Document(
        name=draw(names),
        title=draw(texts),
        description=draw(texts),
        lane=draw(st.sampled_from(["", "interactive", "standard", "bulk"])),
        input=draw(mappings),
        output=draw(mappings),
        steps=steps,
        edges=tuple(edges),
        layout=draw(st.dictionaries(names, places, max_size=3)),
        notes=draw(st.dictionaries(texts, mappings, max_size=2)),
        groups=draw(st.dictionaries(texts, mappings, max_size=2)),
        tests=tuple(draw(st.lists(mappings, max_size=2))),
        samples=draw(mappings),
    )


def _steps(name: str) -> st.SearchStrategy[Step]:
    return st.builds(
        Step,
        id=st.just(name),
        type=st.sampled_from(["end", "http.request", "review.case"]),
        title=texts,
        config=mappings,
        retry=st.none() | retries,
        limit=st.none() | limits,
        cache=st.none() | st.builds(Cache, ttl_seconds=positive),
        timeout_seconds=st.none() | positive,
        max_visits=st.none() | st.integers(1, 99),
        compensate=st.none() | names,
        runbook=texts,
    )


slow = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def list_in_order(value: Any) -> Any:
    """Return the value with its mappings as lists of pairs, so that order counts in ==."""
    if isinstance(value, dict):
        return [(key, list_in_order(item)) for key, item in value.items()]
    return (
        [list_in_order(item) for item in value] if isinstance(value, list) else (type(value), value)
    )


@slow
@given(documents())
def test_a_document_survives_yaml(document: Document) -> None:
    again = parse(to_yaml(document))
    assert again == document
    assert list_in_order(to_mapping(again)) == list_in_order(to_mapping(document))


@slow
@given(documents())
def test_a_document_survives_json(document: Document) -> None:
    again = parse(to_json(document))
    assert again == document
    assert list_in_order(to_mapping(again)) == list_in_order(to_mapping(document))


@slow
@given(documents())
def test_writing_twice_gives_the_same_text(document: Document) -> None:
    assert to_yaml(parse(to_yaml(document))) == to_yaml(document)


def test_keys_have_one_order_and_steps_keep_the_author_s() -> None:
    document = parse(
        "edges: [b.done -> a]\nsteps:\n"
        "  b: {runbook: r, with: {z: 1, a: 2}, title: B, type: transform}\n"
        "  a: {type: end}\nname: flow\nschema: countersign/flow@1\n"
    )
    assert to_yaml(document) == (
        "schema: countersign/flow@1\nname: flow\nsteps:\n"
        "  b:\n    type: transform\n    title: B\n    with:\n      z: 1\n      a: 2\n"
        "    runbook: r\n"
        "  a:\n    type: end\n"
        "edges:\n  - b.done -> a\n"
    )


def test_a_date_stays_text() -> None:
    document = parse(HEADER + "steps: {a: {type: t, with: {d: 2024-01-01, n: 012, y: yes}}}")
    assert document.steps["a"].config == {"d": "2024-01-01", "n": "012", "y": "yes"}


def find_problems(source: Any) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        parse(source)
    assert all(problem.message and problem.remedy for problem in caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("a: [", "document.not_yaml"),
        ("a: &x 1\nb: *x", "document.anchor"),
        ("a: &a [1]\nb: &b [*a, *a]\nc: [*b, *b]", "document.anchor"),
        ("a: &y {b: *y}", "document.anchor"),
        ("<<: {a: 1}", "document.key"),
        ("1: 2", "document.key"),
        ("a: !!python/object/apply:os.system [ls]", "document.tag"),
        ("a: !secret x", "document.tag"),
        ("a: 1\na: 2", "document.duplicate_key"),
        ('{"a": 1, "a": 2}', "document.duplicate_key"),
        ('{"a": NaN}', "document.number"),
        ("a: 99999999999999999999", "document.number"),
        ("a: 9007199254740992", "document.number"),
        ('{"a": 9007199254740992}', "document.number"),
        ('{"a": 1e400}', "document.number"),
        ('{"a": "x\\u0000y"}', "document.text"),
        ('{"a\\ud800": 1}', "document.text"),
        ("[" * 3000, "document.too_deep"),
        ('{"a":' * 3000, "document.too_deep"),
        ("x" * 1_000_001, "document.too_large"),
        (b"\xff\xfe", "document.not_utf8"),
        ("", "document.not_a_mapping"),
        ({"name": object()}, "document.not_json"),
        ({"name": "\ud800"}, "document.text"),
        ({1: "x"}, "document.key"),
        (HEADER + "lane: fast", "document.lane"),
        (HEADER + "titel: x", "document.unknown_field"),
        ("name: x", "document.schema"),
        ("schema: countersign/flow@1", "document.name"),
        (HEADER + "steps: {a.b: {type: end}}", "document.step_name"),
        (HEADER + "steps: {a: end}", "document.step"),
        (HEADER + "steps: {a: {title: A}}", "document.step_type"),
        (HEADER + "edges: [a -> b]", "document.edge"),
        (HEADER + "edges: {a: b}", "document.wrong_kind"),
        (HEADER + "tests: [1]", "document.wrong_kind"),
        (HEADER + "layout: {a: [1, true]}", "document.layout"),
    ],
)
def test_bad_text_is_refused_with_a_remedy(source: Any, code: str) -> None:
    assert [problem.code for problem in find_problems(source)] == [code]


def test_a_problem_names_step_field_and_line() -> None:
    (problem,) = find_problems(
        HEADER + "steps:\n  score:\n    type: end\n    timeout_seconds: soon\n"
    )
    assert (problem.step, problem.field, problem.line) == ("score", "timeout_seconds", 6)


def test_every_fault_is_reported_at_once() -> None:
    found = find_problems(HEADER + "titel: x\nsteps: {a: {type: end, retry: {max_attempt: 2}}}\n")
    assert [problem.remedy for problem in found] == [
        "Did you mean title?",
        "Did you mean max_attempts?",
    ]


def test_a_parsed_document_shares_nothing_with_the_mapping() -> None:
    source = json.loads(to_json(Document(name="n", samples={"a": {"b": 1}})))
    document = parse(source)
    source["samples"]["a"]["b"] = 2
    assert document.samples == {"a": {"b": 1}}
