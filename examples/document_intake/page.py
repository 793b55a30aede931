"""Typeset a text as PDF pages, whose words have their places, as ``document.read`` gives them."""

import re
from datetime import UTC, datetime
from typing import Any

from fpdf import FPDF

PAGE_WIDTH, PAGE_HEIGHT, MARGIN = 595.28, 841.89, 54.0  # A4 in points
LARGEST, SMALLEST, LEADING = 12.0, 5.0, 1.5
# A character of Courier is 0.6 of its size wide, so that line and column give the place.
ADVANCE = 0.6
# A fixed date of creation: with the current one, each attempt would give other bytes.
MADE_AT = datetime(2026, 1, 2, tzinfo=UTC)


def set_page(title: str, text: str) -> tuple[bytes, list[dict[str, Any]]]:
    """Return the PDF, and its pages as a document that was read has them."""
    lines = text.splitlines() or [""]
    width = (PAGE_WIDTH - 2 * MARGIN) / (ADVANCE * max(1, *map(len, lines)))
    size = max(SMALLEST, min(LARGEST, width))
    on_a_page = int((PAGE_HEIGHT - 2 * MARGIN) / (size * LEADING))
    pdf = FPDF(unit="pt", format="A4")
    pdf.set_creation_date(MADE_AT)
    pdf.set_title(title)
    pdf.set_auto_page_break(False)
    pages: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        row = number % on_a_page
        if row == 0:
            pdf.add_page()
            pdf.set_font("Courier", size=size)
            pages.append(_begin_page(len(pages) + 1))
        pdf.text(MARGIN, MARGIN + size * (1 + LEADING * row), _to_latin(line))
        if words := _place_words(line, size, row):
            pages[-1]["lines"].append(_make_line(number + 1, words))
    return bytes(pdf.output()), pages


def _to_latin(line: str) -> str:
    return line.encode("latin-1", "replace").decode("latin-1")


def _begin_page(number: int) -> dict[str, Any]:
    return {"number": number, "width": PAGE_WIDTH, "height": PAGE_HEIGHT, "source": "text",
            "lines": [], "confidence": 1.0}  # fmt: skip


def _place_words(line: str, size: float, row: int) -> list[dict[str, Any]]:
    top, height = MARGIN + size * LEADING * row, size * 1.4
    words = []
    for found in re.finditer(r"\S+", line):
        left = MARGIN + ADVANCE * size * found.start() - 1
        wide = ADVANCE * size * len(found[0]) + 2
        at = (left / PAGE_WIDTH, top / PAGE_HEIGHT, wide / PAGE_WIDTH, height / PAGE_HEIGHT)
        place = [round(min(1.0, share), 5) for share in at]
        words.append({"text": found[0], "at": place, "confidence": 1.0})
    return words


def _make_line(number: int, words: list[dict[str, Any]]) -> dict[str, Any]:
    left, top, _, height = words[0]["at"]
    end = words[-1]["at"][0] + words[-1]["at"][2]
    return {
        "number": number,
        "text": " ".join(word["text"] for word in words),
        "at": [left, top, round(min(1.0, end) - left, 5), height],
        "confidence": 1.0,
        "words": words,
    }
