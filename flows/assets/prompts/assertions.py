"""What a test of a prompt asserts of an answer. Nothing here asks a model but the judge."""

from collections.abc import Callable, Mapping
from difflib import SequenceMatcher
from typing import Any

from flows.assets.kinds import Check
from flows.assets.prompts.filling import to_text
from flows.assets.word_diff import diff_words, is_quick
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused
from workbench.values.schemas import make_validator

Json = Any
Judge = Callable[[str, str], tuple[float, str]]
LIKE_ENOUGH = 0.8
# How many pairs of equal characters or words are looked at: longer texts go by words.
_MOST_PAIRS = 250_000
_LONGEST_SHOWN = 2_000


def read_answer(answer: Json, *, as_json: bool) -> Json:
    """Return the answer, read as JSON where the prompt has a schema and the text allows it."""
    if not (as_json and isinstance(answer, str)):
        return answer
    try:
        return read_json(answer)
    except ValueRefused:
        return answer


def check_answer(
    wanted: Mapping[str, Json], answer: Json, schema: Mapping[str, Json], judge: Judge | None
) -> Check:
    """Return whether an answer is as the test wants it; a judge's part is open without a judge."""
    kind = wanted["kind"]
    if kind == "judge":
        return _check_by_judge(wanted, answer, judge)
    if kind == "schema":
        return _check_schema(answer, schema)
    return _CHECKS[kind](wanted, to_text(answer), answer)


def _check_schema(answer: Json, schema: Mapping[str, Json]) -> Check:
    faults = make_validator(schema).iter_errors(answer)
    if not faults:
        return Check("schema", True, "fits the schema")
    at = ".".join(map(str, faults[0].instance_path))
    return Check("schema", False, "fits the schema", f"{at or 'The answer'}: {faults[0].message}.")


def _contains(wanted: Mapping[str, Json], text: str, answer: Json) -> Check:
    value = str(wanted["value"])
    return _say("contains", value in text, value, "The answer does not contain it.")


def _lacks(wanted: Mapping[str, Json], text: str, answer: Json) -> Check:
    value = str(wanted["value"])
    return _say("not_contains", value not in text, value, "The answer contains it.")


def _equals(wanted: Mapping[str, Json], text: str, answer: Json) -> Check:
    value = wanted["value"]
    passed = bool(value == answer) and isinstance(value, bool) == isinstance(answer, bool)
    expected = to_text(value)
    pieces = () if passed else diff_words(expected[:_LONGEST_SHOWN], text[:_LONGEST_SHOWN])
    return Check("equals", passed, expected, "" if passed else "The answer is another.", pieces)


def _matches(wanted: Mapping[str, Json], text: str, answer: Json) -> Check:
    # As every pattern of a schema: one that would backtrack too far does not match.
    pattern = str(wanted["value"])
    passed = make_validator({"type": "string", "pattern": pattern}).is_valid(text)
    return _say("matches", passed, pattern, "The answer does not match it.")


def _similar(wanted: Mapping[str, Json], text: str, answer: Json) -> Check:
    value, least = str(wanted["value"]), float(wanted.get("at_least", LIKE_ENOUGH))
    ratio = measure_likeness(value, text)
    if ratio >= least:
        return Check("similar", True, value, f"{ratio:.2f} alike.")
    message = f"They are {ratio:.2f} alike, not {least:.2f}."
    pieces = diff_words(value[:_LONGEST_SHOWN], text[:_LONGEST_SHOWN])
    return Check("similar", False, value, message, pieces)


def measure_likeness(one: str, other: str) -> float:
    """Return how much two texts are alike, 0 to 1, as difflib measures it.

    Of texts that are too long for that it is the share of words that both have, in any order.
    """
    if is_quick(one, other, _MOST_PAIRS):
        return SequenceMatcher(None, one, other, autojunk=False).ratio()
    words = one.split(), other.split()
    matcher = SequenceMatcher(None, *words)
    return matcher.ratio() if is_quick(*words, _MOST_PAIRS) else matcher.quick_ratio()


def _check_by_judge(wanted: Mapping[str, Json], answer: Json, judge: Judge | None) -> Check:
    criterion, least = str(wanted["value"]), float(wanted.get("at_least", LIKE_ENOUGH))
    if judge is None:
        return Check("judge", None, criterion, "Only a model can judge: run it against one.")
    score, reason = judge(criterion, to_text(answer))
    return Check("judge", score >= least, criterion, f"{score:.2f} of {least:.2f}. {reason}")


def _say(kind: str, passed: bool, expected: str, message: str) -> Check:
    return Check(kind, passed, expected, "" if passed else message)


_CHECKS: Mapping[str, Callable[[Mapping[str, Json], str, Json], Check]] = {
    "contains": _contains,
    "not_contains": _lacks,
    "equals": _equals,
    "matches": _matches,
    "similar": _similar,
}
