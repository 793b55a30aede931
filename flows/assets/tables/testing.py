"""Run a table's tests: what is decided on their inputs, and by which rows."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flows.assets.kinds import AssetProblem, Check, Content, TestResult
from flows.assets.word_diff import diff_words
from flows.tables.deciding import Decision, DecisionTable
from flows.tables.errors import TableRefused

Json = Any


def run_tests(name: str, content: Content) -> list[TestResult]:
    """Return the result of each test, in their order. A table that cannot decide fails each."""
    tests = content.get("tests", [])
    if not tests:
        return []
    try:
        table = DecisionTable(name, content)
    except TableRefused as error:
        return [TestResult(each["name"], "failed", reason=str(error)) for each in tests]
    return [_run(table, test) for test in tests]


def _run(table: DecisionTable, test: Mapping[str, Json]) -> TestResult:
    # What a test does not give is null.
    given = {**dict.fromkeys(table.variables), **test.get("inputs", {})}
    try:
        decision = table.decide(given)
    except TableRefused as error:
        return TestResult(test["name"], "failed", reason=f"{error} {error.remedy}")
    checks = tuple(_check(test, decision))
    state = "failed" if any(not each.passed for each in checks) else "passed"
    return TestResult(
        test["name"], state, decision.result, _say_who(decision), checks=checks,
        text=_write(decision.result),
    )  # fmt: skip


def _check(test: Mapping[str, Json], decision: Decision) -> Iterator[Check]:
    if "expect" in test:
        expected, got = _write(test["expect"]), _write(decision.result)
        passed = _equal(test["expect"], decision.result)
        pieces = () if passed else diff_words(expected, got)
        message = "" if passed else "The result is another."
        yield Check("equals", passed, expected, message, pieces, "The result is")
    if "rows" in test:
        wanted, found = list(test["rows"]), [each.id for each in decision.rows]
        passed = wanted == found
        message = "" if passed else f"{_say_who(decision).capitalize()} decided."
        yield Check(
            "rows", passed, ", ".join(wanted) or "none", message, label="The rows that decide are"
        )


def _equal(a: Json, b: Json) -> bool:
    """Return whether two results are the same JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)


def _say_who(decision: Decision) -> str:
    if not decision.rows:
        return "the default" if decision.is_default else "no row"
    numbers = ", ".join(str(each.number) for each in decision.rows)
    return f"row{'s' if len(decision.rows) > 1 else ''} {numbers}"


def _write(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def check_tests(content: Content) -> Iterator[AssetProblem]:
    """Yield what keeps the tests from being told apart, or from running."""
    seen, ids = set[str](), {each.get("id") for each in content.get("rows", [])}
    for at, test in enumerate(content.get("tests", [])):
        if test["name"] in seen:
            yield AssetProblem(f"tests.{at}.name", "Another test has this name.", "Change it.")
        seen.add(test["name"])
        for unknown in [each for each in test.get("rows", []) if each not in ids][:1]:
            yield AssetProblem(
                f"tests.{at}.rows", f"There is no row {unknown}.", "Name the id of a row."
            )
