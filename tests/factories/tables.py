"""Decision tables, and flows that decide by one."""

from typing import Any

from django.utils import timezone

from flows.assets.kinds import get_kind
from flows.assets.models import Asset, AssetVersion
from flows.assets.services import create_asset, publish_asset, save_draft
from flows.graph.codec import parse
from flows.models import Flow
from flows.services import create_flow, publish_version
from tests.factories.people import ACTOR

Json = Any
LIMITS: Json = {
    "description": "How much a customer may borrow.",
    "hit": "U",
    "inputs": [
        {"name": "amount", "title": "Amount", "type": "number", "values": "[0..100000]"},
        {"name": "region", "type": "string"},
    ],
    "outputs": [{"name": "limit", "title": "Limit", "type": "number"}],
    "rows": [
        {"id": "r1", "when": ["<= 1000", "-"], "then": ["amount"], "note": "Small"},
        {"id": "r2", "when": ["> 1000", '"north"'], "then": ["amount / 2"]},
        {"id": "r3", "when": ["> 50000", '"south"'], "then": ["0"]},
    ],
    "tests": [
        {"name": "A small loan", "inputs": {"amount": 500, "region": "north"}, "expect": 500,
         "rows": ["r1"]},
    ],
}  # fmt: skip


def make_table(name: str = "limits", *, publish: bool = True, **changes: Json) -> Asset:
    """Make a table, with version 1 released unless ``publish`` is False."""
    asset = create_asset(
        kind=get_kind("table"), name=name, title="Limits", content={**LIMITS, **changes},
        actor=ACTOR, now=timezone.now(),
    )  # fmt: skip
    if publish:
        publish_table(asset)
    asset.refresh_from_db()
    return asset


def publish_table(asset: Asset, **changes: Json) -> AssetVersion:
    """Publish and release a version with these changes."""
    asset.refresh_from_db()
    if changes:
        asset = save_draft(
            asset_id=asset.pk, title=None, content={**asset.draft, **changes}, actor=ACTOR,
            now=timezone.now(),
        )  # fmt: skip
    return publish_asset(
        asset_id=asset.pk, revision=asset.draft_revision, note="Changed", author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip


def make_limited_flow(*, none: bool = True, **more: Json) -> Flow:
    """Make a flow whose step ``decide`` asks the table ``limits``, with version 1 released."""
    inputs = {"amount": "${ input.amount }", "region": "${ input.region }"}
    given = "${ string(steps.decide.output.result) }"
    document: Json = {
        "schema": "countersign/flow@1",
        "name": "loans",
        "title": "Loans",
        "steps": {
            "decide": {"type": "rules.table", "with": {"table": "limits", "inputs": inputs}},
            "given": {"type": "end", "with": {"outcome": given}},
            **({"refused": {"type": "end", "with": {"outcome": "refused"}}} if none else {}),
            **more,
        },
        "edges": ["decide.done -> given", *(["decide.none -> refused"] if none else [])],
    }
    parsed = parse(document)
    flow = create_flow(
        name="loans", title="Loans", document=parsed, author=None, actor=ACTOR, now=timezone.now()
    )
    publish_version(
        flow_id=flow.pk, revision=flow.draft_revision, note="First", author=None, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip
    flow.refresh_from_db()
    return flow
