"""``manage.py prompt``: the sub-commands of every kind of asset, for prompts."""

from collections.abc import Sequence

from flows.management.assets.subcommands import (
    AssetSubcommand,
    ExportAsset,
    ImportAsset,
    ListAssets,
    TestAsset,
)
from flows.management.subcommands import CommandOfSubcommands, Subcommand


def for_kind(name: str) -> Sequence[type[Subcommand]]:
    """Return the sub-commands for a kind of asset."""
    every: Sequence[type[AssetSubcommand]] = (ImportAsset, ExportAsset, TestAsset, ListAssets)
    return [type(each.__name__, (each,), {"kind_name": name}) for each in every]


class Command(CommandOfSubcommands):
    help = "Import, export, test and list prompts."
    subcommands = for_kind("prompt")
