"""``manage.py connection``: each sub-command is a module of flows.management.connection."""

from flows.management.connection.looking import List, Show
from flows.management.connection.remove import Remove
from flows.management.connection.set_file import SetFile
from flows.management.connection.try_once import Try
from flows.management.subcommands import CommandOfSubcommands


class Command(CommandOfSubcommands):
    help = "List, show, set from a file, remove and try connections to models."
    subcommands = (List, Show, SetFile, Remove, Try)
