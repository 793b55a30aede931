from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

ACTIONS = {
    "queue.created": "Created the queue {title}",
    "sla_policy.created": "Created the SLA policy {title}",
    "case.opened": "Opened: {title}",
    "case.claimed": "Claimed",
    "case.released": "Given back to the queue",
    "case.lease_expired": "The claim of {holder} ran out",
    "case.assigned": "Assigned to {to}",
    "case.decided": "Decided: {outcome} by {kind}",
    "case.approval_counted": "Approved; {missing} more needed",
    "case.field_overridden": "Changed {field} from {old} to {new}",
    "case.decision_withdrawn": "Took the decision back",
    "case.decision_refused": "The decision did not take effect: {reason}",
    "case.expired": "Expired: nobody decided in time",
    "case.reopened": "Reopened as run {run}: {reason}",
    "case.cancelled": "Cancelled: the run no longer waits",
    "case.commented": "Commented",
    "case.information_requested": "Asked: {question}",
    "case.information_received": "Answered: {answer}",
    "case.escalated": "Escalated to level {level}",
    "case.sla_warned": "Marked as due soon",
    "case.sla_reminded": "Reminder sent to {to}",
    "case.sla_breached": "Overdue: {action}",
    "case.moved": "Passed from {from} to the queue {to}",
    "queue.changed": "Changed the queue {title}",
    "sla_policy.changed": "Changed the SLA policy {title}",
    "calendar.created": "Created the calendar {name}",
    "calendar.changed": "Changed the calendar {name}",
    "case.first_choice_recorded": "Chose {outcome} before the model's answer was shown",
    "quality.check_opened": "Opened as a check ({kind}) of {source}",
    "quality.check_settled": "Check {result}: {outcome}, expected {expected}",
    "quality.check_closed": "Closed the disagreement: {note}",
    "quality.queue_policy_changed": "Changed the quality policy",
    "quality.sampling_policy_changed": "Changed the sampling of {flow} to {percent} %",
    "quality.known_answer_added": "Made case {case} a known answer: {outcome}",
    "quality.known_answer_retired": "Retired the known answer of case {case}",
    "dataset.created": "Exported {count} decisions as dataset {name}, version {number}",
    "dataset.downloaded": "Downloaded dataset {name}, version {number}, as {format}",
}


QUALITY_PAGES = (
    (
        "Quality",
        "quality:figures",
        "chart-line",
        "insights.view",
        "agreement kappa overrides drift",
    ),
    ("Disagreements", "quality:checks", "git-compare", "insights.people", "checks second samples"),
    (
        "Quality policies",
        "quality:policies",
        "sliders-horizontal",
        "quality.manage",
        "sampling known",
    ),
    ("Datasets", "quality:datasets", "database", "datasets.export", "export corrections jsonl csv"),
)


class ReviewsConfig(AppConfig):
    name = "reviews"

    def ready(self) -> None:
        import reviews.checkpoint.step
        import reviews.outside.tell  # noqa: F401 - registers checkpoint.tell
        from reviews.frame import register_frame
        from reviews.selectors.titles import keep_titles
        from workbench.audit.services import register_action
        from workbench.audit.subject_pages import SubjectPage, register_subject_pages
        from workbench.live import register_live_authoriser
        from workbench.shell.registry import (
            Command,
            NavItem,
            register_command,
            register_nav,
            register_search,
        )

        for action, sentence in ACTIONS.items():
            register_action(action, sentence)
        register_subject_pages(
            "case",
            SubjectPage("Receipt", "reviews:receipt", "receipt", "cases.view"),
            SubjectPage("Case", "reviews:case", "inbox", "cases.view"),
        )
        register_live_authoriser("queue", may_hear_queue)
        register_live_authoriser("case", may_hear_case)
        register_nav(NavItem("Review", "reviews:queues", "inbox", "cases.view", order=30))
        register_nav(
            NavItem("Insights", "quality:figures", "chart-line", "insights.view", order=40)
        )
        register_command(Command("Queues", "reviews:queues", "inbox", "cases.view", "review cases"))
        for label, url, icon, permission, words in QUALITY_PAGES:
            register_command(Command(label, url, icon, permission, words))
        register_search(find_cases)
        post_migrate.connect(keep_titles, sender=self)
        register_frame()


def may_hear_queue(user: Any, name: str) -> bool:
    from reviews.models import Queue
    from reviews.selectors.acting import may_see
    from workbench.accounts.permissions import can

    if not can(user, "cases.view", queue=name):
        return False
    queue = Queue.objects.filter(name=name).first()
    return queue is None or may_see(user, queue)


def may_hear_case(user: Any, case_id: str) -> bool:
    from reviews.models import Case
    from reviews.selectors.cases import get_visible_case

    try:
        get_visible_case(int(case_id), user)
    except (ValueError, Case.DoesNotExist):
        return False
    return True


def find_cases(user: Any, text: str) -> list[Any]:
    """Return cases whose number is the text, or whose title holds it: one query."""
    from django.urls import reverse
    from django.utils import timezone

    from reviews.rules.filters import CaseFilters
    from reviews.selectors.lists import list_cases
    from workbench.accounts.permissions import can
    from workbench.shell.registry import Found

    if not can(user, "cases.view"):
        return []
    page = list_cases(
        principal=user,
        user=user,
        filters=CaseFilters(show="all", text=text),
        now=timezone.now(),
        page_size=6,
        # For each key stroke: the most pressing ones are enough.
        look_at=500,
    )
    return [
        Found(
            case.title, reverse("reviews:case", args=[case.pk]), "Case", "inbox", f"Case {case.pk}"
        )
        for case in page.cases
    ]
