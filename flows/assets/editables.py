"""An asset's draft as something that people edit and save whole."""

from flows.assets.kinds import AssetKind
from flows.assets.models import Asset
from workbench.audit.selectors import get_last_act
from workbench.http.revisions import Change, Editable


def find_change(asset: Asset) -> Change | None:
    """Return who changed the draft last: one query, for its entry in the ledger."""
    last = get_last_act((asset.kind, asset.name), "asset.created", "asset.changed")
    return Change(last.actor_name, last.at) if last else None


def make_editable(kind: AssetKind) -> Editable[Asset]:
    """Return the drafts of a kind, to be identified by the kind's name and the asset's."""
    return Editable(
        Asset.objects, f"the {kind.name}", ("kind", "name"),
        lambda asset: str(asset.draft_revision), find_change, field="draft_revision",
    )  # fmt: skip
