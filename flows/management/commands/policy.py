"""``manage.py policy``: the sub-commands of every kind of asset, for policies, and their points."""

from flows.management.assets.subcommands import make_command
from flows.management.policy.points import AttachPolicy, DetachPolicy, ListPoints

_Command = make_command("policy", "policies")


class Command(_Command):  # type: ignore[valid-type, misc]
    help = "Import, export, test, list, attach and detach policies."
    subcommands = (*_Command.subcommands, ListPoints, AttachPolicy, DetachPolicy)
