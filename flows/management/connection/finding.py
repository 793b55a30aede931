"""What the sub-commands share: who acts, and the connection that is named."""

from django.core.management.base import CommandError, CommandParser

from flows.connections.models import Connection
from flows.connections.selectors import get_connection
from workbench.accounts.actors import Actor

ACTOR = Actor.system("manage.py connection", channel="command")


def add_name_argument(parser: CommandParser) -> None:
    parser.add_argument("name", metavar="NAME")


def find_connection(name: str) -> Connection:
    """Raises: CommandError."""
    row = get_connection(name)
    if row is None:
        raise CommandError(f"There is no connection {name}. `connection list` has their names.")
    return row
