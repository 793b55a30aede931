"""Run a policy's tests, in this process: no server is asked."""

import json
from typing import Any

from flows.assets.kinds import Check, Content, TestResult
from flows.assets.word_diff import diff_words
from flows.policies import apart
from flows.policies.model import Decision
from flows.steps.policies import make_policy

Json = Any
_LABELS = {
    "allow": "The decision is", "reasons": "The reasons are", "obligations": "The obligations are",
}  # fmt: skip


def run_tests(content: Content) -> list[TestResult]:
    """Return the result of each test, in their order."""
    policy = make_policy("", content).policy
    return [
        _judge(test, apart.decide(policy, test.get("input", {})))
        for test in content.get("tests", [])
    ]


def _judge(test: dict[str, Json], decision: Decision) -> TestResult:
    got = decision.as_json()
    checks = tuple(
        _compare(key, test[key], got[key]) for key in ("allow", "reasons", "obligations")
        if key in test
    )  # fmt: skip
    # What a test expects to be refused must be refused by a rule, and not by a failure.
    failed = bool(decision.fault) or not all(each.passed for each in checks)
    return TestResult(
        test["name"],
        "failed" if failed else "passed",
        answer=got,
        source="decided here",
        reason=" ".join(decision.reasons) if decision.fault else "",
        checks=checks,
        text=json.dumps(got, ensure_ascii=False, indent=2),
    )


def _compare(key: str, wanted: Json, got: Json) -> Check:
    if key == "reasons":
        # Rego's sets have no order.
        wanted, got = sorted(wanted), sorted(got)
    if wanted == got:
        return Check(key, passed=True, expected=_tell(key, wanted), label=_LABELS[key])
    before, after = _tell(key, wanted), _tell(key, got)
    return Check(
        key, passed=False, expected=before, message=f"It is {after}.",
        pieces=diff_words(before, after), label=_LABELS[key],
    )  # fmt: skip


def _tell(key: str, value: Json) -> str:
    if key == "allow":
        return "allowed" if value else "refused"
    return json.dumps(value, ensure_ascii=False)
