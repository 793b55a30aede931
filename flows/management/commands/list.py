"""``manage.py list``: the sub-commands of every kind of asset, for lists."""

from flows.management.commands.prompt import for_kind
from flows.management.subcommands import CommandOfSubcommands


class Command(CommandOfSubcommands):
    help = "Import, export, test and list lists."
    subcommands = for_kind("list")
