"""A document and its fields, as a case shows them."""

from collections.abc import Sequence
from typing import Any

from flows.documents.extraction.fields import Extracted
from flows.documents.model import Page, ReadDocument

Json = Any
MOST_TEXT = 500
# A case keeps the words of so many pages.
MOST_PAGES = 50


def show_document(
    name: str, title: str, document: ReadDocument, found: Sequence[Extracted]
) -> dict[str, Json]:
    """Return the document beside the values, with a box for each that has a place.

    Its words let a case show each page upright, as the places are.
    """
    boxes = [
        {
            "key": each.key,
            "page": each.page,
            "at": list(each.at),
            "text": each.text[:MOST_TEXT],
            "confidence": each.confidence,
        }
        for each in found
        if each.at is not None
    ]
    return {
        "id": name,
        "title": title,
        "artifact": document.artifact,
        "media_type": document.media_type,
        "text": document.text,
        "boxes": boxes,
        "words": [_show_words(page) for page in document.pages[:MOST_PAGES]],
    }


def _show_words(page: Page) -> dict[str, Json]:
    return {
        "number": page.number,
        "turned": page.turned,
        "skew": page.skew,
        "image": page.image,
        "lines": [
            {"at": list(line.at), "words": [[w.text, w.at[0], w.at[2]] for w in line.words]}
            for line in page.lines
        ],
    }
