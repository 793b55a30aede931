"""The page of a flow's triggers."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from flows.triggers.firing import fire
from flows.triggers.models import Trigger
from flows.triggers.services import create_trigger
from tests.factories.flows import make_flow
from tests.web.pages import revision_on
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
LIST = "/flows/loan/triggers/"


def test_a_designer_adds_changes_and_removes_a_schedule(designer: Client) -> None:
    make_flow("loan")
    assert "No triggers yet" in designer.get(LIST).content.decode()
    form = {"title": "Nightly", "cron": "0 2 * * *", "zone": "Europe/Berlin", "missed": "once",
            "most": "5", "input": '{"amount": 1, "purpose": "car"}'}  # fmt: skip
    assert designer.post(f"{LIST}new/schedule/", form).status_code == 302
    trigger = Trigger.objects.get()
    assert trigger.config["missed"] == "once"
    page = designer.get(f"{LIST}{trigger.pk}/")
    assert "Europe/Berlin" in page.content.decode()
    known = revision_on(designer, f"{LIST}{trigger.pk}/")
    changed = designer.post(f"{LIST}{trigger.pk}/", {**form, "title": "Weekly", "revision": known})
    assert changed.status_code == 302
    designer.post(f"{LIST}{trigger.pk}/switch/", {"enabled": "0"})
    trigger.refresh_from_db()
    assert (trigger.title, trigger.enabled) == ("Weekly", False)
    known = revision_on(designer, f"{LIST}{trigger.pk}/")
    designer.post(f"{LIST}{trigger.pk}/delete/", {"revision": known})
    assert not Trigger.objects.exists()


@pytest.mark.parametrize(
    ("kind", "form", "said"),
    [
        (
            "schedule",
            {"cron": "nonsense", "zone": "UTC", "missed": "skip", "most": "1"},
            "cron line",
        ),
        (
            "schedule",
            {"cron": "0 7 * * *", "zone": "Nowhere", "missed": "skip", "most": "1"},
            "zone",
        ),
        ("event", {"event": "x", "filter": "input.a >"}, "filter"),
        ("flow", {"flow": "nowhere", "on": "completed"}, "no flow"),
        ("webhook", {"max_bytes": "100", "input": "{no json"}, "not JSON"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    designer: Client, kind: str, form: dict[str, Any], said: str
) -> None:
    make_flow("loan")
    answer = designer.post(f"{LIST}new/{kind}/", {"title": "t", "input": "{}", **form})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Trigger.objects.exists()


def test_a_webhooks_secret_is_shown_once(designer: Client) -> None:
    make_flow("loan")
    form = {"title": "Orders", "max_bytes": "1000", "input": '"${ input }"'}
    answer = designer.post(f"{LIST}new/webhook/", form)
    assert "whsec_" in answer.content.decode()
    assert answer.headers["Cache-Control"].startswith("max-age=0")
    trigger = Trigger.objects.get()
    for url in (LIST, f"{LIST}{trigger.pk}/"):
        assert "whsec_" not in designer.get(url).content.decode()


def test_firings_are_listed_and_the_queries_do_not_grow(
    auditor: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    flow = make_flow("loan")
    for number in range(8):
        trigger = create_trigger(
            flow=flow, kind="event", title=f"t{number}", config={"event": "e"},
            actor=Actor.system("test"), now=timezone.now(),
        ).trigger  # fmt: skip
        fire(trigger=trigger, key="k", given={"amount": 5, "purpose": "car"}, now=timezone.now())
        fire(trigger=trigger, key="bad", given={}, now=timezone.now())
    with django_assert_max_num_queries(12):
        page = auditor.get(LIST).content.decode()
    assert page.count("Started a run") == 8
    assert page.count("Refused") == 8
    # Who may not publish sees no way to change anything.
    assert "switch/" not in page


def test_who_may_not_publish_changes_nothing(
    auditor: Client, client_of: Callable[..., Client]
) -> None:
    make_flow("loan")
    assert auditor.get(f"{LIST}new/webhook/").status_code == 403
    other = client_of(Role.DESIGNER, flow="other")
    assert other.get(LIST).status_code == 403
