"""What the views of assets share: what the request names, and what every page of one shows."""

import json
from typing import Any

from django.http import Http404, HttpRequest

from flows.assets import selectors
from flows.assets.errors import AssetUnknown
from flows.assets.kinds import AssetKind
from flows.assets.models import Asset, AssetVersion
from workbench.accounts.permissions import can


def asset_or_404(kind: AssetKind, name: str) -> Asset:
    try:
        return selectors.get_asset(kind.name, name)
    except AssetUnknown as error:
        raise Http404(str(error)) from None


def version_or_404(asset: Asset, number: int) -> AssetVersion:
    try:
        return selectors.get_version(asset, number)
    except AssetUnknown as error:
        raise Http404(str(error)) from None


def make_context(request: HttpRequest, kind: AssetKind, asset: Asset, tab: str) -> dict[str, Any]:
    """Return what the head of every page of an asset shows."""
    released = asset.released.content if asset.released else None
    return {
        "kind": kind,
        "urls": make_names(kind),
        "asset": asset,
        "tab": tab,
        "may_edit": can(request.user, kind.edit),
        "draft_differs": released is None or _differs(kind, asset, released),
    }


def _differs(kind: AssetKind, asset: Asset, released: Any) -> bool:
    # As text, since the order of keys is part of what people write.
    return json.dumps(kind.normal(released)) != json.dumps(kind.normal(asset.draft))


def make_names(kind: AssetKind) -> dict[str, str]:
    """Return the names of the kind's addresses, for templates that serve every kind."""
    called = (
        "list", "rows", "create", "detail", "edit", "preview", "export", "archive", "versions",
        "version", "release", "compare", "publish", "tests", "tests-run",
        "rule", "import",
    )  # fmt: skip
    return {each.replace("-", "_"): f"flows:{kind.name}-{each}" for each in called}
