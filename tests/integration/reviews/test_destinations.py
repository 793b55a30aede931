"""Notices reach a signed webhook and a chat, and say so when they do not."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

from flows.steps.base import StepFailure
from reviews.errors import SettingsInvalid
from reviews.models.notices import Destination, DestinationKind
from reviews.notices.delivery import send_to_destination
from reviews.notices.services import save_destination
from reviews.services.due_acts import perform_due_acts
from tests.factories.cases import make_case
from tests.factories.people import make_person
from tests.factories.queues import make_policy, make_queue
from tests.integration.steps.servers import Service
from workbench.accounts.actors import Actor
from workbench.accounts.models import Role
from workbench.dispatch.models import Outbox

pytestmark = pytest.mark.django_db
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture(autouse=True)
def office() -> None:
    make_queue()
    make_person("lea", Role.LEAD)
    make_policy(due_minutes=60)


def destination(kind: str, key: str, now: datetime, address: str = "") -> Destination:
    values = {
        "title": "Ops", "kind": kind, "address": address, "kinds": ["breached"], "queue": None,
        "enabled": True,
    }  # fmt: skip
    return save_destination(
        name=f"ops-{kind}", values=values, key=key, actor=Actor.system("test"), now=now
    )


def breach(now: datetime) -> int:
    case = make_case(now)
    perform_due_acts(now + timedelta(minutes=60))
    return case.pk


def test_a_webhook_is_called_with_a_signature_and_an_id_that_stays(
    now: datetime, service: Service, deliver_outbox: Callable[[], int]
) -> None:
    destination(DestinationKind.WEBHOOK, KEY, now, service.url("/json"))
    case = breach(now)
    row = Outbox.objects.get(job="reviews.send_to_destination")
    deliver_outbox()
    [(method, _, headers, body)] = service.requests
    assert (method, headers["webhook-id"]) == ("POST", f"notice_{row.pk}")
    told = Webhook(KEY).verify(body, headers)
    assert (told["type"], told["data"]["case"]) == ("case.breached", case)
    # What the case shows is nobody's business there.
    assert "Ahlers" not in body.decode()
    assert Destination.objects.get().last_error == ""


def test_a_chat_is_told(now: datetime, service: Service, deliver_outbox: Callable[[], int]) -> None:
    destination(DestinationKind.CHAT, f"json://{service.address}/json", now)
    case = breach(now)
    deliver_outbox()
    [(_, _, _, body)] = service.requests
    assert json.loads(body)["title"].startswith("Overdue:")
    assert f"/review/cases/{case}/" in json.loads(body)["message"]


@pytest.mark.parametrize("form", ["json", "slack+http", "teams+http", "mattermost+http", "http"])
def test_a_chat_inside_is_never_reached_through_a_list_that_names_no_port(
    now: datetime, service: Service, settings: Any, form: str
) -> None:
    kept = destination(DestinationKind.CHAT, f"{form}://{service.address}/json", now)
    settings.OUTGOING_ALLOWLIST = ["*"]
    args = {"destination": kept.pk, "case": breach(now), "kind": "breached", "outbox_id": 1}
    with pytest.raises(StepFailure, match="private network"):
        send_to_destination(args, now)
    assert service.requests == []


@pytest.mark.parametrize("kind", [DestinationKind.CHAT, DestinationKind.WEBHOOK])
def test_no_destination_is_followed_to_another_address(
    now: datetime, service: Service, kind: str
) -> None:
    where = service.url("/redirect")
    is_chat = kind == DestinationKind.CHAT
    kept = destination(kind, where if is_chat else KEY, now, "" if is_chat else where)
    args = {"destination": kept.pk, "case": breach(now), "kind": "breached", "outbox_id": 1}
    with pytest.raises(StepFailure, match="Redirects are not followed"):
        send_to_destination(args, now)
    assert len(service.requests) == 1


def test_the_key_in_a_chats_address_stays_out_of_what_is_said(
    now: datetime, service: Service, settings: Any
) -> None:
    kept = destination(DestinationKind.CHAT, f"http://{service.address}/error?k=geheim", now)
    case = breach(now)
    args = {"destination": kept.pk, "case": case, "kind": "breached", "outbox_id": 1}
    for allowed in ([service.address], []):
        settings.OUTGOING_ALLOWLIST = allowed
        with pytest.raises(StepFailure):
            send_to_destination(args, now)
        said = Destination.objects.get().last_error
        assert service.host in said
        assert "geheim" not in said
        assert "/error" not in said


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/x", "http://[::7f00:1]/", "ftp://host/x"])
def test_a_webhook_that_may_not_be_called_is_refused_when_it_is_saved(
    now: datetime, settings: Any, address: str
) -> None:
    settings.OUTGOING_ALLOWLIST = ["*"]
    with pytest.raises(SettingsInvalid) as caught:
        destination(DestinationKind.WEBHOOK, KEY, now, address)
    assert list(caught.value.problems) == ["address"]
    assert not Destination.objects.exists()


def test_what_cannot_be_delivered_is_said_and_tried_again(
    now: datetime, service: Service, deliver_outbox: Callable[[], int]
) -> None:
    destination(DestinationKind.WEBHOOK, KEY, now, service.url("/error"))
    breach(now)
    deliver_outbox()
    assert "answered 500" in Destination.objects.get().last_error
    assert Outbox.objects.filter(job="reviews.send_to_destination", attempts=1).exists()


def test_an_address_that_is_not_allowed_is_never_called(
    now: datetime, service: Service, settings: Any
) -> None:
    kept = destination(DestinationKind.CHAT, f"json://{service.address}/json", now)
    settings.OUTGOING_ALLOWLIST = []
    case = breach(now)
    with pytest.raises(Exception, match="not allowed"):
        send_to_destination(
            {"destination": kept.pk, "case": case, "kind": "breached", "outbox_id": 1}, now
        )
    assert service.requests == []


def test_a_destination_hears_only_of_its_queue_and_kinds(now: datetime, service: Service) -> None:
    kept = destination(DestinationKind.WEBHOOK, KEY, now, service.url("/json"))
    Destination.objects.filter(pk=kept.pk).update(queue=make_queue("claims"))
    breach(now)
    Destination.objects.filter(pk=kept.pk).update(queue=None, kinds=["escalated"])
    breach(now)
    assert not Outbox.objects.filter(job="reviews.send_to_destination").exists()


def test_saving_leaves_what_a_delivery_wrote_meanwhile(now: datetime, settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = ["chat.example:80"]
    kept = destination(DestinationKind.CHAT, "json://chat.example/json", now)
    Destination.objects.update(last_error="It answered 500.", last_at=now)
    values = {name: getattr(kept, name) for name in ("kind", "address", "kinds", "queue")}
    values |= {"title": "Operations", "enabled": True}
    actor = Actor.system("test")
    save_destination(name=kept.name, values=values, key="", actor=actor, now=now, destination=kept)
    found = Destination.objects.get()
    assert (found.title, found.last_error, found.last_at) == ("Operations", "It answered 500.", now)
