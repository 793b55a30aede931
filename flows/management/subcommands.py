"""Commands with sub-commands: ``manage.py COMMAND SUBCOMMAND``, each in a class of its own."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser, OutputWrapper

Options = Mapping[str, Any]


class Subcommand:
    """What follows the command's name on the command line.

    ``handle`` prints to ``stdout`` and ``stderr``. Raises: CommandError, or SystemExit(1) once all
    that is wrong has been printed.
    """

    name: ClassVar[str]
    help: ClassVar[str]

    def __init__(self, stdout: OutputWrapper, stderr: OutputWrapper) -> None:
        self.stdout = stdout
        self.stderr = stderr

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        """Declare the arguments."""

    def handle(self, options: Options) -> None:
        raise NotImplementedError


class CommandOfSubcommands(BaseCommand):
    """A command that only chooses which of its sub-commands to run."""

    subcommands: ClassVar[Sequence[type[Subcommand]]]

    def add_arguments(self, parser: CommandParser) -> None:
        parsers = parser.add_subparsers(dest="what", required=True, metavar="COMMAND")
        for each in self.subcommands:
            each.add_arguments(parsers.add_parser(each.name, help=each.help))

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = next(each for each in self.subcommands if each.name == options["what"])
        chosen(self.stdout, self.stderr).handle(options)
