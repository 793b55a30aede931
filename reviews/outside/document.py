"""The flow that asks people on behalf of another engine and tells it what they decided."""

from typing import Any

from reviews.checkpoint.step import ReviewCase
from reviews.rules.checkpoint_config import ACTS, EXPIRED, OUTCOMES

Json = Any
FLOW = "outside-checkpoints"
REVIEW = "review"
TITLE = "Checkpoints of other engines"
# The outcomes that can be asked for: the flow has edges for these only.
ALLOWED = (*OUTCOMES, *ACTS)


def build_document() -> dict[str, Json]:
    """Return the flow document. Its input is ``{case, reference, callback: {url, secret}}``."""
    fields = ReviewCase.Config.model_fields
    return {
        "schema": "countersign/flow@1",
        "name": FLOW,
        "title": TITLE,
        "description": "Another engine opened the case by API and is called back with the "
        "decision. Add steps of your own around it.",
        "input": {
            "type": "object",
            "required": ["case", "reference", "callback"],
            "properties": {
                "case": {"type": "object"},
                "reference": {"type": "string"},
                "callback": {"type": "object"},
            },
        },
        "output": {"reference": "${ input.reference }", "decision": "${ steps.review.output }"},
        "steps": {
            REVIEW: {
                "type": ReviewCase.name,
                "title": "Ask people",
                "with": {name: f"${{ input.case.{name} }}" for name in fields},
                "runbook": "The queue's lead assigns it. The other engine waits for the answer.",
            },
            "tell": {
                "type": "checkpoint.tell",
                "title": "Tell the other engine",
                "with": {
                    "url": "${ input.callback.url }",
                    "secret": "${ input.callback.secret }",
                    "reference": "${ input.reference }",
                    "decision": "${ steps.review.output }",
                },
                "retry": {
                    "max_attempts": 12,
                    "initial_seconds": 2,
                    "factor": 3,
                    "max_seconds": 3600,
                    "deadline_seconds": 86_400,
                },
                "runbook": "The decision stands. When the other engine answers again, retry the "
                "run from here; it may also fetch the decision.",
            },
            "told": {"type": "end", "with": {"outcome": "${ steps.review.output.outcome }"}},
        },
        "edges": [
            *(f"{REVIEW}.{outcome} -> tell" for outcome in (*OUTCOMES, EXPIRED)),
            "tell.done -> told",
        ],
        "layout": {REVIEW: [80, 120], "tell": [400, 120], "told": [720, 120]},
    }
