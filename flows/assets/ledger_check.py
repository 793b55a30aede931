"""Compare the versions of assets with what the ledger says was published and released."""

from collections.abc import Iterator
from typing import Any

import rfc8785

from flows.assets.models import Asset, AssetVersion
from flows.assets.services import compute_digest
from workbench.audit.records import Fault, Stated, changed, list_stated, missing, unrecorded

Json = Any
Key = tuple[str, str, int]


def check_versions() -> Iterator[Fault]:
    """Yield each version that is not the one that was published, is gone, or has no entry."""
    # Read before the entries: what is published meanwhile is in neither.
    before = set(AssetVersion.objects.values_list("asset__kind", "asset__name", "number"))
    stated: set[Key] = set()
    unreadable: set[str] = set()
    for chunk in list_stated(["asset.published"]):
        for each in chunk:
            if each.payload is None:
                unreadable.add(each.subject_id)
                continue
            stated.add((str(each.payload.get("kind")), each.subject_id, each.payload["version"]))
            yield from _compare(each, each.payload)
    for kind, name, number in sorted(before - stated):
        if name not in unreadable:
            yield unrecorded(f"No entry tells of version {number} of the {kind} {name}.")


def _compare(stated: Stated, payload: dict[str, Json]) -> Iterator[Fault]:
    named = f"version {payload['version']} of the {payload.get('kind')} {stated.subject_id}"
    version = AssetVersion.objects.filter(
        asset__kind=payload.get("kind"), asset__name=stated.subject_id, number=payload["version"]
    ).first()
    if version is None:
        yield missing(stated.entry, f"The {named} is gone.")
    elif not _is_published(version, payload):
        yield changed(stated.entry, f"The {named} is not as it was published.")


def _is_published(version: AssetVersion, payload: dict[str, Json]) -> bool:
    try:
        digest = compute_digest(version.content)
    except rfc8785.CanonicalizationError:
        return False
    stated = (payload.get("digest"), payload.get("note"))
    return digest == version.digest and (version.digest, version.note) == stated


def check_releases() -> Iterator[Fault]:
    """Yield each asset that has another released version than was last released."""
    # A release between the two reads looks like a fault, and is none when both are read again.
    if list(_list_wrong_releases()):
        yield from _list_wrong_releases()


def _list_wrong_releases() -> Iterator[Fault]:
    last: dict[tuple[str, str], Stated] = {}
    for chunk in list_stated(["asset.released", "asset.rolled_back"]):
        for each in chunk:
            if each.payload is not None:
                last[str(each.payload.get("kind")), each.subject_id] = each
    numbers: dict[tuple[str, str], int | None] = {
        (kind, name): number
        for kind, name, number in Asset.objects.values_list("kind", "name", "released__number")
    }
    for (kind, name), number in numbers.items():
        stated = last.get((kind, name))
        if stated is None and number is not None:
            yield unrecorded(f"No entry tells that version {number} of {kind} {name} was released.")
        elif stated is not None and stated.payload and stated.payload.get("version") != number:
            yield changed(stated.entry, f"The {kind} {name} is at version {number}.")
