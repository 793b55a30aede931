"""JSON that is typed into a form is read as strictly as any other."""

import json

import pytest
from django.test import Client
from django.utils import timezone

from flows.models import Run
from flows.services import start_run
from tests.factories.flows import make_flow
from tests.web.doors.unfit import UNFIT
from workbench.accounts.actors import Actor

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT),
]
CAR = {"amount": 1200, "purpose": "car"}


def typed(unfit: str) -> str:
    """Return an input that would start a run but for the unfit value."""
    return json.dumps({**CAR, "more": "@"}).replace('"@"', unfit)


def test_the_start_page_starts_nothing(operator: Client, unfit: str) -> None:
    make_flow("loan")
    answer = operator.post("/flows/loan/start/", {"mode": "json", "text": typed(unfit)})
    assert answer.status_code == 422
    assert not Run.objects.exists()


def test_a_rerun_with_another_input_starts_nothing(operator: Client, unfit: str) -> None:
    flow = make_flow("loan")
    run = start_run(flow=flow, input=CAR, actor=Actor.system("test"), now=timezone.now()).run
    answer = operator.post(f"/runs/{run.pk}/rerun/", {"input": typed(unfit)})
    assert answer.status_code == 422
    assert Run.objects.get() == run


def test_the_test_drawer_plays_nothing(designer: Client, unfit: str) -> None:
    make_flow("loan")
    answer = designer.post("/flows/loan/edit/test/play/", {"act": "all", "input": typed(unfit)})
    assert b"The input cannot be used." in answer.content
