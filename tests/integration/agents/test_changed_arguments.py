"""Arguments that a person changed: checked as a whole, and told to the model."""

import re
from typing import Any

import pytest
from django.test import Client

from flows.models import Journal
from reviews.errors import DecisionInvalid
from reviews.models import Case, Decision
from tests.driving import driving, ended
from tests.factories.cases import approve, decide
from tests.factories.people import signed_in
from tests.integration.agents import tools
from tests.integration.agents.agent_flows import ASKING, child_of, start_asking, wait_for_case
from tests.language_server import LanguageServer

pytestmark = pytest.mark.django_db(transaction=True)
# More than 50 may be paid back for orders of B alone: neither field is wrong by itself.
SCHEMA = {
    "type": "object",
    "required": ["order", "amount"],
    "additionalProperties": False,
    "properties": {"order": {"type": "string"}, "amount": {"type": "number"}},
    "anyOf": [
        {"properties": {"amount": {"maximum": 50}}},
        {"properties": {"order": {"pattern": "^B"}}},
    ],
}
CAPPED = {**ASKING, "schema": SCHEMA}
TOO_MUCH = {"amount": 400}
WHY = {"amount": "It was more.", "order": "It was another."}


def wait_asking(office: LanguageServer) -> tuple[Any, Case]:
    run = start_asking(office, CAPPED)
    with driving():
        return run, wait_for_case()


def test_a_change_that_breaks_the_tools_schema_across_fields_decides_nothing(
    office: LanguageServer,
) -> None:
    run, case = wait_asking(office)
    with pytest.raises(DecisionInvalid) as refused:
        decide(case, "ada", approve(fields=TOO_MUCH, why=WHY))
    assert "The values do not fit together" in refused.value.problems["fields.amount"]
    case.refresh_from_db()
    assert (case.state, Decision.objects.count(), tools.paid) == ("open", 0, [])
    with driving():
        decide(case, "ada", approve(fields={**TOO_MUCH, "order": "B-1"}, why=WHY))
        ended(run)
    assert tools.paid == [("B-1", 400)]


def test_the_page_shows_it_at_the_field_and_keeps_what_was_typed(office: LanguageServer) -> None:
    _, case = wait_asking(office)
    client, at = signed_in("ada"), f"/review/cases/{case.pk}/"
    typed = {
        "outcome": "approved", "field.amount": "400", "why.amount": "It was more.",
        "revision": str(case.revision),
    }  # fmt: skip
    sent = client.post(f"{at}decide/", typed)
    assert sent.status_code == 422
    text = sent.content.decode()
    assert re.search(r'id="field-amount-problem".{0,400}The values do not fit together', text, re.S)
    drafted = client.post(f"{at}draft/", typed).json()
    assert "do not fit together" in drafted["problems"]["fields.amount"]
    assert not Decision.objects.exists()


def test_the_api_names_field_and_remedy(office: LanguageServer) -> None:
    _, case = wait_asking(office)
    changed = {"amount": {"value": 400, "reason": "It was more."}}
    body = {"outcome": "approved", "fields": changed, "revision": case.revision}
    client: Client = signed_in("ada")
    sent = client.post(f"/api/v1/cases/{case.pk}/decisions", body, content_type="application/json")
    assert sent.status_code == 422
    [found] = sent.json()["errors"]
    assert found["at"] == "fields.amount"
    assert "choose another outcome and say why" in found["message"]
    assert not Decision.objects.exists()


def test_the_model_reads_the_arguments_with_which_the_call_was_made(
    office: LanguageServer,
) -> None:
    run, case = wait_asking(office)
    with driving():
        decide(case, "ada", approve(fields={"amount": 15}, why=WHY))
        ended(run)
    assert tools.paid == [("A-7", 15)]
    [told] = [each for each in office.bodies[-1]["messages"] if each["role"] == "tool"]
    first, result = told["content"].split("\n")
    assert first == (
        'A person changed the arguments of this call to {"amount": 15, "order": "A-7"}'
    )
    assert result == '{"refunded": 15.0}'


def test_a_call_that_was_not_changed_is_told_by_its_result_alone(office: LanguageServer) -> None:
    run, case = wait_asking(office)
    with driving():
        decide(case, "ada", approve())
        ended(run)
    talk = Journal.objects.filter(run_id=child_of(run).pk, step="turn").order_by("-seq")[0].data
    assert [m["text"] for m in talk["messages"] if m["role"] == "tool"] == ['{"refunded": 40.0}']
