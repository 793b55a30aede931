"""``manage.py flow validate``."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from flows.graph.codec import parse, to_mapping
from flows.graph.problems import DocumentError
from flows.management.subcommands import Options, Subcommand
from flows.selectors.problems import list_problems_of_file

Json = Any


class Validate(Subcommand):
    name = "validate"
    help = "Name the problems of files; exit 1 if any."

    @classmethod
    def add_arguments(cls, parser: CommandParser) -> None:
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--strict", action="store_true", help="Warnings fail too.")

    def handle(self, options: Options) -> None:
        failing = {"error", "warning"} if options["strict"] else {"error"}
        passed = [self._validate(path, failing) for path in options["files"]]
        if not all(passed):
            raise SystemExit(1)

    def _validate(self, path: Path, failing: set[str]) -> bool:
        """Print the problems of a file, and return whether it passes."""
        document = self._read(path)
        if document is None:
            return False
        problems = list_problems_of_file(document)
        for each in problems:
            place = ", ".join(part for part in (each["step"], each["field"]) if part) or "flow"
            self.stdout.write(
                f"{path}: {each['severity']}: {place}: {each['message']} {each['remedy']}"
            )
        if not problems:
            self.stdout.write(f"{path}: no problems")
        return not any(each["severity"] in failing for each in problems)

    def _read(self, path: Path) -> dict[str, Json] | None:
        """Return the document of a file, or print why it is not one."""
        try:
            return to_mapping(parse(path.read_text()))
        except OSError as error:
            self.stdout.write(f"{path}: error: cannot be read: {error.strerror}.")
        except DocumentError as error:
            for problem in error.problems:
                self.stdout.write(f"{path}: {problem}")
        return None
