"""Make a contract's first draft of what was learned from recorded runs."""

from datetime import datetime

from flows.assets.errors import AssetExists, AssetInvalid
from flows.assets.kinds import get_kind
from flows.assets.models import Asset
from flows.assets.services import create_asset
from flows.costs.periods import Period
from flows.drift.learning import TooFewOutputs, learn_contract
from workbench.accounts.actors import Actor


class ContractNotLearned(ValueError):
    """Nothing was saved. ``field`` names what has to be changed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def draft_learned(
    *, name: str, flow: str, step: str, period: Period, version: int | None, actor: Actor,
    now: datetime,
) -> Asset:  # fmt: skip
    """Learn a contract, and create it as a draft. Raises: ContractNotLearned."""
    try:
        content = learn_contract(flow, step, period, version)
    except TooFewOutputs as error:
        raise ContractNotLearned("of", str(error)) from error
    try:
        return create_asset(
            kind=get_kind("contract"), name=name, title=f"{flow} / {step}", content=content,
            actor=actor, now=now,
        )  # fmt: skip
    except AssetExists as error:
        raise ContractNotLearned("name", f"{error.message} {error.remedy}") from error
    except AssetInvalid as error:
        raise ContractNotLearned("name", " ".join(map(str, error.problems))) from error
