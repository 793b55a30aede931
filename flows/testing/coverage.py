"""Which steps and edges are covered: by the flow's tests, and by real runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from flows.engine import events
from flows.graph.model import Document
from flows.models import WHOLE_RUNS, Flow, Journal, Run
from flows.runtime.flow_tests import FlowTestResult, coverage

Json = Any
TRAFFIC_RUNS = 1_000


@dataclass(frozen=True, slots=True)
class Traffic:
    """How often the newest runs left each step by each port."""

    runs: int
    exits: Mapping[tuple[str, str], int]

    @property
    def visits(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for (step, _), count in self.exits.items():
            found[step] = found.get(step, 0) + count
        return found


def read_traffic(flow: Flow) -> Traffic:
    """Return the exits that the flow's last runs took: two queries."""
    runs = Run.objects.filter(WHOLE_RUNS, flow=flow).order_by("-pk").values_list("pk", flat=True)
    ids = list(runs[:TRAFFIC_RUNS])
    kinds = [events.STEP_FINISHED, events.STEP_FAILED, events.JOIN_FIRED, events.LIMIT_REACHED]
    rows = (
        Journal.objects.filter(run_id__in=ids, kind__in=kinds)
        .values("step", "port")
        .annotate(n=Count("seq"))
        .order_by()
    )
    exits: dict[tuple[str, str], int] = {}
    for row in rows:
        for port in row["port"].split(","):
            exits[row["step"], port] = exits.get((row["step"], port), 0) + row["n"]
    return Traffic(len(ids), exits)


def get_traffic_statuses(document: Mapping[str, Json], traffic: Traffic) -> dict[str, Json]:
    """Return the canvas's statuses: how often runs took each step and edge."""
    visits = traffic.visits
    steps = {
        step: _build_status(visits.get(step, 0), f"{visits.get(step, 0):,} visits")
        for step in document["steps"]
    }
    edges = {}
    for edge in document["edges"]:
        step, _, port = edge.partition(" -> ")[0].rpartition(".")
        if count := traffic.exits.get((step, port), 0):
            edges[edge] = {"state": "taken", "count": count}
    return {"steps": steps, "edges": edges}


def get_test_statuses(document: Document, results: list[FlowTestResult]) -> dict[str, Json]:
    """Return the canvas's statuses: how many tests cover each step, and which edges."""
    covered = coverage(document, results)
    by: dict[str, int] = {}
    for result in results:
        for step in set(result.rehearsal.steps):
            by[step] = by.get(step, 0) + 1
    steps = {
        step: _build_status(step in covered.steps, f"{by.get(step, 0)} of {len(results)} tests")
        for step in document.steps
    }
    edges = {str(edge): {"state": "taken"} for edge in document.edges if str(edge) in covered.edges}
    return {"steps": steps, "edges": edges}


def _build_status(reached: int, words: str) -> dict[str, Json]:
    if reached:
        return {"state": "done", "note": words}
    return {"state": "skipped", "note": "Never reached"}
