"""What people type into the start form, and into filters by time."""

from typing import Any

import pytest
from django.test import Client

from flows.models import Run
from tests.browsers import post_untouched
from tests.factories.flows import LOAN, make_flow
from tests.factories.people import make_person
from tests.web.api import Api
from tests.web.pages import problem_of, text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
START = "/flows/loan/start/"
GOOD = {"mode": "form", "f.amount": "1200", "f.purpose": '"car"'}


@pytest.fixture
def berliner() -> Client:
    user = make_person("berliner", Role.DESIGNER, Role.OPERATOR)
    user.time_zone = "Europe/Berlin"
    user.save()
    client = Client()
    client.force_login(user)
    return client


def make_timed_flow() -> None:
    part = {"at": {"type": "string", "format": "date-time"}}
    schema = LOAN["input"]
    make_flow(input={**schema, "properties": {**schema["properties"], **part}})


@pytest.mark.parametrize("typed", ["1,5", "12,50", "1.500,00", "9007199254740993"])
def test_a_number_that_is_not_written_as_numbers_are_here_starts_nothing(
    operator: Client, typed: str
) -> None:
    make_flow()
    refused = operator.post(START, {**GOOD, "f.amount": typed})
    assert refused.status_code == 422
    assert f'value="{typed}"' in refused.content.decode()
    assert not Run.objects.exists()


def test_the_page_says_how_numbers_are_written_and_in_which_zone_times_are(
    berliner: Client,
) -> None:
    make_timed_flow()
    text = text_of(berliner.get(START))
    assert "A number, written as 1,234.5" in text
    assert "Local time in Europe/Berlin" in text


def test_a_local_time_starts_the_run_with_the_instant_that_it_names(berliner: Client) -> None:
    make_timed_flow()
    skipped = berliner.post(START, {**GOOD, "f.at": "2026-03-29T02:30"})
    assert skipped.status_code == 422
    assert "The clocks in Europe/Berlin change" in text_of(skipped)
    berliner.post(START, {**GOOD, "f.at": "2026-07-01T10:00"})
    assert Run.objects.get().input["at"] == "2026-07-01T08:00:00Z"


def test_a_sample_that_nobody_touched_starts_the_run_as_it_is(operator: Client) -> None:
    sample = {"amount": 5.5, "purpose": "car", "tags": ["a\nb"], "urgent": False}
    make_flow(samples={"odd": sample})
    posted = post_untouched(operator.get(START, {"sample": "odd"}).content.decode())
    started = operator.post(START, {name: str(text) for name, text in posted.items()})
    assert started.status_code == 302
    assert Run.objects.get().input == sample


def test_formats_are_checked_by_the_api_too() -> None:
    make_timed_flow()
    api, given = Api(Role.OPERATOR), {"amount": 1, "purpose": "car"}
    refused = api.post("/flows/loan/runs", {"input": {**given, "at": "banana"}})
    assert refused.status_code == 422
    assert not Run.objects.exists()
    assert api.post(
        "/flows/loan/runs", {"input": {**given, "at": "2026-07-01T10:00:00Z"}}
    ).status_code == 201  # fmt: skip


UNFIT = ["2026-03-31", "2026-03-31T09:00:00", "0001-01-01T00:00:00+14:00", "banana",
         "9999-12-31T23:59:59-14:00"]  # fmt: skip


@pytest.mark.parametrize("text", UNFIT)
@pytest.mark.parametrize("name", ["started_from", "started_to"])
def test_a_filter_that_names_no_instant_is_refused(name: str, text: str) -> None:
    refused = Api(Role.OPERATOR).get("/runs", **{name: text})
    assert refused.status_code == 422
    assert problem_of(refused)


@pytest.mark.parametrize("text", UNFIT)
def test_a_page_takes_a_day_and_never_fails_at_a_time(operator: Client, text: str) -> None:
    make_flow()
    found: Any = operator.get("/runs/", {"from": text, "to": text})
    assert found.status_code == 200
