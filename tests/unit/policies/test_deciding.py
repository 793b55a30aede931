"""Policies decide in a child process; whatever goes wrong is a refusal that names its cause."""

import time
from typing import Any

import pytest

from flows.policies.apart import decide, find_problems
from flows.policies.model import (
    LARGEST_INPUT,
    UNDEFINED,
    Decision,
    Policy,
    compute_digest,
    read_decision,
)
from tests.factories.policies import REFUNDS

HEAD = "package p\n\nimport rego.v1\n\n"


def rego(rules: str, **data: Any) -> Policy:
    return Policy("rego", HEAD + rules, data=data)


def test_a_rego_policy_says_whether_why_and_what_else() -> None:
    policy = Policy("rego", REFUNDS, data={"most": 50})
    assert decide(policy, {"amount": 30, "days": 90}) == Decision(
        allow=True, obligations={"review": "lead"}
    )
    refused = decide(policy, {"amount": 60, "days": 3})
    assert not refused.allow
    assert refused.reasons == ("60 is above 50.", "The customer is new.")
    assert not refused.fault


def test_a_cel_policy_gives_true_false_or_a_decision() -> None:
    assert decide(Policy("cel", "input.amount < 100"), {"amount": 3}) == Decision(allow=True)
    source = '{"allow": input.amount < 100, "reasons": ["At least 100."]}'
    assert decide(Policy("cel", source), {"amount": 100}).reasons == ("At least 100.",)
    missing = decide(Policy("cel", "input.amount < 100"), {})
    assert (missing.allow, missing.fault) == (False, "error")
    assert "`input.amount` is missing" in missing.reasons[0]


@pytest.mark.parametrize(
    ("rules", "fault", "said"),
    [
        ("allow if {", "error", "Line 5"),
        ("allow := true if input\n\nallow := false if input", "error", "Two rules"),
        ("allow if 1 / 0 == 1", "error", "A function got"),
        ("allow if to_number(input.text) > 1", "error", "A function got"),
        ("allow if allow", "error", "Recursion"),
        ("allow if input.absent", "undefined", "`allow` undefined"),
        ("other := true", "undefined", "`allow` undefined"),
        ("allow := 1", "type", "`allow` is a number"),
        ('allow := "true"', "type", "`allow` is a text"),
        ("allow := null", "type", "`allow` is null"),
        ("allow := true\n\nreasons := 3", "type", "`reasons`"),
        ("allow := true\n\nreasons contains 3", "type", "`reasons`"),
        ("allow := true\n\nobligations := []", "type", "`obligations`"),
    ],
)
def test_what_is_no_decision_is_a_refusal_that_names_its_cause(
    rules: str, fault: str, said: str
) -> None:
    found = decide(rego(rules), {"text": "x"})
    assert not found.allow
    assert found.fault == fault
    assert said in found.reasons[0]


@pytest.mark.parametrize(
    "rules",
    [
        "allow if count(numbers.range(1, 2000000000)) > 0",
        'allow if count(concat("", ["xxxxxxxx" | some i in numbers.range(1, 9000000)])) > 1',
        "n := numbers.range(1, 4000)\n\nallow if count([a | a := n[_]; b := n[_]; a == b]) == 1",
    ],
)
def test_a_policy_without_end_is_bounded_in_time_and_memory(rules: str) -> None:
    began = time.monotonic()
    found = decide(rego(rules), {})
    assert not found.allow
    assert found.fault in {"timeout", "error"}
    assert time.monotonic() - began < 10
    assert decide(rego("allow := true"), {}).allow, "another child answers the next one"


@pytest.mark.parametrize(
    "call",
    [
        'http.send({"method": "get", "url": "http://127.0.0.1:9/"})',
        'http["send"]({"method": "get", "url": "http://127.0.0.1:9/"})',
        'net.lookup_ip_addr("localhost")', "opa.runtime()", "time.now_ns()",
        'rand.intn("a", 5)', 'uuid.rfc4122("a")', "nowhere(1)", "no.such.thing(1)",
    ],
)  # fmt: skip
def test_what_reaches_outside_or_differs_each_time_is_not_available(call: str) -> None:
    policy = rego(f"default allow := true\n\nallow := false if {call}")
    [(line, message)] = find_problems(policy)
    assert "available" in message or "no function" in message
    assert line in {7, 0}
    found = decide(policy, {})
    assert (found.allow, found.fault) == (False, "error")


def test_problems_have_lines() -> None:
    assert find_problems(rego("allow if {\n  input.x ==\n}")) == [(6, "Invalid boolean operator.")]
    assert find_problems(Policy("rego", "allow := true"))[0][0] == 1
    assert find_problems(Policy("cel", "true &&\n  input.a +"))[0][0] == 2
    assert not find_problems(rego("allow := true"))


@pytest.mark.parametrize(
    "value",
    [
        {"a": 12345678901234567890123}, {"a": 1e-7}, {"a": 1.5e300}, {"a": "é\u2028\"\\\n\t\0😀"},
        {"a": None, "b": [{}, []]}, {"": 1, "a b": "\x7f\x01"},
    ],
)  # fmt: skip
def test_inputs_arrive_as_they_are(value: dict[str, Any]) -> None:
    policy = rego('allow := true\n\nobligations := {"got": input}')
    assert decide(policy, value).obligations == {"got": value}


def test_an_input_that_is_too_large_is_refused() -> None:
    found = decide(rego("allow := true"), {"a": "x" * LARGEST_INPUT})
    assert (found.allow, found.fault) == (False, "error")


def test_the_query_is_that_of_the_package_unless_another_is_named() -> None:
    source = '# package other\npackage a.b\nimport rego.v1\n\ninner := {"allow": true}\n'
    assert Policy("rego", source).asked == "data.a.b"
    assert decide(Policy("rego", source), {}).fault == "undefined"
    assert decide(Policy("rego", source, query="data.a.b.inner"), {}).allow


def test_a_decision_is_read_in_doubt_as_a_refusal() -> None:
    assert read_decision(value=True) == Decision(allow=True)
    assert read_decision(UNDEFINED).fault == "undefined"
    for value in (None, 1, "true", [True], []):
        assert not read_decision(value).allow
    assert read_decision({"allow": True, "reasons": ["x"] * 101}).fault == "type"


def test_digests_depend_on_all_that_answers_depend_on() -> None:
    first = rego("allow := true", most=1)
    others = [rego("allow := true", most=2), rego("allow := false", most=1)]
    assert len({each.digest for each in [first, *others]}) == 3
    assert compute_digest({"a": 1, "b": 2}) == compute_digest({"b": 2, "a": 1})
