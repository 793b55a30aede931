"""Calibrations by page and API: what is compared, who may fit one, and what is kept of it."""

import json
import random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.calibration.keeping import find_points
from flows.calibration.models import Calibration
from flows.steps.calibrated import calibrate
from reviews.models.quality import DecisionFact
from reviews.services.facts import make_fact
from tests.factories.cases import approve, decide, make_case, make_decided_case
from tests.factories.decisions import make_facts
from tests.factories.people import person
from tests.factories.queues import make_office
from workbench.accounts.models import Role, RoleGrant
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
# Says from 0.6 to 1 and is right in half of the cases.
_CHANCE = random.Random(4)
DECIDED = [(_CHANCE.uniform(0.6, 1), _CHANCE.random() < 0.5) for _ in range(100)]
PAGE = "/insights/calibration/"


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, lea=Role.LEAD, dee=Role.DESIGNER)


def count_error(decided: list[tuple[float, bool]]) -> float:
    """Return the expected calibration error over ten bands, counted plainly."""
    gaps = [0.0] * 10
    for confidence, agreed in decided:
        gaps[int(confidence * 10)] += agreed - confidence
    return sum(map(abs, gaps)) / len(decided)


def browser(who: str) -> Client:
    client = Client(headers={"X-Requested-With": "test"})
    client.force_login(person(who).user)
    return client


def ask(who: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = browser(who).generic(
        method, f"/api/v1/{path}", json.dumps(body), content_type="application/json"
    )
    return response.status_code, response.json()


def test_a_lead_fits_a_calibration_that_a_step_can_name() -> None:
    make_facts(DECIDED)
    status, kept = ask("lea", "POST", "quality/calibrations", {"flow": "loan", "model": "risk"})
    assert status == 201
    assert (kept["number"], kept["method"], kept["decisions"]) == (1, "platt", 100)
    assert kept["error_before"] == pytest.approx(count_error(DECIDED))
    assert kept["error_after"] < kept["error_before"] / 2
    points = find_points("loan", "risk", 1)
    assert points is not None
    assert calibrate(points, 0.9) == pytest.approx(0.5, abs=0.1)
    entry = Entry.objects.get(action="quality.calibration_fitted")
    assert (entry.subject_kind, entry.subject_id) == ("flow", "loan")
    _, again = ask("lea", "POST", "quality/calibrations", {"flow": "loan", "model": "risk"})
    assert again["number"] == 2
    assert find_points("loan", "risk", 1) == points
    listed = ask("dee", "GET", "quality/calibrations")[1]
    assert [(each["model"], each["decisions"]) for each in listed["items"]] == [("risk", 100)]
    assert (listed["items"][0]["newest"]["number"], listed["next"]) == (2, None)


def test_the_figures_are_before_and_after_on_decisions_that_were_held_out() -> None:
    make_facts(DECIDED)
    found = ask("dee", "GET", "quality/calibrations/figures?flow=loan&model=risk")[1]
    assert found["before"]["error"] == pytest.approx(count_error(DECIDED))
    assert found["after"]["error"] < found["before"]["error"] / 2
    assert sum(band["count"] for band in found["after"]["bands"]) == len(DECIDED)
    html = browser("dee").get(f"{PAGE}?flow=loan&model=risk").content.decode()
    assert "As stated" in html
    assert "instead of" in html
    assert "Fit calibration" not in html


def test_who_does_not_lead_the_flow_fits_nothing() -> None:
    make_facts(DECIDED)
    body = {"flow": "loan", "model": "risk"}
    assert ask("dee", "POST", "quality/calibrations", body)[0] == 403
    assert browser("dee").post(f"{PAGE}fit/", body).status_code == 403
    RoleGrant.objects.filter(role=Role.LEAD).update(queue_name="underwriting")
    assert ask("lea", "POST", "quality/calibrations", body)[0] == 403
    assert not Calibration.objects.exists()


def test_too_few_decisions_are_told_and_nothing_is_kept() -> None:
    make_facts(DECIDED[:20])
    status, told = ask("lea", "POST", "quality/calibrations", {"flow": "loan", "model": "risk"})
    assert status == 422
    assert "There are 20 decisions; 50 are needed." in told["detail"]
    assert not Calibration.objects.exists()
    html = browser("lea").get(PAGE).content.decode()
    assert "There are 20 decisions; 50 are needed." in html
    assert "Fit calibration" not in html


def test_a_lead_fits_from_the_page_and_sees_how_a_step_uses_it() -> None:
    make_facts(DECIDED)
    client = browser("lea")
    assert "Fit calibration 1" in client.get(PAGE).content.decode()
    response = client.post(f"{PAGE}fit/", {"flow": "loan", "model": "risk"}, follow=True)
    html = response.content.decode()
    assert "Calibration 1 was fitted. No step uses it yet." in html
    assert "calibrated: {risk: 1}" in html
    assert "Fit calibration 2" in html


def test_a_page_without_decisions_says_what_will_be_there() -> None:
    assert "No confidence has been put to the test" in browser("lea").get(PAGE).content.decode()
    make_facts(DECIDED)
    html = browser("lea").get(f"{PAGE}?flow=loan&model=none").content.decode()
    assert "There is no such model." in html


def test_a_calibrated_confidence_is_fitted_by_what_the_model_stated() -> None:
    made = {"model": "risk", "version": "1", "calibration": {"stated": 0.9, "given": 0.6}}
    case = make_case(timezone.now(), suggestion="approved", confidence=0.6)
    decision = decide(case, "ada", approve())
    decision.receipt = {**decision.receipt, "models": [made]}
    assert make_fact(case, decision).stated_confidence == 0.9
    case.confidence = 0.5
    assert make_fact(case, decision).stated_confidence is None
    make_decided_case("ada", approve())
    assert DecisionFact.objects.filter(stated_confidence=None).count() == 2
