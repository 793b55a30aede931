"""Limits on runs that start runs: by calling flows, by events, by another flow's end.

Each run knows the first run of its chain and how deep it is in it, so that a flow which starts
itself, however long the way round, stops at a number and not when the disk is full.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from flows.models import Flow, Run
from flows.services.errors import ChainTooDeep, ChainTooLong, StartedTooOften

MINUTE = timedelta(minutes=1)
# The newest runs of a flow are looked up once for so many starts of it, not at each.
LOOKS_A_MINUTE = 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run is in its chain. The first run has no root: it is the root."""

    root_id: int | None = None
    depth: int = 0


@dataclass(slots=True)
class _Count:
    """How many runs of a flow this process has started in a minute."""

    minute: int
    starts: int = 0
    is_over: bool = False


_counts: dict[int, _Count] = {}


def place_after(cause: Run | None) -> Place:
    """Return the place of a run that ``cause`` starts."""
    return Place(cause.root_id or cause.pk, cause.depth + 1) if cause else Place()


def check_limits(place: Place, flow: Flow, starts: int, now: datetime) -> None:
    """Refuse so many more starts of the flow at the place in a chain. One query inside a chain.

    Raises: ChainTooDeep, ChainTooLong, StartedTooOften.
    """
    if place.root_id is not None:
        _check_chain(place, starts)
    _check_rate(flow, starts, now)


def _check_chain(place: Place, starts: int) -> None:
    deepest, most = settings.MAX_CHAIN_DEPTH, settings.MAX_CHAIN_RUNS
    if place.depth > deepest:
        raise ChainTooDeep(
            f"Flows call or start one another more than {deepest} levels deep here, "
            f"from run {place.root_id} on.",
            "Break the circle of flows, or raise MAX_CHAIN_DEPTH.",
        )
    known = Run.objects.filter(root_id=place.root_id).order_by()[: most + 1].count()
    if known + starts > most:
        raise ChainTooLong(
            f"Run {place.root_id} has led to {known:,} runs, and {starts:,} more would pass the "
            f"limit of {most:,}.",
            "Break the circle of flows, split the work, or raise MAX_CHAIN_RUNS.",
        )


def _check_rate(flow: Flow, starts: int, now: datetime) -> None:
    """Refuse starts past the limit of a minute.

    A process counts its own starts, which costs no query, and looks at the runs of all processes
    when its count has passed another part of the limit. So the limit may be passed by that part
    times the number of processes.
    """
    most = settings.MAX_STARTS_A_MINUTE
    minute = int(now.timestamp() // 60)
    count = _counts.get(flow.pk)
    if count is None or count.minute != minute:
        count = _counts[flow.pk] = _Count(minute, is_over=count is not None and count.is_over)
    part = max(1, most // LOOKS_A_MINUTE)
    has_passed_part = (count.starts + starts) // part > count.starts // part
    count.starts += starts
    if not (has_passed_part or count.is_over):
        return
    count.is_over = starts > most or _has_started(flow, most - starts, now - MINUTE)
    if count.is_over:
        raise StartedTooOften(
            f"Flow {flow.name!r} has started {most:,} runs in the last minute.",
            "Wait a minute, or raise MAX_STARTS_A_MINUTE.",
        )


def _has_started(flow: Flow, more_than: int, since: datetime) -> bool:
    newest = Run.objects.filter(flow=flow).order_by("-pk").values_list("started_at", flat=True)
    last = newest[more_than : more_than + 1].first()
    return last is not None and last > since
