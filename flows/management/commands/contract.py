"""``manage.py contract``: the sub-commands of every kind of asset, for contracts."""

from flows.management.assets.subcommands import make_command

Command = make_command("contract", "contracts")
