"""What a contract holds, as plain JSON.

```yaml
description: What the scorecard gives.
flow: consumer-loan          # whose outputs are looked at every day
step: score
fields:
  - {path: prediction.probability_good, type: number, required: true, lowest: 0, highest: 1}
  - {path: segment, type: text, categories: [new, known], missing_at_most: 0.02}
  - {path: read_at, type: time, oldest_hours: 48}
drift: {psi_at_least: 0.2, ks_at_least: 0.15, window_days: 7}
learned: {first: 2026-01-01, last: 2026-03-31, outputs: 2000, version: null}
```

A field that was learned also has its ``reference``: the values that drift is measured against.
"""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from flows.assets.kinds import AssetProblem, Content
from flows.contracts.leaves import MOST_FIELDS, TYPES
from flows.contracts.model import DRIFT_KS, DRIFT_PSI, WINDOWS, read_rule
from workbench.values.schemas import make_validator

Json = Any
KEYS = ("description", "flow", "step", "fields", "drift", "learned")
MOST_CATEGORIES = 200
_SHARE: Mapping[str, Json] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_COUNTS: Mapping[str, Json] = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_REFERENCE: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["count"],
    "properties": {
        "count": {"type": "integer", "minimum": 1},
        "missing": {"type": "integer", "minimum": 0},
        "points": {"type": "array", "items": {"type": "number"}, "maxItems": 1_000},
        "at_most": {**_COUNTS, "maxItems": 1_000},
        "exact": {"type": "boolean"},
        "counts": {
            "type": "object", "maxProperties": 1_000,
            "additionalProperties": {"type": "integer", "minimum": 0},
        },
    },
}  # fmt: skip
_FIELD: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path"],
    "properties": {
        "path": {"type": "string", "maxLength": 200},
        "type": {"enum": list(TYPES)},
        "required": {"type": "boolean"},
        "lowest": {"type": ["number", "null"]},
        "highest": {"type": ["number", "null"]},
        "categories": {
            "type": "array", "maxItems": MOST_CATEGORIES,
            "items": {"type": "string", "maxLength": 200},
        },
        "oldest_hours": {"type": ["number", "null"], "minimum": 0},
        "missing_at_most": _SHARE,
        "reference": _REFERENCE,
    },
}  # fmt: skip
_VALIDATOR = make_validator(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "maxLength": 2_000},
            "flow": {"type": "string", "maxLength": 80},
            "step": {"type": "string", "maxLength": 80},
            "fields": {"type": "array", "maxItems": MOST_FIELDS, "items": _FIELD},
            "drift": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "psi_at_least": {"type": "number", "minimum": 0.01, "maximum": 100},
                    "ks_at_least": {"type": "number", "minimum": 0.01, "maximum": 1},
                    "window_days": {"enum": list(WINDOWS)},
                },
            },
            "learned": {"type": "object"},
        },
    }
)


def make_empty() -> dict[str, Json]:
    return to_normal_form({"fields": [{"path": "", "type": "any", "required": True}]})


def to_normal_form(content: Content) -> dict[str, Json]:
    """Return the content with every key, in their order, and without what needs not be said."""
    drift = content.get("drift") or {}
    return {
        **{key: content.get(key, "") for key in ("description", "flow", "step")},
        "fields": [read_rule(each).as_json() for each in content.get("fields", [])],
        "drift": {
            "psi_at_least": drift.get("psi_at_least", DRIFT_PSI),
            "ks_at_least": drift.get("ks_at_least", DRIFT_KS),
            "window_days": drift.get("window_days", 1),
        },
        "learned": content.get("learned", {}),
    }


def check_form(content: Content) -> list[AssetProblem]:
    """Return what keeps a content from being a draft of a contract."""
    return [
        AssetProblem(".".join(map(str, error.instance_path)) or "content", f"{error.message}.")
        for error in _VALIDATOR.iter_errors(dict(content))
    ]


def list_problems(content: Content) -> list[AssetProblem]:
    """Return what keeps a draft from being published."""
    fields = content.get("fields", [])
    if not fields:
        return [AssetProblem("fields", "The contract has no fields.", "Add one.")]
    found = list(_check_fields(fields))
    if bool(content.get("flow")) != bool(content.get("step")):
        what = "A flow and its step belong together."
        found.append(AssetProblem("step", what, "Name both, or neither."))
    return found


def _check_fields(fields: list[Mapping[str, Json]]) -> Iterator[AssetProblem]:
    seen: set[str] = set()
    for at, each in enumerate(fields):
        field, path = f"fields.{at}", each["path"]
        if path in seen:
            yield AssetProblem(f"{field}.path", f"{path!r} is there twice.", "Remove one of both.")
        seen.add(path)
        yield from _check_expectations(field, each)
        if (reference := each.get("reference")) and not _is_sound(reference):
            what = "It does not count up."
            yield AssetProblem(f"{field}.reference", what, "Learn the contract anew.")


def _check_expectations(field: str, each: Mapping[str, Json]) -> Iterator[AssetProblem]:
    its, low, high = each.get("type", "any"), each.get("lowest"), each.get("highest")
    if low is not None and high is not None and low > high:
        what = "The least is above the most."
        yield AssetProblem(f"{field}.lowest", what, "Correct one of both.")
    for name, types in (
        ("lowest", {"number", "any"}), ("highest", {"number", "any"}),
        ("oldest_hours", {"time", "any"}), ("categories", {"text", "number", "flag", "any"}),
    ):  # fmt: skip
        if each.get(name) not in (None, []) and its not in types:
            what = f"A {its} has none."
            yield AssetProblem(f"{field}.{name}", what, "Empty it, or choose another type.")


def _is_sound(reference: Mapping[str, Json]) -> bool:
    points, at_most = reference.get("points", []), reference.get("at_most", [])
    return (
        len(points) == len(at_most)
        and all(a < b for a, b in pairwise(points))
        and all(a < b for a, b in pairwise(at_most))
        and (not at_most or (at_most[0] > 0 and at_most[-1] == reference["count"]))
        and (not reference.get("counts") or sum(reference["counts"].values()) > 0)
    )
