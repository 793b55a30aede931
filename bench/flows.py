"""The flows that are measured, and how they are published."""

from itertools import pairwise
from typing import Any

from django.utils import timezone

from flows.graph.codec import parse
from flows.models import Flow
from flows.services import create_flow, publish_version
from workbench.accounts.actors import Actor

ACTOR = Actor.system("bench", channel="command")


def linear_flow(steps: int, function: str = "trivial") -> dict[str, Any]:
    """Return the flow of W1: trivial steps in a row, each with an input and a stored output."""
    names = [f"step_{n}" for n in range(steps)]
    function = f"bench.steps:{function}"
    return {
        "name": f"linear-{steps}",
        "steps": {
            name: {"type": "python", "with": {"function": function, "args": {"n": n}}}
            for n, name in enumerate(names)
        },
        "edges": [f"{a}.done -> {b}" for a, b in pairwise(names)],
    }


def filled_flow(steps: int) -> dict[str, Any]:
    """Return W1's flow with outputs as large as a decision's: its runs are stored beside W1."""
    return {**linear_flow(steps, "assess"), "name": f"filled-{steps}"}


def pausing_flow() -> dict[str, Any]:
    """Return the flow of W2: a wait that somebody resolves, and a step that tells when it began."""
    return {
        "name": "pausing",
        "steps": {
            "pause": {"type": "wait", "with": {"seconds": 86_400}},
            "stamp": {"type": "python", "with": {"function": "bench.steps:stamp"}},
        },
        "edges": ["pause.done -> stamp"],
    }


def item_flow() -> dict[str, Any]:
    """Return the flow that runs for each item of W3: one trivial step."""
    return {
        "name": "item",
        "steps": {
            "work": {
                "type": "python",
                "with": {"function": "bench.steps:trivial", "args": {"n": "${ input.n }"}},
            }
        },
        "output": {"n": "${ steps.work.output }"},
    }


def for_each_flow(items: int) -> dict[str, Any]:
    """Return a flow of W3: a run for each item, all at once, and their outputs in one list."""
    return {
        "name": f"for-each-{items}",
        "steps": {
            "all": {
                "type": "for_each",
                "with": {
                    "flow": "item",
                    "items": list(range(items)),
                    "input": {"n": "${ item }"},
                    "concurrency": min(items, 1_000),
                },
            }
        },
        "output": {"items": "${ steps.all.output.items }"},
    }


def branching_flow(branches: int) -> dict[str, Any]:
    """Return a flow of W3: a step, so many branches of one step in the same run, and a join."""
    step = {"type": "python", "with": {"function": "bench.steps:trivial", "args": {"n": 1}}}
    names = [f"b{n}" for n in range(branches)]
    return {
        "name": f"branches-{branches}",
        "steps": {"split": step, **dict.fromkeys(names, step), "meet": {"type": "join"}},
        "edges": [
            *(f"split.done -> {name}" for name in names),
            *(f"{name}.done -> meet" for name in names),
        ],
    }


def waiting_flow() -> dict[str, Any]:
    """Return the flow of W4 and W5: a wait for a time, and a step that tells when it began."""
    return {**pausing_flow(), "name": "waiting"}


def publish(document: dict[str, Any]) -> Flow:
    """Publish the flow, or return it if an earlier measurement published it."""
    name = document["name"]
    found = Flow.objects.filter(name=name).first()
    if found is not None:
        return found
    now = timezone.now()
    parsed = parse({"schema": "countersign/flow@1", "title": name, **document})
    flow = create_flow(name=name, title=name, document=parsed, author=None, actor=ACTOR, now=now)
    publish_version(
        flow_id=flow.pk,
        revision=flow.draft_revision,
        note="for the benchmark",
        author=None,
        actor=ACTOR,
        now=now,
    )
    flow.refresh_from_db()
    return flow
