"""``manage.py connection try``."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from flows.connections.trying import try_connection
from flows.management.connection.finding import ACTOR, add_name_argument, find_connection
from flows.management.subcommands import Options, Subcommand
from workbench.values.json_text import read_json
from workbench.values.refusals import ValueRefused

Json = Any


class Try(Subcommand):
    name = "try"
    help = "Ask the model once, and print what a step would get and record. It may cost money."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        add_name_argument(parser)
        parser.add_argument("--input", default="{}", metavar="JSON", help="{} if it is left out.")

    def handle(self, options: Options) -> None:
        row, given = find_connection(options["name"]), _read_input(options["input"])
        trial = try_connection(connection=row, sample=given, actor=ACTOR, now=timezone.now())
        shown = {"confidence": trial.confidence, "output": trial.output} if trial.succeeded else {}
        self.stdout.write(
            json.dumps({**shown, "recorded": trial.provenance}, indent=2, ensure_ascii=False)
        )
        if not trial.succeeded:
            raise CommandError(trial.error)


def _read_input(text: str) -> Json:
    """Raises: CommandError."""
    try:
        return read_json(text)
    except ValueRefused as error:
        raise CommandError(f"--input: {error}") from error
