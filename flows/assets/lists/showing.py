"""What the pages of a list show: the entries by page, and those that a search finds."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils import timezone

from flows.assets.kinds import Content, Difference, Piece
from flows.assets.lists.content import key_of
from flows.assets.lists.csv_file import to_lines
from flows.guards.lists import fold_entry
from workbench.http.numbers import number_in

Json = Any
PAGE = 50
MOST_TOLD = 200  # entries in a comparison


def show(content: Content, asked: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of the entries: number ``page`` of those that have ``find`` in them."""
    entries = content.get("entries", [])
    text = fold_entry(asked.get("find", ""))[:200]
    found = [each for each in entries if _has(each, text)] if text else entries
    pages = max(1, -(-len(found) // PAGE))
    page = min(max(number_in(asked.get("page", "")) or 1, 1), pages)
    today = timezone.now().date().isoformat()
    return {
        "description": content.get("description", ""),
        "count": len(entries),
        "find": asked.get("find", ""),
        "found": len(found),
        "entries": [
            {**each, "match": each.get("match", "exact"), "expired": _is_over(each, today)}
            for each in found[(page - 1) * PAGE : page * PAGE]
        ],
        "page": page,
        "pages": pages,
        "before": page - 1,
        "after": page + 1 if page < pages else 0,
    }


def _has(entry: Mapping[str, Json], text: str) -> bool:
    return text in fold_entry(entry["value"]) or text in fold_entry(entry.get("note", ""))


def _is_over(entry: Mapping[str, Json], today: str) -> bool:
    return bool(entry.get("until")) and entry["until"] < today


def compare(before: Content, after: Content) -> list[Difference]:
    """Return where two lists differ: their entries by value, whatever their order."""
    return [*_compare_description(before, after), *_compare_entries(before, after),
            *_compare_tests(before, after)]  # fmt: skip


def _compare_description(before: Content, after: Content) -> Iterator[Difference]:
    old, new = before.get("description", ""), after.get("description", "")
    if old != new:
        yield Difference("Description", (Piece("gone", old), Piece("new", new)))


def _compare_entries(before: Content, after: Content) -> Iterator[Difference]:
    old = {key_of(each): each for each in before.get("entries", [])}
    new = {key_of(each): each for each in after.get("entries", [])}
    gone = [each for key, each in old.items() if key not in new]
    added = [each for key, each in new.items() if key not in old]
    changed = [(old[key], each) for key, each in new.items() if key in old and old[key] != each]
    if gone:
        yield Difference(f"Entries taken out: {len(gone):,}", (Piece("gone", _tell(gone)),))
    if added:
        yield Difference(f"Entries added: {len(added):,}", (Piece("new", _tell(added)),))
    if changed:
        pieces = [
            piece
            for was, now in changed[:MOST_TOLD]
            for piece in (Piece("gone", to_lines([was])), Piece("new", to_lines([now])))
        ]
        yield Difference(f"Entries changed: {len(changed):,}", tuple(pieces))


def _tell(entries: list[Mapping[str, Json]]) -> str:
    more = len(entries) - MOST_TOLD
    return to_lines(entries[:MOST_TOLD]) + (f"and {more:,} more\n" if more > 0 else "")


def _compare_tests(before: Content, after: Content) -> Iterator[Difference]:
    old, new = (
        {each["name"]: _tell_test(each) for each in content.get("tests", [])}
        for content in (before, after)
    )
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            pieces = (Piece("gone", old.get(name, "")), Piece("new", new.get(name, "")))
            yield Difference(f"Test {name}", tuple(each for each in pieces if each.text))


def _tell_test(test: Mapping[str, Json]) -> str:
    return f"{test['text']}\n{'is found' if test['found'] else 'is not found'}"
