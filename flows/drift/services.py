"""Make a contract's first draft of what was learned from recorded runs."""

from datetime import datetime
from typing import Any

from flows.assets.errors import AssetExists, AssetInvalid
from flows.assets.kinds import Content, get_kind
from flows.assets.models import Asset
from flows.assets.services import create_asset
from flows.costs.periods import Period
from flows.drift.learning import TooFewOutputs, learn_contract
from workbench.accounts.actors import Actor

Json = Any


class ContractNotLearned(ValueError):
    """Nothing was saved. ``field`` names what has to be changed."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


def learn_content(
    *, flow: str, step: str, period: Period, version: int | None
) -> dict[str, Json]:  # fmt: skip
    """Return the content of a contract as recorded runs gave it. Raises: ContractNotLearned."""
    try:
        return learn_contract(flow, step, period, version)
    except TooFewOutputs as error:
        raise ContractNotLearned("of", str(error)) from error


def create_learned(*, name: str, content: Content, actor: Actor, now: datetime) -> Asset:
    """Create a contract whose draft was learned. Raises: ContractNotLearned."""
    title = f"{content['flow']} / {content['step']}"
    try:
        return create_asset(
            kind=get_kind("contract"), name=name, title=title, content=content, actor=actor, now=now
        )
    except AssetExists as error:
        raise ContractNotLearned("name", f"{error.message} {error.remedy}") from error
    except AssetInvalid as error:
        raise ContractNotLearned("name", " ".join(map(str, error.problems))) from error
