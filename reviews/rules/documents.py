"""The documents that a case shows, and the digests of their artifacts."""

from collections.abc import Mapping
from typing import Any

Json = Any


def list_documents(shown: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return the documents of a case, those in groups too."""
    grouped = [
        document for group in shown.get("show", ()) for document in group.get("documents") or ()
    ]
    return [*(shown.get("documents") or ()), *grouped]


def list_files(shown: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Return all parts of a case that may have an artifact: documents, images and recordings."""
    media = [
        each
        for group in shown.get("show", ())
        for kind in ("images", "audio")
        for each in group.get(kind) or ()
    ]
    return [*list_documents(shown), *media]


def find_page(document: Mapping[str, Json], number: int) -> Mapping[str, Json]:
    """Return a page of those whose words a document has; empty if it is not among them."""
    pages = document.get("words") or ()
    return next((page for page in pages if page["number"] == number), {})


def get_artifact_digest(reference: Json) -> str:
    """Return the digest that an artifact reference names, "" if it names none."""
    if isinstance(reference, Mapping):
        reference = reference.get("artifact") or reference.get("digest") or reference.get("sha256")
    if not isinstance(reference, str):
        return ""
    return reference.removeprefix("artifact:").removeprefix("sha256:")
