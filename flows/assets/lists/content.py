"""What a list holds, as plain JSON.

```yaml
description: Mail services whose addresses last an hour.
entries:
  - {value: mailinator.com, match: domain, note: Seen in May, until: 2027-01-01}
  - {value: GB82 WEST 1234 5698 7654 32}      # `match: exact`, which needs not be said
tests:
  - {name: A throwaway address, text: joe@mailinator.com, found: true}
```
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from flows.assets.kinds import AssetProblem, Content
from flows.guards.lists import LONGEST_PHRASE, MATCHES, fold_entry
from workbench.values.schemas import make_validator

Json = Any
KEYS = ("description", "entries", "tests")
FIELDS = ("value", "match", "note", "until")
MOST_ENTRIES = 100_000
MOST_TESTS = 200
LONGEST_VALUE = 500
# Problems that are told; a list with more of them is read again.
MOST_PROBLEMS = 50

_ENTRY_KEYS = frozenset(FIELDS)
# The entries are checked one by one: a schema would list a fault of each.
_FORM: Mapping[str, Json] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string", "maxLength": 2_000},
        "entries": {"type": "array"},
        "tests": {
            "type": "array",
            "maxItems": MOST_TESTS,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "text", "found"],
                "properties": {
                    "name": {"type": "string", "minLength": 1, "maxLength": 200},
                    "text": {"type": "string", "maxLength": 10_000},
                    "found": {"type": "boolean"},
                },
            },
        },
    },
}
_VALIDATOR = make_validator(_FORM)


def make_empty() -> dict[str, Json]:
    return {"description": "", "entries": [], "tests": []}


def to_normal_form(content: Content) -> dict[str, Json]:
    """Return the content with its keys in order, and without what needs not be said."""
    return {
        "description": content.get("description", ""),
        "entries": [_to_plain(each) for each in content.get("entries", [])],
        "tests": [
            {key: each[key] for key in ("name", "text", "found")}
            for each in content.get("tests", [])
        ],
    }


def _to_plain(entry: Mapping[str, Json]) -> dict[str, Json]:
    kept = {key: entry[key] for key in FIELDS if entry.get(key)}
    if kept.get("match") == "exact":
        del kept["match"]
    return kept


def key_of(entry: Mapping[str, Json]) -> tuple[str, str]:
    """Return what two entries that mean the same have in common."""
    return entry.get("match") or "exact", fold_entry(entry["value"])


def check_form(content: Content) -> list[AssetProblem]:
    """Return what keeps a content from being a draft of a list."""
    problems = [
        AssetProblem(
            ".".join(map(str, fault.instance_path)) or "content", f"{fault.message}.", "Correct it."
        )
        for fault in _VALIDATOR.iter_errors(dict(content))[:MOST_PROBLEMS]
    ]
    if problems:
        return problems
    entries = content.get("entries", [])
    if len(entries) > MOST_ENTRIES:
        message = f"It has {len(entries):,} entries; at most {MOST_ENTRIES:,} are kept."
        return [AssetProblem("entries", message, "Make two lists of it.")]
    return _take(_list_malformed(entries))


def _list_malformed(entries: list[Json]) -> Iterator[AssetProblem]:
    for index, entry in enumerate(entries):
        field = f"entries.{index}"
        if not isinstance(entry, Mapping) or not entry.keys() <= _ENTRY_KEYS:
            yield AssetProblem(field, "It is no entry.", f"It has {', '.join(FIELDS)}.")
            continue
        if not all(isinstance(each, str) for each in entry.values()):
            yield AssetProblem(field, "All of an entry is text.", "Put it in quotes.")
        elif "value" not in entry or len(entry["value"]) > LONGEST_VALUE:
            message = f"A value has 1 to {LONGEST_VALUE} characters."
            yield AssetProblem(f"{field}.value", message, "Correct it.")
        elif entry.get("match", "exact") not in MATCHES:
            message = f"{entry['match']!r} is no way to match."
            yield AssetProblem(f"{field}.match", message, f"Use {', '.join(MATCHES)}.")
        elif len(entry.get("note", "")) > LONGEST_VALUE:
            yield AssetProblem(f"{field}.note", "The note is too long.", "Shorten it.")


def list_problems(content: Content) -> list[AssetProblem]:
    """Return what keeps a draft from being published."""
    entries = content.get("entries", [])
    if not entries:
        return [AssetProblem("entries", "The list has no entries.", "Add one.")]
    return _take(_check_entries(entries))


def _check_entries(entries: list[Mapping[str, Json]]) -> Iterator[AssetProblem]:
    seen: dict[tuple[str, str], int] = {}
    for index, entry in enumerate(entries):
        field, key = f"entries.{index}", key_of(entry)
        if not key[1]:
            yield AssetProblem(f"{field}.value", "The value is empty.", "Remove the entry.")
        elif key in seen:
            message = f"{entry['value']!r} is entry {seen[key] + 1} too."
            yield AssetProblem(f"{field}.value", message, "Remove one of both.")
        seen.setdefault(key, index)
        if entry.get("until") and not _is_day(entry["until"]):
            message = f"{entry['until']!r} is no day."
            yield AssetProblem(f"{field}.until", message, "Write it as 2027-01-31.")
        if key[0] == "phrase" and len(key[1].split()) > LONGEST_PHRASE:
            message = f"A phrase has at most {LONGEST_PHRASE} words."
            yield AssetProblem(f"{field}.value", message, "Shorten it.")
        if key[0] == "domain" and ("." not in key[1] or " " in key[1] or "/" in key[1]):
            message = f"{entry['value']!r} is no domain."
            yield AssetProblem(f"{field}.value", message, "Write it as example.com.")


def _is_day(text: str) -> bool:
    try:
        return len(text) == len("2027-01-31") and bool(date.fromisoformat(text))
    except ValueError:
        return False


def _take(problems: Iterator[AssetProblem]) -> list[AssetProblem]:
    return [each for each, _ in zip(problems, range(MOST_PROBLEMS), strict=False)]
