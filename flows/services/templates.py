"""Make a flow of a template, with the assets that its steps name, such as prompts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from flows.models import Flow
from flows.selectors.examples import Example
from flows.services.drafts import create_flow
from flows.services.errors import ServiceError
from workbench.accounts.actors import Actor
from workbench.accounts.models import User


class TemplateAssetsRefused(ServiceError):
    """The template comes with assets that are not there yet, and the caller may not make them."""


@dataclass(frozen=True, slots=True)
class AssetMaking:
    """For whom the assets of a template are made.

    ``allowed`` says whether they have a permission; without it those that are there must do.
    """

    author: User | None
    actor: Actor
    now: datetime
    allowed: Callable[[str], bool] = lambda permission: True


# Makes and releases the assets whose files it is given, but for those whose name is taken.
MakeAssets = Callable[[Sequence[str], AssetMaking], None]


def _make_none(files: Sequence[str], making: AssetMaking) -> None:
    pass


_make_assets: MakeAssets = _make_none


def register_asset_maker(make_assets: MakeAssets) -> None:
    """Let the assets of templates be made by ``make_assets``."""
    global _make_assets  # noqa: PLW0603 - one a process
    _make_assets = make_assets


@transaction.atomic
def create_flow_from_template(
    example: Example,
    *,
    author: User | None,
    actor: Actor,
    now: datetime,
    name: str = "",
    title: str = "",
    allowed: Callable[[str], bool] = lambda permission: True,
) -> Flow:
    """Create the flow, and the template's assets that are not there yet, released.

    Raises: FlowExists, NameReserved, TemplateAssetsRefused.
    """
    document = example.document
    if example.assets:
        _make_assets(example.assets, AssetMaking(author, actor, now, allowed))
    return create_flow(
        name=name or document.name,
        title=title or document.title,
        document=document,
        author=author,
        actor=actor,
        now=now,
    )
