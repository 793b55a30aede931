"""What reviews do by the clock and after a commit."""

from datetime import datetime
from typing import Any

from reviews.quality.services.sampling import draw_samples
from reviews.quality.services.seeding import seed_known_answers
from reviews.selectors.places import find_cases, find_cases_of_decisions, find_sampled_runs
from reviews.services.committing import commit_due_decisions
from reviews.services.due_acts import perform_due_acts
from reviews.services.leases import free_expired_leases
from reviews.services.ranking import rerank_queue
from reviews.settings.services.queues import RERANK_JOB
from workbench.dispatch.clock import clock_task
from workbench.dispatch.registry import job


@job(RERANK_JOB)
def rerank(args: dict[str, Any], now: datetime) -> None:
    rerank_queue(args["queue"])


@clock_task("reviews.commit_window", 0.5, "Commit a decision", find_cases_of_decisions)
def commit_window(now: datetime) -> bool:
    return commit_due_decisions(now)


@clock_task("reviews.sla", 0.5, "Act on a due time", find_cases)
def sla(now: datetime) -> bool:
    return perform_due_acts(now)


@clock_task("reviews.leases", 5, "Free a case whose lease ended", find_cases)
def leases(now: datetime) -> bool:
    return free_expired_leases(now)


@clock_task("reviews.samples", 5, "Draw a sample", find_sampled_runs)
def samples(now: datetime) -> bool:
    return draw_samples(now)


@clock_task("reviews.known_answers", 5, "Mix in a known answer", find_cases)
def known_answers(now: datetime) -> bool:
    return seed_known_answers(now)
