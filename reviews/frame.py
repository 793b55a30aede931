"""What reviews add to pages of others: places, commands, search, panels of the home page, what a
run waits for, links from the ledger.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone

from flows.models import Wait
from flows.selectors.waits import WaitDescription, register_wait_describer
from reviews.models import Case, Queue
from reviews.rules.filters import CaseFilters
from reviews.selectors.cases import describe_next_act
from reviews.selectors.lists import list_cases, list_queues
from reviews.selectors.queues import list_queue_rows
from workbench.accounts.permissions import can, reach
from workbench.audit.subject_pages import SubjectPage, register_subject_pages
from workbench.shell.registry import (
    Command,
    Found,
    NavItem,
    Tab,
    register_command,
    register_home_panel,
    register_nav,
    register_search,
    register_tab,
)

MOST_OF_MINE, MOST_FOUND = 6, 6
# A search runs for each key stroke: the most pressing cases are enough.
MOST_SEARCHED = 500
QUEUES = Command("Queues", "reviews:queues", "inbox", "cases.view", "review cases")

TABS = (
    Tab(
        "insights",
        "Quality",
        "quality:figures",
        "insights.view",
        10,
        "agreement kappa overrides drift",
    ),
    Tab("insights", "Calibration", "quality:calibration", "insights.view", 15, "confidence"),
    Tab(
        "insights",
        "Disagreements",
        "quality:checks",
        "insights.people",
        20,
        "checks second samples",
    ),
    Tab("insights", "Sampling", "quality:policies", "quality.manage", 30, "quality sampling known"),
    Tab(
        "insights",
        "Datasets",
        "quality:datasets",
        "datasets.export",
        40,
        "export corrections jsonl csv",
    ),
)


def register_frame() -> None:
    register_nav(NavItem("Review", "reviews:queues", "inbox", "cases.view", order=30))
    register_nav(NavItem("Insights", "", "chart-line", "insights.view", 40, "insights"))
    register_command(QUEUES)
    for tab in TABS:
        register_tab(tab)
    register_search(find_cases)
    register_home_panel("reviews/_home_mine.html", my_cases_panel, "cases.decide", order=5)
    register_home_panel("reviews/_home_queues.html", queues_panel, "cases.view", order=10)
    register_wait_describer("case", describe_waits)
    register_subject_pages(
        "case",
        SubjectPage("Receipt", "reviews:receipt", "receipt", "cases.view"),
        SubjectPage("Case", "reviews:case", "inbox", "cases.view"),
    )


# --- Search -----------------------------------------------------------------------


def find_cases(user: Any, text: str) -> list[Found]:
    """Return cases whose number is the text, or whose title holds it: one query."""
    if not can(user, "cases.view"):
        return []
    page = list_cases(
        principal=user,
        user=user,
        filters=CaseFilters(show="all", text=text),
        now=timezone.now(),
        page_size=MOST_FOUND,
        look_at=MOST_SEARCHED,
    )
    return [_found(case) for case in page.cases]


def _found(case: Case) -> Found:
    url = reverse("reviews:case", args=[case.pk])
    return Found(case.title, url, "Case", "inbox", f"Case {case.pk}")


# --- Panels of the home page ------------------------------------------------------


def my_cases_panel(request: Any) -> dict[str, Any] | None:
    """Return the person's cases, the one due first at the top, and the queues to take more from.

    None for a person who sees no queue.
    """
    now = timezone.now()
    queues = list_queues(request.user)
    if not queues:
        return None
    filters = CaseFilters(show="mine")
    page = list_cases(
        principal=request.user, user=request.user, filters=filters, now=now, page_size=MOST_OF_MINE
    )
    rows = list_queue_rows(request.user, request.user, now, queues)
    takeable = [row for row in rows if row.open and _may_decide(request.user, row.queue)]
    return {"cases": page.cases, "takeable": takeable, "now": now, "live": _live_groups(queues)}


def _may_decide(user: Any, queue: Queue) -> bool:
    return reach(user, "cases.decide").touches(queue.name)


def _live_groups(queues: Sequence[Queue]) -> list[str]:
    return [f"queue.{queue.name}" for queue in queues]


def queues_panel(request: Any) -> dict[str, Any] | None:
    """Return the queues with something to do; None if nothing waits in any."""
    rows = list_queue_rows(request.user, request.user, timezone.now())
    waiting = [row for row in rows if row.open or row.claimed or row.waiting]
    return {"rows": waiting, "live": _live_groups([row.queue for row in rows])} if waiting else None


# --- What a run waits for ---------------------------------------------------------


def describe_waits(waits: Sequence[Wait]) -> Mapping[int, WaitDescription]:
    """Return whom each wait is for and what happens if nobody acts, by its id: one query."""
    cases = Case.objects.select_related("queue", "claimed_by").filter(
        wait_id__in=[wait.pk for wait in waits]
    )
    described = {case.wait_id: _describe(case) for case in cases}
    return {wait.pk: described.get(wait.pk) or _describe_without_case(wait) for wait in waits}


def _describe(case: Case) -> WaitDescription:
    holder = case.claimed_by
    whom = f"{holder.label}, who has the case" if holder else f"a person in {case.queue.title}"
    act = describe_next_act(case)
    return WaitDescription(
        whom,
        url=reverse("reviews:case", args=[case.pk]),
        link=f"Case {case.pk}",
        next_at=act["at"] if act else None,
        next_text=act["words"] if act else "",
    )


def _describe_without_case(wait: Wait) -> WaitDescription:
    """Name the queue from the wait itself, for a case that is gone or of another installation."""
    return WaitDescription(f"a person in queue {wait.detail.get('queue', '?')}")
