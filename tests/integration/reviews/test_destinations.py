"""Notices reach a signed webhook and a chat, and say so when they do not."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook

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


def test_a_chat_is_told_through_apprise(
    now: datetime, service: Service, deliver_outbox: Callable[[], int]
) -> None:
    destination(DestinationKind.CHAT, f"json://{service.address}/json", now)
    case = breach(now)
    deliver_outbox()
    [(_, _, _, body)] = service.requests
    assert json.loads(body)["title"].startswith("Overdue:")
    assert f"/review/cases/{case}/" in json.loads(body)["message"]


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
