"""``manage.py table``: the sub-commands of every kind of asset, for decision tables."""

from flows.management.assets.subcommands import make_command

Command = make_command("table", "decision tables")
