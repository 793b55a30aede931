"""A step may use a secret, and nothing that is kept shows it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from flows.models import Journal
from flows.runtime.program import forget_programs
from tests.driving import driving, ended, start
from tests.factories.probes import publish_flow
from tests.servers import EffectSink
from workbench.accounts.actors import Actor
from workbench.secrets.services import set_secret

pytestmark = pytest.mark.django_db(transaction=True)
VALUE = "s3cret-value-of-the-key"


@pytest.fixture(autouse=True)
def _secret() -> Iterator[None]:
    forget_programs()
    set_secret(name="KEY", value=VALUE, actor=Actor.system("test"), now=datetime.now(UTC))
    yield
    forget_programs()


def test_a_request_carries_the_secret_and_an_echo_of_it_is_masked(
    effect_sink: EffectSink, settings: Any
) -> None:
    settings.OUTGOING_ALLOWLIST = [effect_sink.host]
    effect_sink.answer = {"you_sent": f"Bearer {VALUE}"}
    call = {"type": "http.request", "url": effect_sink.url, "method": "POST",
            "body": {"key": "${ secrets.KEY }"}}  # fmt: skip
    flow = publish_flow("a -> b", a=call)
    with driving():
        run = ended(start(flow))
    assert run.status == "completed", run.error
    assert effect_sink.bodies == [{"key": VALUE}]
    kept = json.dumps(list(Journal.objects.values_list("data", "provenance")))
    assert VALUE not in kept
    assert "•••" in json.loads(kept)[1][0]["body"]["you_sent"]


def test_a_failure_that_repeats_a_secret_is_masked(effect_sink: EffectSink, settings: Any) -> None:
    call = {"type": "http.request", "url": "http://${ secrets.KEY }.example/"}
    flow = publish_flow("a -> b", a=call)
    with driving():
        run = ended(start(flow))
    assert run.status == "failed"
    assert VALUE not in json.dumps([run.error, *Journal.objects.values_list("data", flat=True)])
    assert "•••" in run.error["message"]


@pytest.mark.parametrize(
    "step",
    [
        {"type": "event.wait", "event": "${ secrets.KEY }"},
        {"type": "end", "outcome": "${ secrets.KEY }"},
        {"type": "transform", "output": {"k": "${ secrets.UNKNOWN }"}},
    ],
)
def test_a_step_fails_where_a_secret_would_be_shown_or_is_unknown(step: dict[str, Any]) -> None:
    flow = publish_flow("a -> b", b=step)
    with driving():
        run = ended(start(flow))
    assert run.status == "failed"
    assert VALUE not in json.dumps([run.error, *Journal.objects.values_list("data", flat=True)])
