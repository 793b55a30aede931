"""Documents as ``document.read`` gives them, of a PDF's text layer or of plain lines."""

from collections.abc import Sequence
from itertools import groupby

import pypdfium2

from flows.documents.model import Line, Page, ReadDocument, Table, Word

ARTIFACT = {"artifact": "sha256:" + "0" * 64}


def read_lines(
    *pages: Sequence[str], tables: Sequence[Table] = (), confidence: float = 1.0
) -> ReadDocument:
    """Return a document whose characters are all one hundredth of the page wide, or narrower.

    A column begins after some spaces: the words keep their places in the line.
    """
    number, made = 0, []
    for at, texts in enumerate(pages, 1):
        lines = []
        for row, text in enumerate(texts):
            number += 1
            wide = max(100, *map(len, texts))
            high = min(0.03, 0.9 / len(texts))
            words = _place_words(text, wide, 0.05 + row * high, high * 0.4, confidence)
            if words:
                lines.append(_make_line(number, words))
        made.append(
            Page(number=at, width=595, height=842, source="text", lines=lines,
                 tables=list(tables) if at == 1 else [])
        )  # fmt: skip
    return _make_document(made)


def _place_words(text: str, wide: int, top: float, height: float, confidence: float) -> list[Word]:
    words, at = [], 0
    for part in text.split(" "):
        if part:
            place = (round(at / wide, 4), top, round(len(part) / wide, 4), height)
            words.append(Word(text=part, at=place, confidence=confidence))
        at += len(part) + 1
    return words


def read_pdf(content: bytes) -> ReadDocument:
    """Return the text layer of a PDF: words and lines by the places of their characters."""
    pdf = pypdfium2.PdfDocument(content)
    pages, number = [], 0
    for at, sheet in enumerate(pdf, 1):
        width, height = sheet.get_size()
        rows = _read_words(sheet, width, height)
        lines = []
        for _, group in groupby(sorted(rows, key=lambda each: each[0]), key=lambda each: each[0]):
            number += 1
            lines.append(_make_line(number, [word for _, word in group]))
        pages.append(
            Page(number=at, width=width, height=height, source="text", lines=lines)
        )  # fmt: skip
    pdf.close()
    return _make_document(pages)


def _read_words(sheet: pypdfium2.PdfPage, width: float, height: float) -> list[tuple[float, Word]]:
    text = sheet.get_textpage()
    whole, found, start = text.get_text_range(), [], None
    for at in range(len(whole) + 1):
        blank = at == len(whole) or whole[at].isspace()
        if blank and start is not None:
            boxes = [text.get_charbox(each) for each in range(start, at)]
            left, bottom = min(b[0] for b in boxes), min(b[1] for b in boxes)
            right, top = max(b[2] for b in boxes), max(b[3] for b in boxes)
            place = (left / width, 1 - top / height, (right - left) / width,
                     (top - bottom) / height)  # fmt: skip
            baseline = round((height - bottom) / 6)
            found.append((baseline, Word(text=whole[start:at], at=place, confidence=1.0)))
            start = None
        elif not blank and start is None:
            start = at
    return found


def _make_line(number: int, words: list[Word]) -> Line:
    left, top = min(w.at[0] for w in words), min(w.at[1] for w in words)
    right = max(w.at[0] + w.at[2] for w in words)
    bottom = max(w.at[1] + w.at[3] for w in words)
    return Line(
        number=number,
        text=" ".join(word.text for word in words),
        at=(left, top, min(1 - left, right - left), bottom - top),
        confidence=min(word.confidence for word in words),
        words=words,
    )


def _make_document(pages: list[Page]) -> ReadDocument:
    return ReadDocument(
        artifact=ARTIFACT,
        media_type="application/pdf",
        pages=pages,
        text="\n".join(line.text for page in pages for line in page.lines),
        engine="test",
    )
