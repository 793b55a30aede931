"""List queues and cases, filtered, searched and paged by cursor."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet

from reviews.models import (
    ACTIVE_STATES,
    CLAIMABLE_STATES,
    OPEN_ENDED,
    Case,
    Queue,
)
from reviews.models.states import CaseState
from reviews.rules.filters import CaseFilters
from reviews.selectors.acting import may_see
from reviews.selectors.titles import find_titled_cases, has_words
from reviews.selectors.veil import exclude_hidden
from workbench.accounts.models import User
from workbench.accounts.permissions import Reach, reach
from workbench.http.numbers import number_in
from workbench.values.folding import split_words

PAGE_SIZE = 50
# How many titles one search looks at, at most.
SEARCHED = 10_000
# They are looked at in pieces, as many as this time allows.
PIECE, SEARCH_SECONDS = 250, 0.1
# More than anybody holds.
MINE_CAP = 1_000
LIST_FIELDS = (
    "id", "queue", "title", "summary", "subject", "state", "revision", "claimed_by", "lease_until",
    "escalation", "priority", "value", "confidence", "independent", "rank", "warn_at", "due_at",
    "outcome", "opened_at", "closed_at", "flow", "run_id", "claimed_by__username",
    "claimed_by__display_name", "claimed_by__first_name", "claimed_by__last_name",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CasePage:
    cases: Sequence[Case]
    next_cursor: str = ""


def limit_to_reach(found: Reach, *, queue: str = "queue__name", flow: str = "flow") -> Q:
    """Return the condition that narrows cases to where a permission reaches."""
    if found.everywhere:
        return Q()
    narrowed = Q(pk__in=[])
    for a_flow, a_queue in found.scopes:
        part = Q(**{flow: a_flow}) if a_flow else Q()
        narrowed |= part & Q(**{queue: a_queue}) if a_queue else part
    return narrowed


def list_queues(principal: Any) -> list[Queue]:
    """Return the queues whose cases the principal may see: one query, two with rules by skill."""
    found = reach(principal, "cases.view")
    queues = Queue.objects.order_by("title")
    if not found.everywhere and all(queue for _, queue in found.scopes):
        queues = queues.filter(name__in=[queue for _, queue in found.scopes])
    return [queue for queue in queues if may_see(principal, queue)]


def list_cases(
    *,
    principal: Any,
    user: User,
    now: datetime,
    queue: Queue | None = None,
    filters: CaseFilters = CaseFilters(),
    cursor: str = "",
    page_size: int = PAGE_SIZE,
    look_at: int = SEARCHED,
) -> CasePage:
    """Return a page of cases without what they show: one query, one more without a queue.

    Open ones come in the order of the queue, closed ones newest first. A search has two queries
    more, three at most. Words that are common are looked for in the next ``look_at`` cases of that
    order only, so that no search takes long; a page may then hold few or none and still have a next
    one. A cursor that is not one of ours starts at the beginning.
    """
    cases: QuerySet[Case] = Case.objects.filter(
        limit_to_reach(reach(principal, "cases.view")), exclude_hidden(user)
    )
    # One queue was found among those that the principal sees; of all, only those may show.
    cases = cases.filter(queue=queue) if queue else cases.filter(queue__in=list_queues(principal))
    cases = cases.filter(closed_at__isnull=not filters.closed)
    cases = cases.filter(_filter_cases(filters, user, now))
    cases = _start_after(cases, cursor, closed=filters.closed)
    order = ("-closed_at", "-id") if filters.closed else ("rank", "id")
    listed = (
        cases.select_related("claimed_by", "queue")
        .only(*LIST_FIELDS, "queue__name", "queue__title")
        .order_by(*order)
    )
    if filters.text:
        return _search(listed, filters, page_size, look_at)
    return _make_page(listed, filters, page_size)


def _make_page(listed: QuerySet[Case], filters: CaseFilters, page_size: int) -> CasePage:
    rows = list(listed[: page_size + 1])
    more = len(rows) > page_size
    rows = rows[:page_size]
    return CasePage(rows, _make_cursor(rows[-1], closed=filters.closed) if more else "")


def _search(listed: QuerySet[Case], filters: CaseFilters, page_size: int, look_at: int) -> CasePage:
    """Find a case by number or subject, else by words of its title."""
    if exact := list(listed.filter(pk__in=_find_exact(filters.text))[:page_size]):
        return CasePage(exact)
    words = split_words(filters.text)
    if not words:
        return CasePage([])
    titled = find_titled_cases(words)
    if titled is not None:
        return _make_page(listed.filter(pk__in=titled), filters, page_size)
    return _look_through(listed, words, page_size, look_at, closed=filters.closed)


def _look_through(
    listed: QuerySet[Case], words: Sequence[str], page_size: int, look_at: int, *, closed: bool
) -> CasePage:
    """Search the next titles for a tenth of a second; the cursor is after the last one read."""
    found: list[int] = []
    cursor, looked, until = "", 0, time.monotonic() + SEARCH_SECONDS
    while True:
        piece = min(PIECE, look_at)
        titles = list(
            _start_after(listed, cursor, closed=closed).select_related(None).only(*_PLACE)[:piece]
        )
        looked += len(titles)
        found += [case.pk for case in titles if has_words(case.title, words)]
        cursor = _make_cursor(titles[-1], closed=closed) if len(titles) == piece else ""
        if not cursor or len(found) >= page_size or looked >= look_at or time.monotonic() > until:
            break
    rows = list(listed.filter(pk__in=found[:page_size]))
    if len(found) > page_size:
        cursor = _make_cursor(rows[-1], closed=closed)
    return CasePage(rows, cursor)


_PLACE = ("pk", "title", "rank", "closed_at")


def _find_exact(text: str) -> list[int]:
    """Return the ids of cases of that subject or number: two queries."""
    found = Case.objects.filter(subject=text).values_list("pk", flat=True).order_by("-pk")
    pks = list(found[:PAGE_SIZE])
    if (number := number_in(text)) is not None:
        numbered = Case.objects.filter(Q(pk=number) | Q(run_id=number))
        pks += numbered.values_list("pk", flat=True)[:PAGE_SIZE]
    return pks


def _filter_cases(filters: CaseFilters, user: User, now: datetime) -> Q:
    condition = _filter_by_tab(filters.show, user)
    if filters.priority:
        condition &= Q(priority=filters.priority)
    if filters.holder:
        condition &= Q(claimed_by__username=filters.holder)
    if filters.band:
        condition &= _BANDS[filters.band](now)
    return condition


_BANDS: Mapping[str, Callable[[datetime], Q]] = {
    "overdue": lambda now: Q(due_at__lte=now),
    "due_soon": lambda now: Q(due_at__gt=now, warn_at__lte=now),
    "on_time": lambda now: Q(due_at__gt=now) & (Q(warn_at=None) | Q(warn_at__gt=now)),
    "paused": lambda now: Q(due_at=None),
}


def _list_mine(user: User) -> list[int]:
    """Return the ids of cases that the person holds or that are reserved for them: two queries."""
    known = Case.objects.filter(OPEN_ENDED).values_list("pk", flat=True)
    held = known.filter(claimed_by=user, state__in=[CaseState.CLAIMED, CaseState.COMMITTING])
    kept = Q(state__in=CLAIMABLE_STATES, reserved_until__isnull=False)
    waits = known.filter(Q(state=CaseState.WAITING_FOR_INFO) | kept, familiar=user)
    return [*held[:MINE_CAP], *waits[:MINE_CAP]]


def _filter_by_tab(show: str, user: User) -> Q:
    held = Q(state__in=[CaseState.CLAIMED, CaseState.COMMITTING])
    waiting = Q(state=CaseState.WAITING_FOR_INFO)
    if show == "mine":
        return Q(pk__in=_list_mine(user))
    conditions = {
        "claimed": held,
        "waiting": waiting,
        "decided": Q(state=CaseState.DECIDED),
        "closed": ~Q(state__in=ACTIVE_STATES),
        "all": Q(state__in=ACTIVE_STATES),
    }
    return conditions.get(show, Q(state__in=CLAIMABLE_STATES))


def _make_cursor(case: Case, *, closed: bool) -> str:
    place = case.closed_at.timestamp() if closed and case.closed_at else case.rank
    return f"{place!r}~{case.pk}"


def _start_after(cases: QuerySet[Case], cursor: str, *, closed: bool) -> QuerySet[Case]:
    place, _, pk = cursor.partition("~")
    try:
        number, last = float(place), int(pk)
    except ValueError:
        return cases
    if closed:
        at = datetime.fromtimestamp(number, UTC)
        # The bound stands apart from the tie, so that an index can begin there.
        return cases.filter(closed_at__lte=at).filter(Q(closed_at__lt=at) | Q(pk__lt=last))
    return cases.filter(rank__gte=number).filter(Q(rank__gt=number) | Q(pk__gt=last))


def get_visible_queue(principal: Any, name: str) -> Queue:
    """Return the queue if the principal may see it: one query, two with rules by skill.

    Raises: Queue.DoesNotExist, also where it may not be seen.
    """
    for queue in list_queues(principal):
        if queue.name == name:
            return queue
    raise Queue.DoesNotExist(name)
