"""The team's page, absences, saved views, delegating: pages and API."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from reviews.models import Queue, Reviewer
from reviews.models.team import Absence, SavedView
from reviews.rules.filters import CaseFilters, read_filters
from tests.factories.cases import make_case, make_held_case
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office, make_queue
from tests.web.pages import if_match, page, problem_of, revision_on
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD)
    make_queue("claims")
    make_person("pia", Role.LEAD, queue="claims")


def api(
    client: Client, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Any:
    return client.generic(
        method, f"/api/v1{path}", data=json.dumps(body or {}),
        content_type="application/json", headers=headers,
    )  # fmt: skip


# --- The team -------------------------------------------------------------------------


def test_the_team_shows_who_holds_what() -> None:
    case, free = make_held_case("ada"), make_case(timezone.now())
    shown = page(signed_in("lea"), "/review/team/")
    assert case.title in shown
    assert free.title in shown
    assert 'data-lane="ada"' in shown
    team = signed_in("lea").get("/api/v1/team").json()["items"]
    rows = {row["person"]: row["held"] for row in team}
    assert (rows["ada"], rows["ben"]) == (1, 0)


def test_the_team_takes_as_many_queries_however_many_cases(
    django_assert_max_num_queries: Any,
) -> None:
    lea = signed_in("lea")
    with django_assert_max_num_queries(14):
        page(lea, "/review/team/")
    for _ in range(12):
        make_held_case("ada")
    with django_assert_max_num_queries(14):
        page(lea, "/review/team/")


def test_a_lead_gives_a_case_to_someone_and_back_to_the_queue() -> None:
    case, lea = make_held_case("ada"), signed_in("lea")
    answer = lea.post(
        "/review/team/give/", {"case": case.pk, "to": "ben"}, headers={"HX-Request": "true"}
    )
    case.refresh_from_db()
    assert (answer.status_code, case.claimed_by) == (200, person("ben").user)
    assert b"<html" not in answer.content
    lea.post("/review/team/give/", {"case": case.pk, "to": ""})
    case.refresh_from_db()
    assert (case.state, case.claimed_by) == ("open", None)


def test_a_refused_assignment_tells_why_above_the_lanes() -> None:
    case = make_case(timezone.now(), asked_by=["ben"])
    answer = signed_in("lea").post("/review/team/give/", {"case": case.pk, "to": "ben"})
    assert answer.status_code == 409
    assert "ben asked for this" in answer.content.decode()


def test_a_lead_of_another_queue_cannot_give_a_case() -> None:
    case, pia = make_held_case("ada"), signed_in("pia")
    assert case.title not in page(pia, "/review/team/")
    answer = pia.post("/review/team/give/", {"case": case.pk, "to": "ben"})
    assert answer.status_code == 404


def test_level_and_skills_are_set_by_someone_else() -> None:
    lea = signed_in("lea")
    known = revision_on(lea, "/review/team/people/ada/")
    form = {"level": "2", "skills": "mortgage, french", "revision": known}
    lea.post("/review/team/people/ada/", form)
    assert Reviewer.objects.get(user__username="ada").skills == ["french", "mortgage"]
    own = {"level": "9", "skills": "", "revision": revision_on(lea, "/review/team/people/lea/")}
    answer = lea.post("/review/team/people/lea/", own)
    assert answer.status_code == 422
    assert not Reviewer.objects.filter(user__username="lea").exists()


# --- Delegating and absences ------------------------------------------------------------


def test_a_case_is_delegated_by_api() -> None:
    case, ada = make_held_case("ada"), signed_in("ada")
    answer = api(ada, "POST", f"/cases/{case.pk}/delegate", {"to": "ben", "reason": "Knows it"})
    assert (answer.status_code, answer.json()["claimed_by"]) == (200, "ben")
    again = api(ada, "POST", f"/cases/{case.pk}/delegate", {"to": "ben"})
    assert (again.status_code, problem_of(again)) == (409, "case-held-by-other")


def test_an_absence_is_planned_on_the_page_and_covers_at_once() -> None:
    case, ada = make_held_case("ada"), signed_in("ada")
    answer = ada.post(
        "/review/absences/",
        {"person": "ada", "first_day": TODAY, "last_day": TODAY + timedelta(days=3),
         "cover": "ben"},
    )  # fmt: skip
    assert answer.status_code == 302, answer.content
    case.refresh_from_db()
    assert case.claimed_by == person("ben").user
    assert "Away" in page(ada, "/review/absences/")
    assert "ben covers" in page(signed_in("lea"), "/review/team/")
    absence = Absence.objects.get()
    assert absence.ends_at - absence.starts_at == timedelta(days=4)
    ada.post(f"/review/absences/{absence.pk}/end/")
    assert "Nobody is away" in page(ada, "/review/absences/")


def test_a_wrong_absence_says_on_which_field() -> None:
    answer = signed_in("lea").post(
        "/review/absences/",
        {"person": "ada", "first_day": TODAY, "last_day": TODAY, "cover": "ada"},
    )
    assert answer.status_code == 422
    assert "Nobody covers for themselves" in answer.content.decode()


def test_nobody_ends_another_s_absence() -> None:
    now = timezone.now()
    absence = Absence.objects.create(
        person=person("ada").user, starts_at=now, ends_at=now + timedelta(days=1), planned_by="ada"
    )
    assert api(signed_in("ben"), "POST", f"/absences/{absence.pk}/end").status_code == 403
    assert api(signed_in("ben"), "POST", "/absences/999999/end").status_code == 404
    assert api(signed_in("ada"), "POST", f"/absences/{absence.pk}/end").status_code == 204


def test_an_absence_by_api_names_an_offset() -> None:
    body = {"starts_at": "2099-05-01T00:00:00", "ends_at": "2099-05-03T00:00:00+02:00"}
    assert api(signed_in("ada"), "POST", "/absences", body).status_code == 422
    body["starts_at"] += "+02:00"
    made = api(signed_in("ada"), "POST", "/absences", {**body, "ends_at": "2099-04-01T00:00:00Z"})
    assert (made.status_code, problem_of(made)) == (422, "absence-invalid")
    assert api(signed_in("ada"), "POST", "/absences", body).status_code == 201


# --- Lists and saved views --------------------------------------------------------------


def test_a_list_is_narrowed_and_kept_as_a_view() -> None:
    urgent = make_case(timezone.now(), priority="urgent")
    other = make_case(timezone.now(), priority="low")
    ada = signed_in("ada")
    shown = page(ada, "/review/queues/underwriting/?priority=1")
    assert urgent.title in shown
    assert f"/review/cases/{other.pk}/" not in shown
    ada.post("/review/queues/underwriting/views/", {"view_name": "Urgent", "priority": "1"})
    assert read_filters(SavedView.objects.get().filters) == CaseFilters(priority=1)
    assert "Urgent" in page(ada, "/review/queues/underwriting/")


def test_only_who_assigns_shares_a_view_and_only_its_owner_removes_it() -> None:
    ada, lea, ben = signed_in("ada"), signed_in("lea"), signed_in("ben")
    path = "/review/queues/underwriting/views/"
    ada.post(path, {"view_name": "Mine", "shared": "on"})
    assert not SavedView.objects.exists()
    lea.post(path, {"view_name": "Overdue of all", "band": "overdue", "shared": "on"})
    view = SavedView.objects.get()
    assert "Overdue of all" in page(ben, "/review/queues/underwriting/")
    assert ben.post(f"{path}{view.pk}/delete/").status_code == 404
    lea.post(f"{path}{view.pk}/delete/")
    assert not SavedView.objects.exists()


def test_views_by_api() -> None:
    ada = signed_in("ada")
    made = api(ada, "POST", "/queues/underwriting/views", {"name": "High", "priority": 2})
    assert (made.status_code, made.json()["filters"]) == (201, {"priority": 2})
    listed = ada.get("/api/v1/queues/underwriting/views").json()["items"]
    assert [view["name"] for view in listed] == ["High"]
    path = f"/queues/underwriting/views/{made.json()['id']}"
    assert api(signed_in("ben"), "DELETE", path).status_code == 404
    assert api(ada, "DELETE", path).status_code == 428
    assert api(ada, "DELETE", path, headers=if_match(ada, f"/api/v1{path}")).status_code == 204


def test_words_of_a_title_are_found() -> None:
    make_case(timezone.now(), title="A loan over 900 DM")
    wanted = make_case(timezone.now(), title="A MORTGAGE over 90,000 DM")
    ada = signed_in("ada")
    shown = page(ada, "/review/queues/underwriting/?text=mortgage")
    assert f"/review/cases/{wanted.pk}/" in shown
    assert "900 DM" not in shown
    assert f"/review/cases/{wanted.pk}/" in page(
        ada, f"/review/queues/underwriting/?text={wanted.pk}"
    )


def test_a_queue_is_hidden_from_who_lacks_the_skill_and_from_no_lead() -> None:
    Queue.objects.filter(name="claims").update(access={"see": {"skills": ["medical"]}})
    case = make_case(timezone.now(), queue="claims")
    ada = signed_in("ada")
    assert "Claims" not in page(ada, "/review/")
    page(ada, "/review/queues/claims/", 404)
    page(ada, f"/review/cases/{case.pk}/", 404)
    assert ada.get("/api/v1/cases").json()["items"] == []
    assert case.title in page(signed_in("pia"), "/review/queues/claims/")
    Reviewer.objects.create(user=person("ada").user, skills=["medical"])
    assert case.title in page(ada, "/review/queues/claims/")
