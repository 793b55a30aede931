"""Settings of queues, SLA policies and calendars, and where notices go: pages and API."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from reviews.models import Case, Queue, SlaPolicy, WorkCalendar
from reviews.models.notices import Destination, Notice
from reviews.services.telling import notify_people
from reviews.settings.forms.fields import format_minutes, parse_minutes
from tests.factories.cases import make_case
from tests.factories.people import person, signed_in
from tests.factories.queues import make_office
from tests.web.pages import if_match, problem_of, revision_on
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STEPS = {"form-TOTAL_FORMS": "3", "form-INITIAL_FORMS": "0"}


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, lea=Role.LEAD, adm=Role.ADMIN)


def put(client: Client, path: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    address, text = f"/api/v1{path}", json.dumps(body)
    return client.put(address, text, content_type="application/json", headers=headers)


def policy_form(**changes: str) -> dict[str, str]:
    return {
        **STEPS, "title": "Same day", "calendar": "office", "due_minutes": "8h",
        "breach": "expire", "form-0-act": "warn", "form-0-after_minutes": "4h",
        "form-1-act": "escalate", "form-1-after_minutes": "6h 30m", "form-1-to": "lead",
        **changes,
    }  # fmt: skip


# --- Policies ---------------------------------------------------------------------------


def test_a_policy_is_written_on_the_page() -> None:
    answer = signed_in("lea").post("/review/sla/policies/new/", policy_form())
    assert answer.status_code == 302, answer.content
    policy = SlaPolicy.objects.get(name="same-day")
    assert (policy.due_minutes, policy.breach) == (480, "expire")
    assert policy.steps == [
        {"act": "warn", "after_minutes": 240},
        {"act": "escalate", "after_minutes": 390, "to": "lead"},
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"breach": "approve"}, "not one of the available choices"),
        ({"form-0-act": "approve"}, "not one of the available choices"),
        ({"due_minutes": "soon"}, "Write working time as 8h"),
        ({"form-1-to": ""}, ""),
    ],
)
def test_a_policy_that_cannot_be_kept_comes_back(changes: dict[str, str], said: str) -> None:
    answer = signed_in("lea").post("/review/sla/policies/new/", policy_form(**changes))
    if not said:
        assert answer.status_code == 302  # an escalation to nobody in particular: to the leads
        return
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not SlaPolicy.objects.filter(name="same-day").exists()


def test_the_preview_says_when_each_act_would_come() -> None:
    answer = signed_in("lea").post("/review/sla/policies/preview/", policy_form())
    page = answer.content.decode()
    assert [word in page for word in ("after 4h", "after 6h 30m", "after 8h")] == [True] * 3
    wrong = signed_in("lea").post("/review/sla/policies/preview/", policy_form(due_minutes=""))
    assert "Fill in what is missing" in wrong.content.decode()


def test_an_open_case_keeps_the_promise_it_was_opened_by() -> None:
    case = make_case(timezone.now())
    before = case.due_at
    body = {"title": "Standard", "calendar": "office", "due_minutes": 5, "breach": "expire"}
    lea = signed_in("lea")
    known = if_match(lea, "/api/v1/sla-policies/standard")
    assert put(lea, "/sla-policies/standard", body, known).status_code == 200
    case.refresh_from_db()
    assert case.due_at == before


def test_policies_by_api_refuse_silent_approval_and_strangers() -> None:
    lea = signed_in("lea")
    body = {"title": "Fast", "calendar": "office", "due_minutes": 60, "breach": "approve"}
    assert put(lea, "/sla-policies/fast", body).status_code == 422
    body |= {"breach": "reassign", "steps": [
        {"act": "escalate", "after_minutes": 5, "to": "person:nobody"}
    ]}  # fmt: skip
    answer = put(lea, "/sla-policies/fast", body)
    assert (answer.status_code, problem_of(answer)) == (422, "settings-invalid")
    body["steps"] = [{"act": "escalate", "after_minutes": 5, "to": "person:lea"}]
    assert put(lea, "/sla-policies/fast", body).status_code == 200
    at = lea.get("/api/v1/sla-policies/fast/instants?opened_at=2026-03-10T10:00:00Z").json()
    assert [(row["act"], row["at"]) for row in at["items"]] == [
        ("escalate", "2026-03-10T10:05:00Z"), ("breach", "2026-03-10T11:00:00Z"),
    ]  # fmt: skip
    assert put(signed_in("ada"), "/sla-policies/fast", body).status_code == 403


def test_working_time_is_typed_as_people_say_it() -> None:
    assert [parse_minutes(text) for text in ("8h", "1h 30m", "45m", "1.5h", " 2 h ")] == [
        480, 90, 45, 90, 120,
    ]  # fmt: skip
    assert [format_minutes(minutes) for minutes in (480, 90, 45, 0)] == [
        "8h",
        "1h 30m",
        "45m",
        "0m",
    ]
    for wrong in ("", "8", "eight", "1d"):
        with pytest.raises(ValueError, match="Write working time"):
            parse_minutes(wrong)


# --- Calendars --------------------------------------------------------------------------


def test_a_calendar_is_written_on_the_page_and_shows_its_days() -> None:
    lea = signed_in("lea")
    form = {
        "name": "berlin", "time_zone": "Europe/Berlin", "country": "de", "subdivision": "BE",
        "closed": "2026-12-24\n2026-12-31", "monday": "9:00-12:00, 13-17:30",
    }  # fmt: skip
    assert lea.post("/review/sla/calendars/new/", form).status_code == 302
    calendar = WorkCalendar.objects.get(name="berlin")
    assert calendar.hours == {"monday": [["09:00", "12:00"], ["13:00", "17:30"]]}
    assert (calendar.country, calendar.closed) == ("DE", ["2026-12-24", "2026-12-31"])
    assert "9:00-12:00" in lea.get("/review/sla/calendars/berlin/").content.decode()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_zone": "Mars/Olympus"}, "nknown time zone"),
        ({"country": "ZZ"}, "o holidays are known"),
        ({"closed": "24.12.2026"}, "Write each date as"),
        ({"monday": "nine to five"}, "Write 09:00-12:00"),
        ({"monday": "17:00-09:00"}, "in order and not overlap"),
        ({"monday": ""}, "no working hours"),
    ],
)
def test_a_calendar_that_means_nothing_comes_back(changes: dict[str, str], said: str) -> None:
    form = {"name": "odd", "time_zone": "UTC", "monday": "09:00-17:00", **changes}
    answer = signed_in("lea").post("/review/sla/calendars/new/", form)
    assert answer.status_code == 422
    assert said in answer.content.decode()


# --- Queues -----------------------------------------------------------------------------


def queue_form(**changes: Any) -> dict[str, Any]:
    return {
        "title": "Underwriting", "sla": 100, "priority_hours": 4, "value_hours": 0,
        "lease_minutes": 15, "familiar_minutes": 60, "work_limit": 0,
        "commit_window_seconds": 5, **changes,
    }  # fmt: skip


def test_new_weights_rank_the_cases_anew(deliver_outbox: Any) -> None:
    now = datetime(2026, 3, 10, 10, tzinfo=UTC)
    small, large = make_case(now, value=1_000), make_case(now, value=90_000)
    assert small.rank == large.rank
    lea = signed_in("lea")
    path = "/review/queues/underwriting/settings/"
    shown = lea.post(f"{path}order/", queue_form(value_hours=1)).content.decode()
    assert shown.index(large.title) < shown.index(small.title)
    form = queue_form(value_hours=1, claim_skills="a, b", revision=revision_on(lea, path))
    assert lea.post(path, form).status_code == 302
    deliver_outbox()
    ranked = Case.objects.order_by("rank").values_list("pk", flat=True)
    assert list(ranked) == [large.pk, small.pk]
    assert Queue.objects.get().access == {"claim": {"skills": ["a", "b"]}}


def test_settings_out_of_range_come_back_and_change_nothing() -> None:
    path = "/review/queues/underwriting/settings/"
    answer = signed_in("lea").post(path, queue_form(sla=101, lease_minutes=0))
    assert answer.status_code == 422
    assert Queue.objects.get().ordering == {}


def test_queues_by_api() -> None:
    lea = signed_in("lea")
    made = put(lea, "/queues/appeals/settings", {"title": "Appeals", "work_limit": 3})
    assert (made.status_code, made.json()["work_limit"]) == (200, 3)
    known = {"If-Match": made["ETag"]}
    wrong = put(lea, "/queues/appeals/settings", {"ordering": {"size": 1}}, known)
    assert (wrong.status_code, problem_of(wrong)) == (422, "settings-invalid")
    assert put(signed_in("ada"), "/queues/appeals/settings", {}).status_code == 403


def test_a_new_queue_takes_its_name_from_its_title() -> None:
    lea = signed_in("lea")
    assert lea.post("/review/queues/new/", {"title": "Loan appeals"}).status_code == 302
    assert Queue.objects.filter(name="loan-appeals").exists()
    assert lea.post("/review/queues/new/", {"title": "Loan appeals"}).status_code == 422


# --- Notices ----------------------------------------------------------------------------


def test_the_bell_counts_and_opening_a_notice_reads_it() -> None:
    case = make_case(timezone.now())
    notify_people(case, [person("ada").user], "mentioned", timezone.now(), said="Look", by="Lea")
    ada = signed_in("ada")
    assert "1 unread" in ada.get("/review/notices/bell/").content.decode()
    page = ada.get("/review/notices/").content.decode()
    assert "Lea mentioned you" in page
    notice = Notice.objects.get()
    answer = ada.get(f"/review/notices/{notice.pk}/")
    assert answer["Location"] == f"/review/cases/{case.pk}/"
    assert "unread" not in ada.get("/review/notices/bell/").content.decode()
    assert signed_in("lea").get(f"/review/notices/{notice.pk}/").status_code == 404
    assert ada.get("/api/v1/notices").json()["items"][0]["read_at"] is not None


def test_a_destination_keeps_its_key_to_itself(settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = ["hooks.example.org"]
    adm = signed_in("adm")
    form = {
        "title": "Ops", "kind": "webhook", "address": "https://hooks.example.org/x", "key": KEY,
        "kinds": ["escalated"], "enabled": "on",
    }  # fmt: skip
    assert adm.post("/review/destinations/new/", form).status_code == 302
    destination = Destination.objects.get()
    for path in ("/review/destinations/", f"/review/destinations/{destination.name}/"):
        assert KEY not in adm.get(path).content.decode()
    wrong = adm.post("/review/destinations/new/", {**form, "title": "Other", "key": "secret"})
    assert wrong.status_code == 422
    chat = {**form, "title": "Chat", "kind": "chat", "address": "", "key": "json://10.0.0.1/x"}
    refused = adm.post("/review/destinations/new/", chat)
    assert "not allowed" in refused.content.decode()
