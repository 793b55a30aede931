"""Flows and their versions, as rows."""

from datetime import UTC, datetime
from typing import Any

from flows.models import Flow, FlowVersion

Json = Any
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)

LOAN: Json = {
    "schema": "countersign/flow@1",
    "name": "loan",
    "title": "Consumer loan",
    "description": "Scores an application, and asks a person where it is unsure.",
    "input": {
        "type": "object",
        "required": ["amount", "purpose"],
        "additionalProperties": False,
        "properties": {
            "amount": {"type": "number", "minimum": 1, "title": "Amount", "x-unit": "EUR"},
            "purpose": {"enum": ["car", "furniture", "other"]},
            "urgent": {"type": "boolean"},
            "applicant": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {"type": "string"},
                    "born": {"type": "string", "format": "date"},
                },
            },
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    },
    "output": {"fee": "${ steps.fee.output.fee }"},
    "steps": {
        "fee": {
            "type": "transform",
            "title": "Fee",
            "with": {"output": {"fee": "${ double(input.amount) * 0.02 }"}},
        },
        "settle": {"type": "end", "title": "Settle", "with": {"outcome": "settled"}},
    },
    "edges": ["fee.done -> settle"],
    "layout": {"fee": [0, 0], "settle": [320, 0]},
    "samples": {"small": {"amount": 1200, "purpose": "car"}},
}


def make_flow(
    name: str = "loan", *, versions: int = 1, released: bool = True, **changes: Json
) -> Flow:
    document = {**LOAN, "name": name, **changes}
    flow = Flow.objects.create(
        name=name, title=document["title"], draft=document, created_at=NOW, updated_at=NOW
    )
    for number in range(1, versions + 1):
        version = make_version(flow, number, document)
        if released:
            flow.released = version
    flow.save()
    return flow


def make_version(
    flow: Flow, number: int, document: Json = None, note: str = "First"
) -> FlowVersion:
    return FlowVersion.objects.create(
        flow=flow,
        number=number,
        document=document or flow.draft,
        digest=f"{number:064d}",
        note=note,
        published_at=NOW,
    )


def release(version: FlowVersion) -> None:
    """Make it the version by which new runs go."""
    Flow.objects.filter(pk=version.flow_id).update(released=version)
