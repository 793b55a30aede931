"""A document with one of everything, and edits at random."""

from random import Random
from typing import Any

Json = Any


def loan() -> dict[str, Json]:
    return {
        "schema": "countersign/flow@1",
        "name": "loan",
        "title": "Loan",
        "output": {"risk": "${ steps.score.output.risk }"},
        "steps": {
            "score": {"type": "model.infer", "title": "Credit score", "with": {"model": "card"}},
            "route": {
                "type": "branch",
                "with": {
                    "cases": [
                        {
                            "port": "clear",
                            "when": "steps.score.output.confidence >= 0.85 && steps.scores.x == 1",
                        }
                    ],
                    "otherwise": "unsure",
                },
            },
            "review": {
                "type": "review.case",
                "with": {"queue": "loans"},
                "limit": {"concurrent": 1, "key": "${ steps.route.output.desk }"},
                "compensate": "score",
            },
        },
        "edges": ["score.done -> route", "route.unsure -> review", "review.rework -> score"],
        "layout": {"score": [80, 120], "route": [400, 120]},
        "notes": {"why": {"text": "Ask the desk", "at": [10, 10]}},
        "groups": {"machines": {"title": "Machines", "steps": ["score", "route"]}},
        "tests": [a_test()],
    }


def a_test(step: str = "score", other: str = "rating") -> dict[str, Json]:
    """Return a test that names a step in every way it can; ``other`` may not be there."""
    return {
        "name": "Clear",
        "input": {"step": step},
        "stubs": {step: {"output": {"risk": 1}}, "route": {}},
        "decisions": {"review": [{"port": "rework"}], other: [{"port": "done"}]},
        "expect": {"path": [step, "route"], "not_path": [other], "waits_at": step},
    }


NAMES = ["score", "route", "review", "a", "b", "c", "rating"]
PORTS = ["done", "error", "clear"]


def random_operation(random: Random, document: dict[str, Json], depth: int = 0) -> dict[str, Json]:
    """Return an edit that mostly applies; one in some is refused, as a stale client's would be."""
    steps = list(document["steps"]) or ["gone"]
    one, other = random.choice(steps), random.choice(steps)
    edges = document["edges"] or ["a.done -> b"]
    kinds: list[dict[str, Json]] = [
        {
            "op": "add_step",
            "id": random.choice(NAMES),
            "step": {"type": "transform", "with": {"value": f"${{ steps.{one}.output }}"}},
            "at": [random.randrange(900), random.randrange(900)],
        },
        {"op": "remove_step", "id": one},
        {"op": "rename_step", "id": one, "to": random.choice(NAMES)},
        {
            "op": "set_field",
            "step": one,
            "path": random.choice(["/title", "/with/a/b", "/with/value", "/retry/max_attempts"]),
            "value": random.choice([1, "x", f"steps.{random.choice(NAMES)}.output", None, [1, 2]]),
        },
        {"op": "set_field", "step": one, "path": random.choice(["/with", "/title", "/retry"])},
        {"op": "set_flow", "path": "/samples/first", "value": {"amount": random.randrange(9)}},
        {"op": "set_flow", "path": "/tests", "value": [a_test(one, random.choice(NAMES)), 3]},
        {"op": "connect", "edge": f"{one}.{random.choice(PORTS)} -> {other}"},
        {"op": "disconnect", "edge": random.choice(edges)},
        {
            "op": "reconnect",
            "edge": random.choice(edges),
            "to": f"{other}.{random.choice(PORTS)} -> {one}",
        },
        {"op": "move", "steps": {one: [random.randrange(900), 0], "gone": [1, 1]}},
        {"op": "move", "notes": {"why": [random.randrange(9), 3]}},
        {"op": "add_note", "id": "n", "note": {"text": "hm"}},
        {"op": "set_note", "id": "n", "path": "/text", "value": str(random.random())},
        {"op": "remove_note", "id": random.choice(["n", "why"])},
        {"op": "add_group", "id": "g", "group": {"title": "G", "steps": [one]}},
        {"op": "add_group", "id": "h", "group": {"steps": random.sample(NAMES, 2)}},
        {
            "op": "set_group",
            "id": random.choice(["g", "h", "machines"]),
            "path": "/steps",
            "value": random.sample(NAMES, 2),
        },
        {"op": "set_group", "id": "g", "path": "/steps", "value": list({one, other})},
        {"op": "remove_group", "id": random.choice(["g", "machines"])},
    ]
    if depth == 0 and random.random() < 0.1:
        parts = [random_operation(random, document, 1) for _ in range(3)]
        return {"op": "batch", "operations": parts}
    return random.choice(kinds)
