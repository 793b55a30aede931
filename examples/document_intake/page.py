"""Typeset a document's text as PDF pages, so that a case can mark where each value stands."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF

from examples.document_intake.rules import Found

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 595.28, 841.89, 54.0  # A4 in points
LARGEST, SMALLEST, LEADING = 12.0, 5.0, 1.5
# A character of Courier is 0.6 of its size wide, so that line and column give the place.
ADVANCE = 0.6
# A fixed date of creation: with the current one, each attempt would give other bytes.
MADE_AT = datetime(2026, 1, 2, tzinfo=UTC)


def set_page(
    title: str, text: str, found: Mapping[str, Found]
) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the PDF, and the boxes of the values as a case shows them."""
    lines = text.splitlines() or [""]
    width = (PAGE_WIDTH - 2 * MARGIN) / (ADVANCE * max(1, *map(len, lines)))
    size = max(SMALLEST, min(LARGEST, width))
    on_a_page = int((PAGE_HEIGHT - 2 * MARGIN) / (size * LEADING))
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_creation_date(MADE_AT)
    pdf.set_title(title)
    pdf.set_auto_page_break(False)
    for number, line in enumerate(lines):
        if number % on_a_page == 0:
            pdf.add_page()
            pdf.set_font("Courier", size=size)
        baseline = MARGIN + size * (1 + LEADING * (number % on_a_page))
        pdf.text(MARGIN, baseline, line.encode("latin-1", "replace").decode("latin-1"))
    boxes = [_box(each, size, on_a_page) for each in found.values()]
    return bytes(pdf.output()), boxes


def _box(found: Found, size: float, on_a_page: int) -> dict[str, Any]:
    page, row = divmod(found.line, on_a_page)
    left = MARGIN + ADVANCE * size * found.start - 2
    top = MARGIN + size * LEADING * row
    width, height = ADVANCE * size * (found.end - found.start) + 4, size * 1.4
    at = (left / PAGE_WIDTH, top / PAGE_HEIGHT, width / PAGE_WIDTH, height / PAGE_HEIGHT)
    return {
        "key": found.key,
        "page": page + 1,
        "at": [round(min(1.0, share), 5) for share in at],
        "text": str(found.value),
        "confidence": found.confidence,
    }
