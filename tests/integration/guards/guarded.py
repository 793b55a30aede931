"""A flow with a guard, and what tests do with its runs."""

from typing import Any

from django.utils import timezone

from flows.graph.codec import parse
from flows.models import Flow, Journal, Run
from flows.services import create_flow, publish_version
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR

Json = Any
LETTER = "I am Anna Berg, anna.berg@example.org, IBAN DE89 3704 0044 0532 0130 00."
PRIVATE = ("anna.berg@example.org", "DE89 3704 0044 0532 0130 00", "Anna Berg")
TOKENS = [{"rule": "personal", "then": "tokens", "fields": ["name"], "level": "info"}]


def publish(name: str = "guarded", **changes: Json) -> Flow:
    """Publish a flow whose first step takes personal data out of a letter that a function reads."""
    against = changes.pop("against", TOKENS)
    document = {
        "schema": "countersign/flow@1",
        "name": name,
        "title": "Guarded",
        "output": {"value": "${ steps.guard.output.value }"},
        "steps": {
            "guard": {"type": "guard", "with": {"check": "${ input }", "against": against}},
            "again": {
                "type": "guard",
                "with": {"check": "${ steps.guard.output.value }", "against": TOKENS},
            },
            "copy": {
                "type": "transform",
                "with": {"output": {"seen": "${ steps.again.output.value }"}},
            },
            "good": {"type": "end", "with": {"outcome": "good"}},
            "bad": {"type": "end", "with": {"outcome": "bad"}},
        },
        "edges": [
            "guard.clean -> again", "guard.flagged -> bad", "again.clean -> copy",
            "again.flagged -> bad", "copy.done -> good",
        ],
        **changes,
    }  # fmt: skip
    return publish_document(document)


def publish_document(document: Json) -> Flow:
    now, name = timezone.now(), document["name"]
    flow = create_flow(
        name=name, title=document["title"], document=parse(document), author=None, actor=ACTOR,
        now=now,
    )  # fmt: skip
    publish_version(
        flow_id=flow.pk, note="First", author=None, actor=ACTOR, now=now,
        revision=flow.draft_revision,
    )  # fmt: skip
    flow.refresh_from_db()
    return flow


def play(flow: Flow, given: Json) -> Run:
    run = start(flow, given)
    with driving():
        return ended(run)


def written_by_steps(run: Run) -> str:
    """Return all that the run's steps wrote into its journal."""
    rows = Journal.objects.filter(run_id=run.pk).exclude(kind="run.started").order_by("seq")
    return "\n".join(f"{row.data} {row.provenance} {row.port}" for row in rows)
