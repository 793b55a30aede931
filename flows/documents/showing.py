"""A document and its fields, as a case shows them."""

from collections.abc import Sequence
from typing import Any

from flows.documents.extraction.fields import Extracted
from flows.documents.model import ReadDocument

Json = Any
MOST_TEXT = 500


def show_document(
    name: str, title: str, document: ReadDocument, found: Sequence[Extracted]
) -> dict[str, Json]:
    """Return the document beside the values, with a box for each that has a place.

    Of one recognised page, its image is shown if it was kept: it was put straight, as the places
    are, and the file was not.
    """
    artifact, media_type = document.artifact, document.media_type
    if len(document.pages) == 1 and document.pages[0].source == "ocr" and document.pages[0].image:
        artifact = document.pages[0].image
        media_type = artifact.get("media_type", "image/jpeg")
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
        "artifact": artifact,
        "media_type": media_type,
        "text": document.text,
        "boxes": boxes,
    }
