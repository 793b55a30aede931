"""Compare every version of every flow with what the ledger says was published and released."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import rfc8785

from flows.models import Flow, FlowVersion
from workbench.audit.records import (
    Fault,
    Stated,
    changed,
    list_stated,
    missing,
    unrecorded,
)

Json = Any
PUBLISHED = "flow.published"
RELEASES = ("flow.released", "flow.rolled_back")


def compute_document_digest(document: Json) -> str:
    """Return the SHA-256 of the document's RFC 8785 form."""
    return hashlib.sha256(rfc8785.dumps(document)).hexdigest()


def compute_version_digest(document: Json, pins: Mapping[str, int]) -> str:
    """Return the digest of a document with what it is pinned to; without pins, its own."""
    if not pins:
        return compute_document_digest(document)
    return compute_document_digest({"document": document, "pins": dict(pins)})


def check_versions() -> Iterator[Fault]:
    """Yield each version that is not the one that was published, is gone, or has no entry."""
    # Read before the entries: what is published meanwhile is in neither.
    before = set(FlowVersion.objects.values_list("flow__name", "number"))
    stated: set[tuple[str, int]] = set()
    unreadable: set[str] = set()
    for chunk in list_stated([PUBLISHED]):
        for each in chunk:
            if each.payload is None:
                unreadable.add(each.subject_id)
                continue
            stated.add((each.subject_id, each.payload.get("version", 0)))
            yield from _compare(each, each.payload)
    for flow, number in sorted(before - stated):
        if flow not in unreadable:
            yield unrecorded(f"No entry tells of version {number} of the flow {flow}.")


def _compare(stated: Stated, payload: dict[str, Json]) -> Iterator[Fault]:
    name = f"version {payload.get('version')} of the flow {stated.subject_id}"
    number = int(payload.get("version") or 0)
    version = FlowVersion.objects.filter(flow__name=stated.subject_id, number=number).first()
    if version is None:
        yield missing(stated.entry, f"The {name} is gone.")
    elif not _is_published(version, payload.get("digest")):
        yield changed(stated.entry, f"The document of {name} is not the one that was published.")
    elif version.digest != payload.get("digest") or version.note != payload.get("note"):
        yield changed(stated.entry, f"The row of {name} is not as it was published.")
    elif not _are_parts(version, payload.get("parts") or {}):
        yield changed(stated.entry, f"An agent of {name} is not the one that was published.")


def _are_parts(version: FlowVersion, digests: dict[str, str]) -> bool:
    """Return whether the version's steps are made of the documents that were published."""
    parts = FlowVersion.with_parts.filter(flow_id=version.flow_id, number=version.number)
    kept = {each.part: each for each in parts.exclude(part="")}
    return kept.keys() == digests.keys() and all(
        _is_published(kept[step], digest) for step, digest in digests.items()
    )


def _is_published(version: FlowVersion, digest: Json) -> bool:
    try:
        return bool(compute_version_digest(version.document, version.pins) == digest)
    except rfc8785.CanonicalizationError:
        return False


def check_releases() -> Iterator[Fault]:
    """Yield each flow that starts runs of another version than was last released."""
    # A release between the two reads looks like a fault, and is none when both are read again.
    if list(_list_wrong_releases()):
        yield from _list_wrong_releases()


def _list_wrong_releases() -> Iterator[Fault]:
    last: dict[str, Stated] = {}
    for chunk in list_stated(RELEASES):
        last |= {each.subject_id: each for each in chunk}
    for flow, number in Flow.objects.values_list("name", "released__number"):
        stated = last.get(flow)
        if stated is None:
            if number is not None:
                yield unrecorded(f"No entry tells that version {number} of {flow} was released.")
        elif stated.payload is not None and stated.payload.get("version") != number:
            yield changed(
                stated.entry,
                f"The flow {flow} is at version {number}, and released was "
                f"{stated.payload.get('version')}.",
            )
