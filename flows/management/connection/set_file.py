"""``manage.py connection set``."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from pydantic import ValidationError

from flows.connections import services
from flows.connections.checks import describe_options_faults
from flows.connections.editables import CONNECTION
from flows.connections.settings import ConnectionSettings
from flows.graph.json_values import TextProblem
from flows.graph.yaml_text import read_yaml
from flows.management.connection.finding import ACTOR
from flows.management.subcommands import Options, Subcommand

Json = Any


class SetFile(Subcommand):
    name = "set"
    help = "Add the connection of a YAML file, or replace it. Its secret is set before."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--revision", help="Replace only this revision, as the API and `ETag` name it."
        )

    def handle(self, options: Options) -> None:
        name, settings = _read(options["file"])
        with CONNECTION.hold(name) as kept:
            wanted, there = options["revision"], kept and CONNECTION.revision_of(kept)
            if wanted and wanted != there:
                raise CommandError(f"{name} is at revision {there or 'none'}: look at it first.")
            row = _save(name, settings)
            changed = there != CONNECTION.revision_of(row)
        done = "Saved" if changed else "Nothing changed of"
        self.stdout.write(f"{done} the connection {name}, revision {CONNECTION.revision_of(row)}.")


def _save(name: str, settings: ConnectionSettings) -> Any:
    """Raises: CommandError, with each fault on a line."""
    try:
        return services.save_connection(
            name=name, settings=settings, actor=ACTOR, now=timezone.now()
        )
    except services.ConnectionInvalid as error:
        lines = [f"{field}: {message}" for field, message in error.problems.items()]
        raise CommandError("\n".join(lines)) from error


def _read(path: Path) -> tuple[str, ConnectionSettings]:
    """Return the name and the settings that a file holds. Raises: CommandError."""
    try:
        found, _ = read_yaml(path.read_text())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not text in UTF-8.") from error
    except TextProblem as error:
        raise CommandError(f"{path}: {error.message} {error.remedy}") from error
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        raise CommandError(f"{path}: name is missing. `connection show` prints such a file.")
    name = found.pop("name")
    try:
        return name, ConnectionSettings.model_validate(found)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, at))}: {message}"
            for at, message in describe_options_faults(error)
        ]
        raise CommandError("\n".join(lines)) from error
