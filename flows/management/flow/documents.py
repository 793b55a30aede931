"""Finding the document that an argument names: a file, ``NAME`` (its draft) or ``NAME@VERSION``."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from flows import selectors
from flows.graph.codec import parse
from flows.graph.model import Document
from flows.graph.problems import DocumentError
from flows.models import Flow, FlowVersion
from workbench.accounts.actors import Actor

Json = Any
ACTOR = Actor.system("manage.py flow", channel="command")


def add_flow_argument(parser: CommandParser) -> None:
    parser.add_argument("flow", metavar="NAME[@VERSION]")


def find_flow(name: str) -> Flow:
    """Return the flow. Raises: CommandError, which lists the flows that exist."""
    try:
        return selectors.get_flow(name)
    except Flow.DoesNotExist:
        known = ", ".join(Flow.objects.order_by("name").values_list("name", flat=True)[:20])
        raise CommandError(f"There is no flow {name}. There is: {known or 'none yet'}.") from None


def find_stored_document(named: str) -> dict[str, Json]:
    """Return the document of ``name`` (its draft) or ``name@version``."""
    name, _, number = named.partition("@")
    flow = find_flow(name)
    if not number:
        return dict(flow.draft)
    try:
        document: dict[str, Json] = selectors.get_version(flow, int(number)).document
    except (ValueError, FlowVersion.DoesNotExist):
        raise CommandError(f"Flow {name} has no version {number}.") from None
    return document


def describe_draft(named: str) -> str:
    """Return which revision a draft is at, or "" for what is no draft."""
    if "@" in named or Path(named).is_file():
        return ""
    revision = find_flow(named).draft_revision
    return f"The draft of {named} is at revision {revision}: publish it with --revision {revision}."


def find_document(named: str) -> Document:
    """Return the document of a file, or else of ``name`` or ``name@version``."""
    path = Path(named)
    return read_document(path) if path.is_file() else parse(find_stored_document(named))


def read_document(path: Path) -> Document:
    """Return the document of a file. Raises: CommandError."""
    try:
        return parse(path.read_text())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    except DocumentError as error:
        raise CommandError(f"{path} is not a flow document:\n{error}") from error
