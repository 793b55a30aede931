"""Webhooks: signed, fresh, once."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from standardwebhooks import Webhook

from flows.models import Run
from flows.services import pause_flow, resume_flow
from flows.triggers.models import Firing, Trigger
from flows.triggers.services import AddedTrigger, create_trigger, set_trigger_enabled
from tests.factories.flows import make_flow
from tests.web.doors.unfit import UNFIT
from workbench.accounts.actors import Actor

pytestmark = pytest.mark.django_db
ACTOR = Actor.system("test")
BODY = json.dumps({"order": {"amount": 1200, "purpose": "car"}, "more": 1})
Post = Callable[..., Any]


@pytest.fixture
def hook() -> AddedTrigger:
    return create_trigger(
        flow=make_flow("loan"),
        kind="webhook",
        title="Orders",
        config={"max_bytes": 500},
        input="${ input.order }",
        actor=ACTOR,
        now=timezone.now(),
    )


@pytest.fixture
def post(hook: AddedTrigger, client: Client) -> Post:
    """Return ``post("m1", age=0, body=…, …headers)``: a message signed with the secret."""

    def send(
        message_id: str = "m1", *, age: float = 0, body: str = BODY, secret: str = "",
        content_type: str = "application/json", **headers: str,
    ) -> Any:  # fmt: skip
        at = timezone.now() - timedelta(seconds=age)
        signature = Webhook(secret or hook.secret).sign(message_id, at, body)
        signed = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signature,
        }
        return client.post(
            f"/hooks/{hook.trigger.public_id}/", body, content_type, headers={**signed, **headers}
        )

    return send


def test_a_signed_message_starts_a_run_with_the_mapped_input(post: Post) -> None:
    answer = post()
    assert answer.status_code == 202
    run = Run.objects.get()
    assert answer.json() == {"run": run.pk, "duplicate": False}
    assert (run.input, run.trigger) == ({"amount": 1200, "purpose": "car"}, "webhook")


def test_a_replay_is_acknowledged_without_a_second_run(post: Post) -> None:
    first, second = post(), post()
    assert (second.status_code, second.json()["duplicate"]) == (200, True)
    assert second.json()["run"] == first.json()["run"]
    assert Run.objects.count() == 1
    assert post("m2").status_code == 202


@pytest.mark.parametrize("age", [400, -400])
def test_an_old_or_future_message_is_refused(post: Post, age: int) -> None:
    answer = post(age=age)
    assert answer.status_code == 401
    assert answer.json()["remedy"]
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": ""},
        {"webhook-id": "another"},
        {"webhook-id": "x" * 300},
        {"webhook-timestamp": "yesterday"},
        {"webhook-timestamp": "nan"},
    ],
)
def test_what_is_not_signed_is_refused(post: Post, headers: dict[str, str]) -> None:
    assert post(**headers).status_code == 401
    assert not Run.objects.exists()
    assert not Firing.objects.exists()


def test_a_message_signed_with_another_secret_is_refused(post: Post) -> None:
    assert post(secret="whsec_" + "QUJD" * 8).status_code == 401


def test_size_type_and_form_are_checked(post: Post) -> None:
    assert post(body=json.dumps("x" * 600)).status_code == 413
    assert post(content_type="text/plain").status_code == 415
    assert post(body="{not json").status_code == 400
    assert not Run.objects.exists()


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_a_value_that_cannot_be_kept_starts_nothing(
    post: Post, hook: AddedTrigger, unfit: str
) -> None:
    Trigger.objects.update(config={"max_bytes": 100_000})
    answer = post(body=f'{{"order": {{"amount": {unfit}}}}}')
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":value-refused")
    assert answer.json()["remedy"]
    assert not Run.objects.exists()
    assert not Firing.objects.exists()


def test_what_the_flow_does_not_take_is_said_and_may_be_sent_again(post: Post) -> None:
    answer = post(body=json.dumps({"order": {"amount": "many", "purpose": "car"}}))
    assert answer.status_code == 422
    assert "amount" in answer.json()["detail"]
    assert Firing.objects.get().outcome == "refused"
    assert post(body=json.dumps({"no": "order"})).status_code == 422
    assert post().status_code == 202


def test_a_paused_flow_asks_the_sender_to_come_again(post: Post, hook: AddedTrigger) -> None:
    flow, now = hook.trigger.flow, timezone.now()
    pause_flow(flow_id=flow.pk, actor=ACTOR, now=now)
    answer = post()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    resume_flow(flow_id=flow.pk, actor=ACTOR, now=now)
    assert post().status_code == 202


def test_a_webhook_that_is_disabled_or_unknown_is_not_found(
    post: Post, hook: AddedTrigger, client: Client
) -> None:
    set_trigger_enabled(trigger_id=hook.trigger.pk, enabled=False, actor=ACTOR, now=timezone.now())
    assert post().status_code == 404
    unknown = "/hooks/00000000-0000-0000-0000-000000000000/"
    assert client.post(unknown, "{}", "application/json").status_code == 404
    assert client.get(unknown).status_code == 405


def test_neither_the_row_nor_the_page_shows_the_secret(
    hook: AddedTrigger, designer: Client
) -> None:
    assert hook.secret.startswith("whsec_")
    row = Trigger.objects.filter(pk=hook.trigger.pk).values().get()
    assert hook.secret not in str(row)
    page = designer.get("/flows/loan/triggers/").content.decode()
    assert str(hook.trigger.public_id) in page
    assert hook.secret not in page
