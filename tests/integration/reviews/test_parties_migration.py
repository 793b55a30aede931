"""Runs and cases of an earlier release get the parties that are known of them."""

from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from flows.models import Run
from reviews.models import Case, CaseParty, InformationRequest
from tests.factories.cases import approve, decide, make_case
from tests.factories.people import make_person
from tests.factories.queues import make_office
from workbench.accounts.models import Role, User

pytestmark = pytest.mark.django_db


def fill() -> None:
    CaseParty.objects.all().delete()
    import_module("flows.migrations.0010_who_asked").fill_requesters(apps, None)
    import_module("reviews.migrations.0015_case_parties").fill_parties(apps, None)


def known(case: Case) -> set[tuple[str, str, bool]]:
    found = CaseParty.objects.filter(case=case)
    return set(found.values_list("user__username", "part", "proved"))


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, cyd=Role.REVIEWER)
    User.objects.filter(username="cyd").update(display_name="Cydonia")
    for name in ("eva", "eve"):
        make_person(name, display_name="Eva Two")


def test_runs_get_who_started_them_by_any_name_that_one_person_has() -> None:
    now = timezone.now()
    started = ("ada", "Cydonia", "ada · nightly import", "Eva Two", "clock")
    runs = [Run.objects.get(pk=make_case(now, started_by=name).run_id) for name in started]
    called = Run.objects.get(pk=make_case(now, started_by=f"run {runs[0].pk}").run_id)
    Run.objects.filter(pk=called.pk).update(trigger="flow")
    fill()
    ids = dict(User.objects.values_list("username", "pk"))
    asked = [Run.objects.get(pk=run.pk).requested_by for run in (*runs, called)]
    assert asked == [[ids["ada"]], [ids["cyd"]], [ids["ada"]], [], [], [ids["ada"]]]


def test_cases_get_who_asked_and_whom_the_flow_named() -> None:
    case = make_case(timezone.now(), started_by="ada", requested_by="Cydonia")
    fill()
    assert known(case) == {("ada", "requested", True), ("cyd", "requested", False)}


def test_cases_get_who_edited_them_and_the_later_ones_too() -> None:
    now = timezone.now()
    case = make_case(now, quorum=2)
    decide(case, "ada", approve(fields={"income": 1}, why={"income": "Misread"}), now)
    asked = {"question": "Which?", "asked_by": User.objects.get(username="ben"), "asked_at": now}
    for name in ("Cydonia (by link)", "ben", "Eva Two"):
        InformationRequest.objects.create(
            case=case, answered_by=name, answered_at=now, changes={"income": 2}, **asked
        )
    InformationRequest.objects.create(case=case, answered_by="eva", answered_at=now, **asked)
    later, other = make_case(now), make_case(now)
    Run.objects.filter(pk=later.run_id).update(rerun_of_id=case.run_id)
    fill()
    edited = {("ada", "edited", True), ("cyd", "edited", False), ("ben", "edited", True)}
    assert known(case) == known(later) == edited
    assert known(other) == set()
