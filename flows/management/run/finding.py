"""Finding runs for ``manage.py run``: one by its id, or many by filter."""

from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser

from flows import selectors
from flows.management.subcommands import Options
from flows.models import Run
from flows.selectors.run_filters import WAITING, RunFilters
from workbench.values.refusals import ValueRefused
from workbench.values.times import read_instant

Json = Any
STATES = ("running", WAITING, "paused", "completed", "failed", "cancelled")


def find_run(run_id: int) -> Run:
    """Return the run. Raises: CommandError."""
    try:
        return selectors.get_run(run_id)
    except Run.DoesNotExist:
        raise CommandError(f"There is no run {run_id}.") from None


def add_filter_arguments(parser: CommandParser) -> None:
    parser.add_argument("--flow", default="")
    parser.add_argument("--state", choices=STATES, default="")
    parser.add_argument("--outcome", default="")
    parser.add_argument("--error", default="", metavar="KIND", help="That it failed by: timeout …")
    parser.add_argument("--text", default="", help="A key, or a value in the input.")
    parser.add_argument("--on-version", type=int, metavar="N")
    parser.add_argument("--since", type=_parse_instant, metavar="TIME", help="2026-01-31T08:00Z")
    parser.add_argument("--until", type=_parse_instant, metavar="TIME")


def read_filters(options: Options) -> RunFilters:
    """Return the filters that the options name."""
    return RunFilters(
        flow=options["flow"],
        version=options["on_version"],
        state=options["state"],
        outcome=options["outcome"],
        started_from=options["since"],
        started_to=options["until"],
        text=options["text"],
        error=options["error"],
    )


def _parse_instant(text: str) -> datetime:
    try:
        return read_instant(text)
    except ValueRefused as error:
        raise ArgumentTypeError(str(error)) from None


def message_of(data: Json) -> str:
    """Return the message of an error in the journal, or "" for other data."""
    return str(data.get("message") or "") if isinstance(data, dict) else ""
