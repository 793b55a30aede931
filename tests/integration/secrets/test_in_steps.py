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


def put(name: str, value: str, *uses: str) -> None:
    actor, now = Actor.system("test"), datetime.now(UTC)
    set_secret(name=name, value=value, uses=uses, actor=actor, now=now)


@pytest.fixture(autouse=True)
def _secret() -> Iterator[None]:
    forget_programs()
    put("KEY", VALUE, "flow:*")
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
    kept = list(Journal.objects.order_by("run", "seq").values_list("kind", "data", "provenance"))
    assert VALUE not in json.dumps(kept)
    [answer] = [data["body"] for kind, data, _ in kept if kind == "step.finished" and data]
    assert "•••" in answer["you_sent"]


def test_a_failure_that_repeats_a_secret_is_masked(effect_sink: EffectSink, settings: Any) -> None:
    call = {
        "type": "http.request",
        "url": effect_sink.url,
        "query": {"key": ["${ secrets.KEY }", {}]},
    }
    flow = publish_flow("a -> b", a=call)
    with driving():
        run = ended(start(flow))
    assert run.status == "failed"
    assert VALUE not in json.dumps([run.error, *Journal.objects.values_list("data", flat=True)])


def test_an_answer_with_a_piece_of_a_secret_is_masked(
    effect_sink: EffectSink, settings: Any
) -> None:
    settings.OUTGOING_ALLOWLIST = [effect_sink.host]
    effect_sink.answer = {"halves": [VALUE[:11], VALUE[11:]], "words": "a key of the house"}
    call = {"type": "http.request", "url": effect_sink.url, "method": "POST",
            "headers": {"Authorization": "Bearer ${ secrets.KEY }"}}  # fmt: skip
    flow = publish_flow("a -> b", a=call)
    with driving():
        run = ended(start(flow))
    assert run.status == "completed", run.error
    body = Journal.objects.get(run=run, step="a", kind="step.finished").data["body"]
    assert body == {"halves": ["•••", "•••"], "words": "a key of the house"}


def test_a_secret_of_another_flow_is_not_given(effect_sink: EffectSink, settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = [effect_sink.host]
    put("THEIRS", "the-key-of-theirs", "flow:theirs")
    call = {"type": "http.request", "url": effect_sink.url, "method": "POST",
            "body": "${ secrets.THEIRS }"}  # fmt: skip
    flow = publish_flow("a -> b", a=call)
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"]) == ("failed", "secret")
    assert "may not be used for flow:" in run.error["message"]
    assert effect_sink.bodies == []


def test_the_key_of_a_webhook_is_read_by_no_step(effect_sink: EffectSink, settings: Any) -> None:
    settings.OUTGOING_ALLOWLIST = [effect_sink.host]
    call = {"type": "http.request", "url": effect_sink.url, "method": "POST"}
    flow = publish_flow("a -> b", a={**call, "body": "${ secrets.HOOK }"})
    put("HOOK", "the-key-of-a-webhook", f"webhook:{flow.name}")
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"]) == ("failed", "secret")
    assert effect_sink.bodies == []


@pytest.mark.parametrize(
    "step",
    [
        {"type": "event.wait", "event": "${ secrets.KEY }"},
        {"type": "end", "outcome": "${ secrets.KEY }"},
        {"type": "transform", "output": {"k": "${ secrets.UNKNOWN }"}},
        {"type": "transform", "output": {"k": "${ secrets.KEY }"}},
        {"type": "transform", "output": {"k": "${ secrets.KEY.split('') }"}},
        {"type": "transform", "output": {"k": "${ secrets.KEY.substring(0, 2) }"}},
        {"type": "transform", "output": {"k": "${ size(secrets.KEY) }"}},
        {"type": "transform", "output": {"k": "${ secrets.KEY.startsWith('s3') }"}},
        {"type": "http.request", "url": "http://${ secrets.KEY }.example/"},
        {"type": "http.request", "url": "http://a.example/", "body": "${ secrets.KEY.split('-') }"},
        {"type": "http.request", "url": "http://a.example/", "method": "${ secrets.KEY }"},
    ],
)
def test_a_step_fails_where_a_secret_would_be_shown_or_is_unknown(step: dict[str, Any]) -> None:
    flow = publish_flow("a -> b", b=step)
    with driving():
        run = ended(start(flow))
    assert run.status == "failed"
    assert VALUE not in json.dumps([run.error, *Journal.objects.values_list("data", flat=True)])
