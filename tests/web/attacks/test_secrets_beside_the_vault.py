"""Secrets that lie in plain text where nobody thought of them."""

import json

import pytest

from tests.factories.flows import make_flow
from tests.web.api import Api
from tests.web.pages import problem_of
from workbench.accounts.models import IdempotentRequest, Role, RoleGrant

pytestmark = pytest.mark.django_db
PATH, KEY = "/flows/loan/triggers", "my-key-1"
HOOK = {"kind": "webhook", "title": "Hook", "config": {}}


def test_the_key_of_a_webhook_is_not_kept_with_the_answer_that_showed_it() -> None:
    make_flow()
    program = Api(Role.DESIGNER)
    made = program.post(PATH, HOOK, KEY)
    assert made.status_code == 201, made.content
    secret = made.json()["secret"]
    kept = IdempotentRequest.objects.get()
    assert secret.encode() not in bytes(kept.body)
    again = program.post(PATH, HOOK, KEY)
    assert (again.status_code, problem_of(again)) == (409, "answer-shown-once")
    assert secret not in json.dumps(again.json())
    assert len(program.get(PATH).json()["items"]) == 1


def test_an_answer_is_not_repeated_to_who_lost_the_right_to_it() -> None:
    make_flow()
    program = Api(Role.DESIGNER)
    body = {"input": {"amount": 5, "purpose": "car"}}
    assert program.post("/flows/loan/runs", body, KEY).status_code == 201
    RoleGrant.objects.all().delete()
    assert program.post("/flows/loan/runs", body, KEY).status_code == 403
