"""Policies for tests."""

from typing import Any

from django.utils import timezone

from flows.assets.models import Asset, AssetVersion, PolicyAttachment
from flows.assets.policies.attaching import attach_policy
from flows.assets.policies.kind import POLICY
from flows.assets.services import create_asset, publish_asset, save_draft
from tests.factories.people import ACTOR

REFUNDS = """\
package refunds

import rego.v1

default allow := false

allow if count(reasons) == 0

reasons contains sprintf("%v is above %v.", [input.amount, data.most]) if input.amount > data.most

reasons contains "The customer is new." if input.days < 30

default obligations := {}

obligations := {"review": "lead"} if input.amount * 2 > data.most
"""
CONTENT: dict[str, Any] = {
    "source": REFUNDS,
    "data": {"most": 50},
    "tests": [{"name": "Small", "input": {"amount": 10, "days": 90}, "allow": True}],
}
YES = "package yes\n\nimport rego.v1\n\nallow := true\n"
NO = 'package no\n\nimport rego.v1\n\nallow := false\n\nreasons := ["It is Friday."]\n'
# Two rules that give different values, which only evaluating shows.
BROKEN = "package broken\n\nimport rego.v1\n\nallow := true if input\n\nallow := false if input\n"


def make_policy(name: str = "refunds", **content: Any) -> Asset:
    """Return a policy with a released version."""
    made = create_asset(
        kind=POLICY, name=name, title=name.title(), content=content or CONTENT, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip
    publish_policy(made)
    return Asset.objects.get(pk=made.pk)


def publish_policy(asset: Asset) -> AssetVersion:
    asset.refresh_from_db()
    return publish_asset(
        asset_id=asset.pk, revision=asset.draft_revision, note="As tried", author=None,
        actor=ACTOR, now=timezone.now(),
    )  # fmt: skip


def change_policy(asset: Asset, **content: Any) -> AssetVersion:
    """Publish another version."""
    save_draft(
        asset_id=asset.pk, title=None, content={**asset.draft, **content}, actor=ACTOR,
        now=timezone.now(),
    )  # fmt: skip
    return publish_policy(asset)


def attach(source: str, point: str, *, flow: str = "", queue: str = "") -> PolicyAttachment:
    """Attach a policy with this module, which is named by its package."""
    name = source.partition("\n")[0].removeprefix("package ")
    asset = Asset.objects.filter(kind="policy", name=name).first() or make_policy(
        name, source=source
    )
    return attach_policy(
        policy=asset.name, point=point, flow=flow, queue=queue, actor=ACTOR, now=timezone.now()
    )
