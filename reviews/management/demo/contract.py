"""The contract of the credit score, learned from the first weeks of the history."""

from datetime import UTC, datetime, timedelta

from flows.assets.kinds import get_kind
from flows.assets.models import Asset
from flows.assets.services import create_asset, publish_asset
from flows.costs.periods import Period
from flows.drift.learning import TooFewOutputs, learn_contract
from flows.models import Flow
from reviews.management.demo.runs import REPLACED, WEEKS
from workbench.accounts.actors import Actor

NAME, STEP = "credit-score", "score"


def write_contract(flow: Flow, actor: Actor, now: datetime) -> None:
    """Learn it from what the older model gave, and release it, unless there is one.

    So the days since the model was replaced show how the new one differs.
    """
    if Asset.objects.filter(kind="contract", name=NAME).exists():
        return
    today = now.astimezone(UTC).date()
    weeks = Period(today - timedelta(weeks=WEEKS), today - REPLACED - timedelta(days=1))
    try:
        content = learn_contract(flow.name, STEP, weeks)
    except TooFewOutputs:
        return
    content["description"] = "What the scorecard gives, as its older version did."
    kind = get_kind("contract")
    asset = create_asset(
        kind=kind, name=NAME, title="Credit score", content=content, actor=actor, now=now
    )
    publish_asset(
        asset_id=asset.pk, revision=asset.draft_revision, note="Learned from the history",
        author=None, actor=actor, now=now,
    )  # fmt: skip
