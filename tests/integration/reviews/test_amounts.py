"""Authority over an amount that is odd, or that someone corrects: on each path to a decision."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from reviews.errors import DecisionInvalid, NotAuthorised
from reviews.models import Decision, Queue
from reviews.services.bulk import find_risk
from reviews.services.claims import claim_case
from reviews.services.committing import commit_due_decisions
from reviews.services.conversation import reply, request_information
from reviews.services.decisions import decide_case
from tests.factories.cases import approve, decide, make_case, reject
from tests.factories.people import make_person, person, signed_in
from tests.factories.queues import make_office
from tests.web.pages import if_match, revision_on
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
LADDER = [{"up_to": 1000, "level": 1}, {"up_to": 50000, "level": 2, "approvers": 2}, {"level": 3}]
SHOW: list[dict[str, Any]] = [
    {
        "title": "Payment",
        "fields": [{"key": "amount", "label": "Amount", "value": 400, "editable": True}],
    }
]


@pytest.fixture(autouse=True)
def office() -> None:
    make_office(ada=Role.REVIEWER, ben=Role.REVIEWER, lea=Role.LEAD)
    make_person("cyd", Role.REVIEWER, level=2)
    Queue.objects.update(authority=LADDER)


def correct(amount: Any) -> dict[str, Any]:
    return {"fields": {"amount": amount}, "why": {"amount": "Misread."}}


@pytest.mark.parametrize("value", [-5_000_000, -1001, 0, None, 1001])
def test_level_one_cannot_approve_an_amount_that_only_looks_small(
    value: float | None, now: datetime
) -> None:
    case = make_case(now, value=value)
    with pytest.raises(NotAuthorised):
        decide(case, "ada", approve(), now)
    assert not Decision.objects.exists()
    decide(case, "ada", reject(), now)


@pytest.mark.parametrize("amount", [900_000, -900_000, 0, "see letter", None])
def test_an_approver_cannot_correct_the_amount_past_their_authority(
    amount: Any, now: datetime
) -> None:
    case = make_case(now, value=400, show=SHOW)
    with pytest.raises((NotAuthorised, DecisionInvalid)):
        decide(case, "ada", approve(**correct(amount)), now)
    case.refresh_from_db()
    assert (case.fields, case.state) == ({"amount": 400}, "open")


def test_a_correction_to_less_does_not_lower_the_authority_needed(now: datetime) -> None:
    show = [{"title": "Payment", "fields": [{**SHOW[0]["fields"][0], "value": 20_000}]}]
    case = make_case(now, value=20_000, show=show)
    with pytest.raises(NotAuthorised, match="level 2"):
        decide(case, "ada", approve(**correct(5)), now)


def test_what_the_first_approver_corrected_binds_the_second(now: datetime) -> None:
    case = make_case(now, value=400, show=SHOW)
    decide(case, "cyd", approve(**correct(20_000)), now)
    with pytest.raises(NotAuthorised, match="level 2"):
        decide(case, "ben", approve(), now)


def test_what_an_answer_corrected_binds_the_approver(now: datetime) -> None:
    case = make_case(now, value=400, show=SHOW)
    claim_case(case_id=case.pk, acting=person("ada"), now=now)
    request_information(
        case_id=case.pk, question="How much?", acting=person("ada"), now=now, fields=["amount"]
    )
    reply(
        case_id=case.pk,
        answer="More.",
        changes={"amount": 900_000},
        actor=person("lea").actor,
        now=now,
    )
    with pytest.raises(NotAuthorised, match="level 3"):
        decide(case, "ada", approve(), now)


def test_an_amount_is_judged_again_when_the_decision_commits(now: datetime) -> None:
    case = make_case(now, value=400, show=SHOW)
    answer = approve(**correct(900))
    decide_case(case_id=case.pk, answer=answer, acting=person("ada"), now=now)
    Queue.objects.update(authority=[{"up_to": 500}, {"level": 3}])
    commit_due_decisions(now + timedelta(minutes=1))
    assert Decision.objects.get().state == "withdrawn"


@pytest.mark.parametrize("value", [-5_000_000, 0, None])
def test_an_odd_amount_is_not_decided_together_with_small_ones(
    value: float | None, now: datetime
) -> None:
    assert find_risk(make_case(now, value=400, suggestion="approved", confidence=0.95)) is None
    assert find_risk(make_case(now, value=value, suggestion="approved", confidence=0.95))


# --- The matrix -------------------------------------------------------------------


def save_by_api(rows: Any) -> Any:
    lea, address = signed_in("lea"), "/api/v1/queues/underwriting/settings"
    return lea.put(
        address, {"authority": rows}, content_type="application/json",
        headers=if_match(lea, address),
    )  # fmt: skip


def save_by_page(text: str) -> Any:
    lea, address = signed_in("lea"), "/review/queues/underwriting/settings/"
    form = {
        "revision": revision_on(lea, address),
        "title": "Underwriting", "sla": "50", "priority_hours": "1", "value_hours": "1",
        "lease_minutes": "15", "familiar_minutes": "0", "work_limit": "0",
        "commit_window_seconds": "5", "authority": text,
    }  # fmt: skip
    return lea.post(address, form)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([{"up_to": 5000}, {"up_to": 1000}], "up_to 5000\nup_to 1000"),
        ([{"level": 0}], "level 0"),
        ([{"upto": 5}], "upto 5"),
        ([{"up_to": 5}, {"product": "car", "level": 2}], "up_to 5\nproduct car, level 2"),
    ],
)
def test_a_matrix_that_misleads_is_refused_by_page_and_api(rows: Any, text: str) -> None:
    by_api = save_by_api(rows)
    assert by_api.status_code == 422
    [said] = [e["message"] for e in by_api.json()["errors"] if e["at"] == "authority"]
    by_page = save_by_page(text)
    assert by_page.status_code == 422
    assert said.split("`")[0].split("'")[0] in by_page.content.decode().replace("&#x27;", "'")
    assert Queue.objects.get().authority == LADDER


def test_a_matrix_is_saved_by_page_and_api() -> None:
    assert save_by_api([{"up_to": 10}, {"level": 2}]).json()["authority"] == [
        {"up_to": 10}, {"level": 2},
    ]  # fmt: skip
    assert save_by_page("up_to 20, product car\nlevel 2, approvers 2").status_code == 302
    assert Queue.objects.get().authority == [
        {"up_to": 20, "product": "car"}, {"level": 2, "approvers": 2},
    ]  # fmt: skip
