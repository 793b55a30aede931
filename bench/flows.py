"""The flows that the benchmarks run, published through the services."""

from itertools import pairwise
from typing import Any

from django.utils import timezone

from flows.graph.codec import parse
from flows.models import Flow
from flows.services import create_flow, publish_version
from workbench.audit.actors import Actor

ACTOR = Actor.system("bench", channel="command")


def linear_flow(steps: int) -> dict[str, Any]:
    """W1: trivial steps in a row, each with an input and an output that is kept."""
    names = [f"step_{n}" for n in range(steps)]
    return {
        "name": f"linear-{steps}",
        "steps": {
            name: {"type": "python", "with": {"function": "bench.steps:trivial", "args": {"n": n}}}
            for n, name in enumerate(names)
        },
        "edges": [f"{a}.done -> {b}" for a, b in pairwise(names)],
    }


def pausing_flow() -> dict[str, Any]:
    """W2: a wait that somebody resolves, and a step that says when it began."""
    return {
        "name": "pausing",
        "steps": {
            "pause": {"type": "wait", "with": {"seconds": 86_400}},
            "stamp": {"type": "python", "with": {"function": "bench.steps:stamp"}},
        },
        "edges": ["pause.done -> stamp"],
    }


def publish(document: dict[str, Any]) -> Flow:
    """Publish the flow unless it is there from an earlier measurement."""
    name = document["name"]
    found = Flow.objects.filter(name=name).first()
    if found is not None:
        return found
    now = timezone.now()
    parsed = parse({"schema": "countersign/flow@1", "title": name, **document})
    flow = create_flow(name=name, title=name, document=parsed, author=None, actor=ACTOR, now=now)
    publish_version(flow_id=flow.pk, note="for the benchmark", author=None, actor=ACTOR, now=now)
    flow.refresh_from_db()
    return flow
