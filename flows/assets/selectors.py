"""Assets, their versions, and the flows that use them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from flows.assets.errors import AssetUnknown
from flows.assets.models import Asset, AssetVersion
from flows.models import Flow
from workbench.search.matching import having

MOST_LISTED = 500


@dataclass(frozen=True, slots=True)
class UsedBy:
    """A flow whose released version is pinned to an asset's version."""

    flow: str
    title: str
    flow_version: int
    number: int


def list_assets(kind: str, *, text: str = "", archived: bool = False) -> QuerySet[Asset]:
    """Return the assets of a kind with their released versions, by title."""
    found = Asset.objects.filter(kind=kind, archived_at__isnull=not archived)
    if text:
        found = found.filter(having(text, "title", "name"))
    return found.select_related("released").order_by("title", "pk")


def get_asset(kind: str, name: str) -> Asset:
    """Return an asset with its released version: one query. Raises: AssetUnknown."""
    asset = Asset.objects.select_related("released").filter(kind=kind, name=name).first()
    if asset is None:
        raise AssetUnknown(f"There is no {kind} {name!r}.", f"Look at the list of {kind}s.")
    return asset


def get_version(asset: Asset, number: int) -> AssetVersion:
    """Return a version of the asset: one query. Raises: AssetUnknown."""
    found = asset.versions.select_related("asset", "published_by").filter(number=number).first()
    if found is None:
        raise AssetUnknown(
            f"The {asset.kind} {asset.name} has no version {number}.", "Look at its versions."
        )
    return found


def list_versions(asset: Asset) -> Sequence[AssetVersion]:
    """Return the versions, newest first: one query."""
    return list(asset.versions.select_related("published_by").order_by("-number"))


def find_released_numbers(names: Collection[str]) -> dict[str, int | None]:
    """Return, by ``kind/name``, the number of each asset's released version: one query.

    None stands for an asset without one. What is archived counts as having none, and what is not
    there is left out.
    """
    wanted = Q()
    for name in names:
        kind, _, slug = name.partition("/")
        wanted |= Q(kind=kind, name=slug)
    rows = Asset.objects.filter(wanted).values_list(
        "kind", "name", "released__number", "archived_at"
    )
    return {
        f"{kind}/{name}": None if archived_at else number
        for kind, name, number, archived_at in rows
        if names
    }


def list_users(asset: Asset) -> list[UsedBy]:
    """Return the flows whose released version is pinned to the asset, by title: one query."""
    pinned = f"{asset.kind}/{asset.name}"
    flows = Flow.objects.exclude(released=None).exclude(released__pins={})
    rows = flows.values_list("name", "title", "released__number", "released__pins")
    return [
        UsedBy(name, title, number, pins[pinned])
        for name, title, number, pins in rows.order_by("title")
        if pinned in pins
    ]
