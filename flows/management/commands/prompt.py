"""``manage.py prompt``: the sub-commands of every kind of asset, for prompts."""

from flows.management.assets.subcommands import make_command

Command = make_command("prompt", "prompts")
