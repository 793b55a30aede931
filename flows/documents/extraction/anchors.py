"""Find values beside or below a label, whose letters may have been misread."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

from flows.documents.extraction.candidates import Candidate, read_at
from flows.documents.extraction.rules import FieldRule
from flows.documents.extraction.tokens import COLUMN_GAP, Row, Sheet, fold_label
from flows.documents.extraction.typed import NUMBERS, Locale

# Of a label's letters, so many must be read right; short labels must be read as they are.
LEAST_ALIKE, SHORT = 0.8, 4
# A label is less sure inside a longer text, and its value behind other words or below it.
WITHIN, SKIPPED, BELOW = 0.8, 0.85, 0.95
MOST_SKIPPED = 4
# A value below stands within so many heights of its label.
ROWS_BELOW, FAR_BELOW = 2, 4.0
_NO_WORDS = {"", "eur", "usd", "gbp", "chf", "dm"}


@dataclass(frozen=True, slots=True)
class Anchor:
    """A label that was found: tokens ``start`` to ``end`` of a row.

    ``likeness`` is that of its letters; ``match`` takes what stands around it into account.
    """

    row: int
    start: int
    end: int
    likeness: float
    match: float


def find_by_anchor(
    sheets: Sequence[Sheet], rule: FieldRule, labels: Sequence[str], locale: Locale
) -> Iterator[Candidate]:
    """Yield the values at each place of each anchor. ``labels`` are those of all fields.

    Where a label stands as it is declared, one that differs from it is another field's.
    """
    known = frozenset(labels)
    found = [
        (sheet, anchor)
        for sheet in sheets
        for at, row in enumerate(sheet.rows)
        for anchor in find_anchors(row, at, rule.anchors)
    ]
    is_exact = any(anchor.likeness == 1 for _, anchor in found)
    for sheet, anchor in found:
        if anchor.likeness == 1 or not is_exact:
            yield from _read_near(sheet, anchor, rule, known, locale)


def find_anchors(row: Row, at: int, texts: Sequence[str]) -> Iterator[Anchor]:
    """Yield where the row has one of the texts. ``at`` is the row's place in its sheet."""
    for label in map(fold_label, texts):
        for start in range(len(row.tokens)):
            best: Anchor | None = None
            text = ""
            for end in range(start + 1, len(row.tokens) + 1):
                text += row.folded[end - 1]
                if len(text) > len(label) * 1.25 + 1:
                    break
                match = compare_labels(label, text)
                if match and (best is None or match > best.match):
                    best = Anchor(at, start, end, match, match)
            if best is not None:
                yield _weigh_surroundings(row, best)


def compare_labels(label: str, text: str) -> float:
    """Return how alike two folded labels are, 0 if they are not the same one."""
    if label == text:
        return 1.0
    if len(label) <= SHORT or abs(len(label) - len(text)) > len(label) * (1 - LEAST_ALIKE) + 1:
        return 0.0
    matcher = SequenceMatcher(None, label, text, autojunk=False)
    if matcher.real_quick_ratio() < LEAST_ALIKE or matcher.quick_ratio() < LEAST_ALIKE:
        return 0.0
    ratio = matcher.ratio()
    return ratio if ratio >= LEAST_ALIKE else 0.0


def _weigh_surroundings(row: Row, anchor: Anchor) -> Anchor:
    """Return the anchor, less sure if words stand before it: they may make another label of it."""
    starts = anchor.start == 0 or row.gap_before(anchor.start) > COLUMN_GAP
    if starts or not row.folded[anchor.start - 1]:
        return anchor
    return replace(anchor, match=anchor.match * WITHIN)


def _read_near(
    sheet: Sheet, anchor: Anchor, rule: FieldRule, known: frozenset[str], locale: Locale
) -> Iterator[Candidate]:
    found = None
    if rule.where != "below":
        found = _read_right(sheet.rows[anchor.row], anchor, rule, known, locale)
        if found is not None:
            yield found
    if rule.where == "below" or (rule.where == "either" and found is None):
        below = _read_below(sheet, anchor, rule, known, locale)
        if below is not None:
            yield below


def _read_right(
    row: Row, anchor: Anchor, rule: FieldRule, known: frozenset[str], locale: Locale
) -> Candidate | None:
    match, start, skipped = anchor.match, anchor.end, 0
    typed = rule.type != "text" or bool(rule.pattern)
    while start < len(row.tokens) and skipped <= MOST_SKIPPED:
        if not typed and not row.folded[start]:
            start += 1  # A speck of dust, or the dots that lead to the value.
            continue
        end = row.end_of_text(start)
        if "".join(row.folded[start:end]) in known:
            return None  # The label of the next field: this one is empty.
        found = read_at(row, start, end, rule, locale, match)
        if found is not None and not _is_share(row, start, found, rule):
            return found
        if not typed:
            return None
        if row.folded[start] not in _NO_WORDS:
            match, skipped = match * SKIPPED, skipped + 1
        start += 1
    return None


def _is_share(row: Row, start: int, found: Candidate, rule: FieldRule) -> bool:
    """Return whether a number is a percentage, which stands between a label and its amount."""
    if rule.type not in NUMBERS or "%" in found.text:
        return False
    after = start + len(found.text.split())
    return after < len(row.tokens) and row.tokens[after].text.startswith("%")


def _read_below(
    sheet: Sheet, anchor: Anchor, rule: FieldRule, known: frozenset[str], locale: Locale
) -> Candidate | None:
    head = sheet.rows[anchor.row]
    left, right = head.tokens[anchor.start].left, head.tokens[anchor.end - 1].right
    for row in sheet.rows[anchor.row + 1 : anchor.row + 1 + ROWS_BELOW]:
        if row.top - head.bottom > FAR_BELOW * head.height:
            return None
        start = _find_under(row, left, right)
        if start is None:
            continue
        end = row.end_of_text(start)
        if "".join(row.folded[start:end]) in known:
            return None
        found = read_at(row, start, end, rule, locale, anchor.match * BELOW)
        if found is not None:
            return found
    return None


def _find_under(row: Row, left: float, right: float) -> int | None:
    """Return the first token of the text that stands under a label, None if none does."""
    start = 0
    while start < len(row.tokens):
        end = row.end_of_text(start)
        if row.tokens[start].left < right and row.tokens[end - 1].right > left:
            return start
        start = end
    return None
