"""Make the assets that a template of a flow comes with."""

from collections.abc import Sequence

from flows.assets.files import AssetFile, read_file
from flows.assets.models import Asset
from flows.assets.services import create_asset, publish_asset
from flows.services.templates import AssetMaking, TemplateAssetsRefused

NOTE = "As it came with the template"


def make_assets(files: Sequence[str], making: AssetMaking) -> None:
    """Create, publish and release each asset whose name is free; leave the others as they are.

    Raises: TemplateAssetsRefused.
    """
    missing = [each for each in map(read_file, files) if not _is_there(each)]
    if refused := [each for each in missing if not making.allowed(each.kind.edit)]:
        named = ", ".join(f"{each.kind.name} {each.name}" for each in refused)
        raise TemplateAssetsRefused(
            f"The template comes with the {named}, which you may not create.",
            f"Ask somebody with the permission {refused[0].kind.edit} to create the flow.",
        )
    for each in missing:
        _make(each, making)


def _is_there(file: AssetFile) -> bool:
    return Asset.objects.filter(kind=file.kind.name, name=file.name).exists()


def _make(file: AssetFile, making: AssetMaking) -> None:
    asset = create_asset(
        kind=file.kind,
        name=file.name,
        title=file.title,
        content=file.content,
        actor=making.actor,
        now=making.now,
    )
    publish_asset(
        asset_id=asset.pk,
        revision=asset.draft_revision,
        note=NOTE,
        author=making.author,
        actor=making.actor,
        now=making.now,
    )
