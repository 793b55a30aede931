"""The state of a run, step by step, as the canvas draws it."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max

from flows.models import Journal, Run, Wait
from flows.selectors.live_steps import (
    get_open_waits,
    get_timers,
    get_token_state,
    list_shown_tokens,
)
from flows.selectors.timeline import STATE_OF_EVENT

Json = Any
# Of the live tokens on one step, the one that most needs to be seen gives the step its state.
_URGENCY = (
    "failed", "running", "waiting_for_person", "retrying", "waiting", "ready", "paused", "arrived",
)  # fmt: skip
_ENDINGS = [
    kind for kind, state in STATE_OF_EVENT.items() if state in {"done", "failed", "cancelled"}
]


def get_run_status(run: Run, now: datetime) -> dict[str, Json]:
    """Return ``{seq, status, steps: {id: {state, since, visits, ms}}, edges}``: five queries.

    Steps that were not reached are left out. ``ms`` is how long the newest finished visit took;
    ``visits`` counts those that ended. Bounded by the size of the graph, however long the journal.
    """
    groups = _group_endings(run)
    steps = _ended_steps(run, groups)
    for step, live in _live_steps(run).items():
        steps[step] = steps.get(step, {"visits": 0, "ms": None}) | live
    return {
        "seq": run.seq,
        "status": run.status,
        "outcome": run.outcome,
        "at": now.isoformat(),
        "steps": steps,
        "edges": _taken_edges(run, _count_exits(groups)),
    }


def _group_endings(run: Run) -> list[dict[str, Json]]:
    """Return ``{step, port, last, visits}``: how often each step was left by which port."""
    rows = Journal.objects.filter(run_id=run.pk, kind__in=_ENDINGS).exclude(step="")
    grouped = rows.values("step", "port").annotate(last=Max("seq"), visits=Count("seq"))
    return [dict(group) for group in grouped.order_by()]


def _ended_steps(run: Run, groups: list[dict[str, Json]]) -> dict[str, dict[str, Json]]:
    """Return the state of each step that was left, by its newest visit."""
    visits: Counter[str] = Counter()
    newest: dict[str, int] = {}
    for group in groups:
        visits[group["step"]] += group["visits"]
        newest[group["step"]] = max(newest.get(group["step"], 0), group["last"])
    rows = Journal.objects.filter(run_id=run.pk, seq__in=list(newest.values()))
    return {
        row.step: {
            "state": STATE_OF_EVENT[row.kind],
            "since": row.at.isoformat(),
            "visits": visits[row.step],
            "ms": _milliseconds(row.began_at, row.at),
        }
        for row in rows.defer("data", "provenance")
    }


def _live_steps(run: Run) -> dict[str, dict[str, Json]]:
    """Return the state of each step at which a token is."""
    waits, timers = get_open_waits(run), get_timers(run)
    found: dict[str, dict[str, Json]] = {}
    for token in list_shown_tokens(run):
        state = get_token_state(token, waits.get(token.pk), timers.get(token.pk))
        known = found.get(token.step)
        if known is not None and _URGENCY.index(known["state"]) <= _URGENCY.index(state):
            continue
        found[token.step] = {"state": state, "since": token.since.isoformat()}
        if token.pk in waits:
            found[token.step]["note"] = _describe_wait(waits[token.pk])
    return found


def _count_exits(groups: list[dict[str, Json]]) -> Counter[tuple[str, str]]:
    exits: Counter[tuple[str, str]] = Counter()
    for group in groups:
        for port in group["port"].split(","):
            exits[group["step"], port] += group["visits"]
    return exits


def _milliseconds(began: datetime | None, ended: datetime) -> float | None:
    return None if began is None else round((ended - began) / timedelta(milliseconds=1), 1)


def _describe_wait(wait: Wait) -> str:
    queue = wait.detail.get("queue") if isinstance(wait.detail, Mapping) else None
    since = f"since {wait.opened_at:%H:%M} UTC"
    return f"{queue}, {since}" if queue else since


def _taken_edges(run: Run, exits: Mapping[tuple[str, str], int]) -> dict[str, Json]:
    taken = {}
    for edge in run.version.document.get("edges", ()):
        source, _, port = edge.partition(" -> ")[0].rpartition(".")
        if count := exits.get((source, port)):
            taken[edge] = {"state": "taken", "count": count}
    return taken
