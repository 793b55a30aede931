"""The editor's form of a list: what is added to the draft and taken out of it.

The entries themselves are not fields, as there can be a hundred thousand of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flows.assets.errors import AssetInvalid
from flows.assets.kinds import AssetProblem, Content, FormUnread
from flows.assets.lists.content import MOST_TESTS, key_of
from flows.assets.lists.csv_file import read_rows
from flows.guards.lists import MATCHES, fold_entry
from workbench.http.numbers import number_in

Json = Any
BLANK_TESTS = 2


def fill_form(content: Content, posted: Any = None) -> dict[str, Any]:
    """Return what the template shows: the draft, or what was posted and not saved."""
    source: Mapping[str, Json] = content
    if posted is not None:
        source = {"description": posted.get("description", ""), "tests": list(_read_tests(posted))}
    tests = [*source.get("tests", []), *[{"found": True}] * BLANK_TESTS]
    texts = {name: posted.get(name, "") if posted is not None else "" for name in _CHANGES}
    fields = {
        "description": source.get("description", ""),
        "tests": tests,
        "count": len(content.get("entries", [])),
        "matches": MATCHES,
        **texts,
    }
    return {"fields": fields}


_CHANGES = ("add", "remove", "find")


def read_edit(draft: Content, posted: Any) -> dict[str, Json]:
    """Return the draft with what the form adds, takes out and sets. Raises: FormUnread.

    What is added replaces an entry of the same value.
    """
    try:
        added = list(read_rows(posted.get("add", "")))
    except AssetInvalid as error:
        problem = [AssetProblem("add", each.message, each.remedy) for each in error.problems]
        raise FormUnread(problem) from None
    if faults := list(_find_faults(added)):
        raise FormUnread(faults)
    keys = {key_of(each) for each in added}
    removed = {fold_entry(line) for line in posted.get("remove", "").splitlines() if line.strip()}
    kept = [
        each for each in draft.get("entries", [])
        if key_of(each) not in keys and (not removed or fold_entry(each["value"]) not in removed)
    ] if keys or removed else draft.get("entries", [])  # fmt: skip
    return {
        "description": posted.get("description", "").strip(),
        "entries": [*kept, *added],
        "tests": [each for each in _read_tests(posted) if each["name"] or each["text"]],
    }


def _find_faults(added: list[dict[str, Json]]) -> Iterator[AssetProblem]:
    for number, entry in enumerate(added, start=1):
        if not entry.get("value"):
            yield AssetProblem("add", f"Line {number} has no value.", "Write it first.")


def _read_tests(posted: Any) -> Iterator[dict[str, Json]]:
    count = min(number_in(posted.get("test-rows", "")) or 0, MOST_TESTS)
    for at in range(count):
        name = posted.get(f"test-{at}-name", "").strip()
        text = posted.get(f"test-{at}-text", "")
        if name or text:
            found = posted.get(f"test-{at}-found", "1") == "1"
            yield {"name": name or text[:80] or "Test", "text": text, "found": found}
