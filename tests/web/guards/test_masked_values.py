"""Masked values on the pages of runs and cases and over HTTP: who sees and turns back which."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.guards.masking import Original
from flows.models import MaskedValue, Run
from flows.runtime.masked_values import RunOriginals
from reviews.models import Case
from tests.factories.cases import make_case
from tests.factories.flows import make_flow
from tests.factories.people import make_person, signed_in
from tests.factories.queues import make_office
from tests.factories.runs import make_run
from tests.web.api import Api
from tests.web.pages import page
from workbench.accounts.models import Role
from workbench.audit.models import Entry

pytestmark = pytest.mark.django_db
IBAN = "DE89370400440532013000"


@pytest.fixture
def run() -> Run:
    made = make_run(make_flow())
    RunOriginals().keep(
        made.pk, "guard", [Original("iban", json.dumps(IBAN)), Original("email", '"a@x.org"')]
    )
    return made


@pytest.fixture
def iban(run: Run) -> MaskedValue:
    return MaskedValue.objects.get(run=run, kind="iban")


def lead(**scope: Any) -> Client:
    return signed_in(make_person("lea", Role.LEAD, **scope))


def turn_back(client: Client, run: Run, row: MaskedValue, reason: str = "Pay out") -> Any:
    chosen = {"value": [row.pk], "reason": reason}
    return client.post(f"/runs/{run.pk}/masked/unmask/", chosen)


def test_the_page_lists_the_tokens_and_no_original(run: Run, iban: MaskedValue) -> None:
    html = page(lead(), f"/runs/{run.pk}/masked/")
    assert iban.token in html
    assert IBAN not in html
    assert "Masked values" in page(signed_in("lea"), f"/runs/{run.pk}/")


def test_a_lead_turns_one_back_with_a_reason(run: Run, iban: MaskedValue) -> None:
    answer = turn_back(lead(), run, iban)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    html = answer.content.decode()
    assert IBAN in html
    assert "a@x.org" not in html
    [entry] = Entry.objects.filter(action="value.unmasked")
    assert entry.actor_name == "lea"


def test_without_a_reason_or_a_choice_the_page_says_so(run: Run, iban: MaskedValue) -> None:
    client = lead()
    answer = turn_back(client, run, iban, "  ")
    assert answer.status_code == 422
    assert "Say why it is needed" in answer.content.decode()
    assert IBAN not in answer.content.decode()
    assert client.post(f"/runs/{run.pk}/masked/unmask/", {"reason": "Why"}).status_code == 422
    assert not Entry.objects.filter(action="value.unmasked").exists()


@pytest.mark.parametrize("role", [Role.DESIGNER, Role.OPERATOR, Role.ADMIN])
def test_who_may_see_the_run_alone_turns_nothing_back(
    role: Role, run: Run, iban: MaskedValue
) -> None:
    client = signed_in(make_person("other", role))
    assert "values.unmask" in page(client, f"/runs/{run.pk}/masked/")
    assert turn_back(client, run, iban).status_code == 403
    assert not Entry.objects.filter(action="value.unmasked").exists()


def test_a_lead_of_another_flow_does_not_find_the_run(run: Run, iban: MaskedValue) -> None:
    assert turn_back(lead(flow="other"), run, iban).status_code == 404


def test_the_originals_of_a_caller_need_the_right_to_the_callers_flow(iban: MaskedValue) -> None:
    repeated = make_run(make_flow("second"), rerun_of_id=iban.run_id)
    client = lead(flow="second")
    assert iban.token in page(client, f"/runs/{repeated.pk}/masked/")
    assert turn_back(client, repeated, iban).status_code == 403


def test_an_operator_deletes_the_originals(run: Run) -> None:
    client = signed_in(make_person("olga", Role.OPERATOR))
    assert client.post(f"/runs/{run.pk}/masked/delete/").status_code == 302
    assert "No masked values" in page(client, f"/runs/{run.pk}/masked/")
    assert lead().post(f"/runs/{run.pk}/masked/delete/").status_code == 403


# --- Cases -------------------------------------------------------------------------------


@pytest.fixture
def case(run: Run, iban: MaskedValue) -> Case:
    make_office(ada=Role.REVIEWER)
    made = make_case(timezone.now())
    RunOriginals().keep(made.run_id, "guard", [Original("iban", json.dumps(IBAN))])
    RunOriginals().keep(made.run_id, "guard", [Original("email", '"hidden@x.org"')])
    row = MaskedValue.objects.get(run_id=made.run_id, kind="iban")
    Case.objects.filter(pk=made.pk).update(summary=f"Pays to {row.token}.")
    made.refresh_from_db()
    return made


def test_a_case_shows_and_turns_back_its_own_tokens_alone(case: Case) -> None:
    client = lead(queue="underwriting")
    rows = {row.kind: row for row in MaskedValue.objects.filter(run_id=case.run_id)}
    assert "1 masked value" in page(client, f"/review/cases/{case.pk}/")
    listed = page(client, f"/review/cases/{case.pk}/masked/")
    assert rows["iban"].token in listed
    assert rows["email"].token not in listed
    chosen = {"value": [row.pk for row in rows.values()], "reason": "Check the account"}
    answer = client.post(f"/review/cases/{case.pk}/masked/unmask/", chosen).content.decode()
    assert IBAN in answer
    assert "hidden@x.org" not in answer
    [entry] = Entry.objects.filter(action="value.unmasked")
    assert json.loads(entry.payload.body or "")["case"] == case.pk


def test_a_reviewer_sees_the_token_and_cannot_turn_it_back(case: Case) -> None:
    client = signed_in("ada")
    assert "values.unmask" in page(client, f"/review/cases/{case.pk}/masked/")
    answer = client.post(f"/review/cases/{case.pk}/masked/unmask/", {"value": ["1"], "reason": "x"})
    assert answer.status_code in {403, 404}


# --- Over HTTP ---------------------------------------------------------------------------

SCOPES = ["runs.view", "values.unmask", "runs.operate"]


def test_over_http_a_token_is_turned_back_once_and_the_answer_is_not_kept(
    run: Run, iban: MaskedValue
) -> None:
    api = Api(Role.LEAD, scopes=SCOPES)
    listed = api.get(f"/runs/{run.pk}/masked-values").json()["items"]
    assert [each["token"] for each in listed] == [
        str(row) for row in MaskedValue.objects.order_by("pk")
    ]
    assert IBAN not in str(listed)
    path = f"/runs/{run.pk}/masked-values/{iban.code}/unmask"
    answer = api.post(path, {"reason": "Pay out"}, key="unmask-1")
    assert (answer.status_code, answer.json()["value"]) == (200, IBAN)
    assert "no-store" in answer["Cache-Control"]
    again = api.post(path, {"reason": "Pay out"}, key="unmask-1")
    assert IBAN not in again.content.decode()
    assert Entry.objects.filter(action="value.unmasked").count() == 1
    assert api.post(path, {"reason": ""}).status_code == 422
    assert (
        api.post(f"/runs/{run.pk}/masked-values/nothing/unmask", {"reason": "x"}).status_code == 404
    )


def test_over_http_a_token_without_the_scope_turns_nothing_back(
    run: Run, iban: MaskedValue
) -> None:
    path = f"/runs/{run.pk}/masked-values/{iban.code}/unmask"
    assert Api(Role.LEAD, scopes=["runs.view"]).post(path, {"reason": "x"}).status_code == 403
    assert Api(Role.ADMIN, scopes=SCOPES).post(path, {"reason": "x"}).status_code == 403


def test_over_http_an_operator_deletes_the_originals(run: Run) -> None:
    api = Api(Role.OPERATOR, scopes=SCOPES)
    assert api.post(f"/runs/{run.pk}/masked-values/delete", None).status_code == 204
    assert not MaskedValue.objects.filter(run=run).exists()
