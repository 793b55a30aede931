"""Secrets that are older than their uses keep the uses that are made of them, and get no others."""

from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from flows.models import Flow
from flows.triggers.models import Trigger
from tests.factories.probes import publish_flow
from workbench.accounts.actors import Actor
from workbench.secrets.models import Secret
from workbench.secrets.services import set_secret

pytestmark = pytest.mark.django_db
state_uses = import_module("workbench.secrets.migrations.0002_uses").state_uses


def put(name: str) -> None:
    actor, now = Actor.system("test"), timezone.now()
    set_secret(name=name, value="value-of-it", uses=["flow:*"], actor=actor, now=now)


def test_each_secret_gets_what_uses_it() -> None:
    call = {"type": "http.request", "url": "http://a.example/"}
    flow = publish_flow("a -> b", a={**call, "body": "${ secrets.BODY }"})
    headers = {"key": "${ secrets['HEADER'] }"}
    other = Flow.objects.create(
        name="other", title="Other", draft={"steps": {"a": {"with": {"headers": headers}}}},
        created_at=timezone.now(), updated_at=timezone.now(),
    )  # fmt: skip
    for name in ("BODY", "HEADER", "NOBODY", "hook_1", "notice_chat"):
        put(name)
    Trigger.objects.create(
        flow=other, kind="webhook", title="Hook", secret_name="hook_1",
        created_at=timezone.now(), listens_from=timezone.now(), changed_at=timezone.now(),
    )  # fmt: skip
    state_uses(apps, None)
    assert dict(Secret.objects.values_list("name", "uses")) == {
        "BODY": [f"flow:{flow.name}"],
        "HEADER": ["flow:other"],
        "NOBODY": [],
        "hook_1": ["webhook:other"],
        "notice_chat": ["notices"],
    }
