"""``manage.py list``: the sub-commands of every kind of asset, for lists."""

from flows.management.assets.subcommands import make_command

Command = make_command("list", "lists")
