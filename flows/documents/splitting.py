"""Split a scan of many documents into parts: ranges of pages, each with the reason for its start.

A page begins a part where a phrase of a kind heads it, where its page number begins anew, and
after a blank page. One that is numbered as the next of its document never does.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.documents.classifying import DIGITS, Evidence, KindRule, find_phrases
from flows.documents.extraction.tokens import Sheet, lay_out
from flows.documents.model import Page, ReadDocument

Json = Any
# A heading stands in the upper part of its page.
HEAD = 0.35
_NUMBERED = re.compile(
    r"\b(?:page|seite|blatt|pag\w*|p|s)\.?\s*(\d{1,3})\s*(?:of|von|de|sur|di|van|/)\s*(\d{1,3})\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Start:
    """Why a page begins a part. ``confidence`` is that of the clearest sign."""

    kind: str
    confidence: float
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Piece:
    """Pages that belong together, in order."""

    start: Start
    pages: list[Page] = field(default_factory=list)


def split(
    document: ReadDocument, kinds: Sequence[KindRule], otherwise: str, *, keep_blank: bool = False
) -> list[dict[str, Json]]:
    """Return the parts, ``{number, kind, confidence, first, last, pages, reasons, document}``.

    A part's document has its pages alone; pages and lines keep their numbers, so that what is
    found in it has its place in the whole file. Blank pages are left out, or end their part.
    """
    pieces: list[Piece] = []
    after_blank = False
    sheets = {sheet.page: sheet for sheet in lay_out(document)}
    for page in document.pages:
        if not page.lines:
            after_blank = True
            if keep_blank and pieces:
                pieces[-1].pages.append(page)
            continue
        before = pieces[-1].pages if pieces else []
        start = _find_start(page, sheets[page.number], before, kinds, otherwise, after_blank)
        if start is not None:
            pieces.append(Piece(start))
        pieces[-1].pages.append(page)
        after_blank = False
    return [_as_part(number, each, document) for number, each in enumerate(pieces, 1)]


def _find_start(
    page: Page,
    sheet: Sheet,
    before: Sequence[Page],
    kinds: Sequence[KindRule],
    otherwise: str,
    after_blank: bool,
) -> Start | None:
    number, last = read_page_number(page), _read_last_number(before)
    if before and number is not None and last is not None and number[0] == last + 1:
        return None
    heads = [each for each in find_phrases([sheet], kinds) if each.at[1] <= HEAD]
    signs: list[tuple[str, float]] = []
    best = _find_heaviest(heads)
    if best is not None:
        signs.append((f"“{best.text}” heads page {page.number}", _share_of(best, kinds)))
    if number is not None and number[0] == 1 and before:
        signs.append((f"Page {page.number} is numbered 1 of {number[1]}", 1.0))
    if after_blank and before:
        signs.append(("A blank page stands before it", 0.9))
    if not before:
        signs.append(("The first page", 1.0))
    if not signs:
        return None
    kind = best.kind if best else otherwise
    confidence = round(max(sure for _, sure in signs), DIGITS)
    return Start(kind, confidence, tuple(reason for reason, _ in signs))


def _find_heaviest(found: Sequence[Evidence]) -> Evidence | None:
    return max(found, key=lambda each: each.weight, default=None)


def _share_of(found: Evidence, kinds: Sequence[KindRule]) -> float:
    """Return how well the phrase was read: its weight as found, of its weight."""
    weight = next(r.phrases[found.text] for r in kinds if r.kind == found.kind)
    return min(1.0, found.weight / weight) if weight else 0.0


def read_page_number(page: Page) -> tuple[int, int] | None:
    """Return ``(3, 4)`` for a page that says “page 3 of 4”, None if it says nothing like it."""
    for line in [*page.lines[:3], *page.lines[-3:]]:
        found = _NUMBERED.search(line.text)
        if found and 0 < int(found[1]) <= int(found[2]):
            return int(found[1]), int(found[2])
    return None


def _read_last_number(pages: Sequence[Page]) -> int | None:
    number = read_page_number(pages[-1]) if pages else None
    return number[0] if number else None


def _as_part(number: int, piece: Piece, document: ReadDocument) -> dict[str, Json]:
    pages = piece.pages
    text = "\n".join(line.text for page in pages for line in page.lines)
    words = [w.confidence for page in pages for line in page.lines for w in line.words]
    confidence = round(sum(words) / len(words), DIGITS) if words else None
    own: Mapping[str, Json] = {"pages": pages, "text": text, "confidence": confidence}
    return {
        "number": number,
        "kind": piece.start.kind,
        "confidence": piece.start.confidence,
        "first": pages[0].number,
        "last": pages[-1].number,
        "pages": [page.number for page in pages],
        "reasons": list(piece.start.reasons),
        "document": document.model_copy(update=dict(own)).model_dump(mode="json"),
    }
