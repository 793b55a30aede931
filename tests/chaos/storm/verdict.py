"""Compare what is on disk and what the sink heard with what the model says."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.storm.load import Started
from tests.chaos.storm.mix import Expected
from tests.chaos.storm.sink import Sink
from tests.chaos.storm.world import Database

Json = Any
OVER = {"completed", "failed", "cancelled"}
# What must not be there once every run has ended, and what it is called.
LEFT_OVER = {
    "tokens of ended runs": "SELECT count(*) FROM flows_token t JOIN flows_run r ON r.id = t.run_id"
    " WHERE r.status IN ('completed', 'cancelled')",
    "open waits of ended runs": "SELECT count(*) FROM flows_wait w JOIN flows_run r"
    " ON r.id = w.run_id WHERE w.state = 'open' AND r.status <> 'running'",
    "timers": "SELECT count(*) FROM flows_timer",
    "jobs": "SELECT count(*) FROM dispatch_outbox",
    "cases left open": "SELECT count(*) FROM reviews_case WHERE state NOT IN"
    " ('decided', 'cancelled', 'expired')",
    "journals with a gap": "SELECT count(*) FROM (SELECT run_id FROM flows_journal GROUP BY run_id"
    " HAVING max(seq) <> count(*) OR min(seq) <> 1) AS gaps",
    "runs whose seq is not their journal's": "SELECT count(*) FROM flows_run r JOIN (SELECT run_id,"
    " max(seq) AS seq FROM flows_journal GROUP BY run_id) j ON j.run_id = r.id"
    " WHERE j.seq <> r.seq",
}
FINISHED_TWICE = (
    "SELECT run_id, token_id, activation FROM flows_journal WHERE kind = 'step.finished'"
    " GROUP BY run_id, token_id, activation HAVING count(*) > 1"
)
ENDED_TWICE = (
    "SELECT run_id FROM flows_journal GROUP BY run_id HAVING count(*) FILTER (WHERE kind IN"
    " ('run.completed', 'run.failed', 'run.cancelled'))"
    " > 1 + count(*) FILTER (WHERE kind = 'run.retried')"
)


@dataclass
class Verdict:
    """What went wrong: each a line that names run and difference."""

    runs: int = 0
    children: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    effects: int = 0
    requests: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.wrong or self.left_over)


def judge(started: dict[str, Started], sink: Sink, database: Database) -> Verdict:
    """Return the verdict on every run that was acknowledged, and on the database as a whole."""
    rows = database.insist(
        "SELECT idempotency_key, id, status, outcome, output, error FROM flows_run"
        " WHERE parent_wait_id IS NULL"
    )
    found = {row[0]: row[1:] for row in rows}
    verdict = Verdict(runs=len(found))
    [(verdict.children,)] = database.insist(
        "SELECT count(*) FROM flows_run WHERE parent_wait_id IS NOT NULL"
    )
    for key, run in started.items():
        if key in found:
            verdict.by_kind[run.kind.name] += 1
            _judge_run(verdict, key, run.kind.expect(run.input), sink, *found[key])
        elif run.acknowledged:
            verdict.lost.append(f"{key}: was acknowledged and is not there")
    _judge_whole(verdict, sink, database)
    return verdict


def _judge_run(
    verdict: Verdict, key: str, expected: Expected, sink: Sink, run_id: int, status: str,
    outcome: str, output: Json, error: Json,
) -> None:  # fmt: skip
    name = f"{key} (run {run_id})"
    if status not in OVER:
        verdict.stuck.append(f"{name}: is {status}")
        return
    kind = (error or {}).get("kind", "")
    ended = (status, outcome, output or None, kind)
    hoped = (expected.status, expected.outcome, expected.output, expected.error_kind)
    if ended != hoped:
        said = json.dumps(error)[:300] if error else ""
        verdict.wrong.append(f"{name}: ended {ended}, not {hoped} {said}")
        return
    labels = {label for run, label in _labels(sink, key)} | set(expected.effects)
    for label in labels:
        fewest, most = expected.effects.get(label, (0, 0))
        times = len(sink.heard.get((key, label), ()))
        if times < fewest:
            verdict.lost.append(f"{name}: {label} happened {times} times, not {fewest}")
        elif times > most:
            verdict.doubled.append(f"{name}: {label} happened {times} times, not {most}")


def _labels(sink: Sink, key: str) -> list[tuple[str, str]]:
    if not sink.by_run:
        for run, label in sink.heard:
            sink.by_run.setdefault(run, []).append((run, label))
    return sink.by_run.get(key, [])


def _judge_whole(verdict: Verdict, sink: Sink, database: Database) -> None:
    for what, query in LEFT_OVER.items():
        [(count,)] = database.insist(query)
        if count:
            verdict.left_over.append(f"{count} {what}")
    for run, token, activation in database.insist(FINISHED_TWICE):
        verdict.doubled.append(f"run {run}: activation {activation} of token {token} ended twice")
    for (run,) in database.insist(ENDED_TWICE):
        verdict.doubled.append(f"run {run}: ended twice")
    verdict.requests = sink.requests.total()
    verdict.effects = len(sink.requests)
