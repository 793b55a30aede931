"""What a list of runs can be narrowed to, as conditions on the table of runs."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from flows.models import Flow, Run, RunStatus, Wait, WaitState
from flows.selectors.flows import within_reach
from workbench.accounts.permissions import Reach
from workbench.http.numbers import number_in
from workbench.search.functions import escape_in_json
from workbench.search.matching import having

# Digits of an id that surely fit a bigint.
PERSON_WAITS = frozenset({"case"})
WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class RunFilters:
    """What the list is narrowed to. ``state`` is a run status, or ``waiting`` (for a person).

    ``error`` is the kind of the error that a run failed with. ``unread`` says what was asked for
    and could not be read: while there is any, no run matches, for fewer filters match more runs.
    """

    flow: str = ""
    version: int | None = None
    state: str = ""
    outcome: str = ""
    started_from: datetime | None = None
    started_to: datetime | None = None
    text: str = ""
    error: str = ""
    unread: tuple[str, ...] = ()

    @property
    def indexed_only(self) -> bool:
        """Whether every filter is one that an index answers."""
        return not (self.version or self.outcome or self.text or self.error)


def parse_run_id(text: str) -> int | None:
    """Return the id that a person or an address gave, or None if it is none."""
    return number_in(text)


def filter_runs(filters: RunFilters, within: Reach) -> QuerySet[Run]:
    """Return the runs that match everything but ``text``, newest first.

    They carry their flow and version number, not the documents and payloads.
    """
    runs = Run.objects.filter(within_reach(within, "flow__"), _state_condition(filters.state))
    conditions = {
        "flow__name": filters.flow,
        "version__number": filters.version,
        "outcome": filters.outcome,
        "error__kind": filters.error,
        "started_at__gte": filters.started_from,
        "started_at__lt": filters.started_to,
    }
    runs = runs.filter(**{lookup: value for lookup, value in conditions.items() if value})
    runs = runs.none() if filters.unread else runs
    return (
        runs.select_related("flow", "version")
        .defer("version__document", "flow__draft", "input", "output")
        .order_by("-pk")
    )


def _state_condition(state: str) -> Q:
    """Return the condition of a state; a running run that waits for a person is ``waiting``."""
    waits = Wait.objects.filter(run=OuterRef("pk"), state=WaitState.OPEN, kind__in=PERSON_WAITS)
    if state == WAITING:
        return Q(Exists(waits), status=RunStatus.RUNNING)
    if state == RunStatus.RUNNING:
        return Q(~Exists(waits), status=RunStatus.RUNNING)
    return Q(status=state) if state else Q()


def list_runs_named(runs: QuerySet[Run], text: str, *, limit: int) -> list[Run]:
    """Return the runs whose id or idempotency key is the text: both are indexed.

    Two queries: joined by OR, PostgreSQL uses neither index.
    """
    if not text:
        return []
    # The index on keys begins with the flow.
    by_key = list(runs.filter(flow__in=Flow.objects.values("pk"), idempotency_key=text)[:limit])
    run_id = parse_run_id(text)
    by_id = runs.filter(pk=run_id) if run_id else []
    return [*by_id, *(run for run in by_key if run.pk != run_id)]


def input_condition(text: str) -> Q:
    """Return the condition that ``text`` occurs in ``input_text``, which is the input as text.

    Compared as text, "0.85", "true" and part of a name are all found.
    """
    if not text:
        return Q()
    return having(escape_in_json(text), "input_text")
