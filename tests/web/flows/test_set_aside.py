"""What the clock has set aside, on the health page and over the API."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from flows.health.selectors import list_set_aside_rows
from flows.models import Timer
from tests.factories.flows import make_flow
from tests.factories.runs import make_run
from tests.web.api import Api
from tests.web.pages import text_of
from workbench.accounts.models import Role
from workbench.audit.models import Entry
from workbench.dispatch.models import SetAside
from workbench.dispatch.sweeps import set_aside

pytestmark = pytest.mark.django_db


def keep(task: str, key: str) -> SetAside:
    set_aside(task, key, ValueError("It cannot be read."), timezone.now())
    return SetAside.objects.get(task=task, key=key)


def test_the_page_names_the_row_its_cause_and_its_next_attempt(operator: Client) -> None:
    keep("reviews.leases", "17")
    page = text_of(operator.get("/health/"))
    assert "1 row is set aside" in page
    assert "Free a case whose lease ended" in page
    assert '<a href="/review/cases/17/">Case 17</a>' in page
    assert "ValueError: It cannot be read." in page
    keep("reviews.leases", "18")
    assert "2 rows are set aside" in text_of(operator.get("/health/panels/"))


def test_without_any_the_page_says_nothing_of_it(operator: Client) -> None:
    assert "set aside" not in text_of(operator.get("/health/")).lower()


def test_an_operator_has_a_row_tried_now_and_the_ledger_says_so(
    operator: Client, auditor: Client
) -> None:
    row = keep("reviews.leases", "17")
    address = f"/health/set-aside/{row.pk}/retry/"
    assert auditor.post(address).status_code == 403
    assert operator.post(address)["Location"] == "/health/"
    row.refresh_from_db()
    assert row.retry_at <= timezone.now()
    entry = Entry.objects.get(action="set_aside.retried")
    assert (entry.subject_kind, entry.subject_id) == ("clock", "reviews.leases")
    row.delete()
    assert "set aside no longer" in text_of(operator.post(address, follow=True))


def test_who_may_only_look_gets_no_button(auditor: Client, operator: Client) -> None:
    keep("reviews.leases", "17")
    assert "Try now" in text_of(operator.get("/health/"))
    seen = auditor.get("/health/")
    assert seen.status_code == 403 or "Try now" not in text_of(seen)


def test_a_timer_is_due_at_once() -> None:
    run = make_run(make_flow())
    due_at = timezone.now() + timedelta(hours=1)
    timer = Timer.objects.create(
        run=run, token_id=5, activation=1, purpose="wait", due_at=due_at, failures=9
    )
    row = keep("flows.timers", f"run:{run.pk}:5:1:wait")
    api = Api(Role.OPERATOR, scopes=["health.view", "runs.operate"])
    answer = api.post(f"/set-aside/{row.pk}/retry")
    assert answer.status_code == 200
    assert (answer.json()["label"], answer.json()["url"]) == (f"Run {run.pk}", f"/runs/{run.pk}/")
    timer.refresh_from_db()
    assert timer.due_at <= timezone.now()


def test_the_api_lists_them() -> None:
    api = Api(Role.OPERATOR, scopes=["health.view", "runs.operate"])
    assert api.get("/set-aside").json()["items"] == []
    keep("dispatch.resend_due", "4")
    [row] = api.get("/set-aside").json()["items"]
    assert (row["what"], row["label"], row["url"]) == ("Send a message again", "4", "")
    assert api.post("/set-aside/999999/retry").status_code == 404


def test_rows_are_called_by_what_they_are() -> None:
    run = make_run(make_flow())
    keys = {
        "reviews.commit_window": "1", "reviews.samples": f"policy:1:run:{run.pk}",
        "reviews.known_answers": "policy:1:case:2", "reviews.absences": "case:3",
        "flows.takeover": "9", "triggers.schedules": "8", "gone.task": "7",
    }  # fmt: skip
    for task, key in keys.items():
        keep(task, key)
    labels = {row.task: row.label for row in list_set_aside_rows()}
    assert labels == {
        "reviews.commit_window": "1", "reviews.samples": f"Run {run.pk}",
        "reviews.known_answers": "Case 2", "reviews.absences": "Case 3",
        "flows.takeover": "9", "triggers.schedules": "8", "gone.task": "7",
    }  # fmt: skip
