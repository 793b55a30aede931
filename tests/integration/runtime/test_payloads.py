"""Large inputs and outputs are kept as artifacts, and nobody who reads them notices."""

import pytest
from django.utils import timezone

from flows.models import Artifact, Journal
from flows.runtime.payloads import MARK
from flows.services import InputTooLarge, rerun
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow

pytestmark = pytest.mark.django_db(transaction=True)

LARGE = "x" * 100_000


def test_a_large_output_is_an_artifact_and_later_steps_read_it_whole() -> None:
    flow = publish_flow(
        "a -> b", "b -> c", a={"give": {"text": LARGE}},
        c={"type": "transform", "output": {"size": "${ size(steps.a.output.text) }"}},
        output={"size": "${ steps.c.output.size }"},
    )  # fmt: skip
    with driving():
        run = ended(start(flow))
    assert run.output == {"size": len(LARGE)}
    data = Journal.objects.get(run_id=run.pk, step="a").data
    assert Artifact.objects.filter(digest=data[MARK]).exists()


def test_a_large_input_is_an_artifact_and_a_rerun_has_it_too() -> None:
    flow = publish_flow(
        "a -> b", b={"type": "transform", "output": "${ size(input.text) }"},
        output={"size": "${ steps.b.output }"},
    )  # fmt: skip
    with driving():
        run = ended(start(flow, {"text": LARGE}))
        again = ended(rerun(run_id=run.pk, step=None, actor=ACTOR, now=timezone.now()).run)
    assert run.output == again.output == {"size": len(LARGE)}
    assert MARK in run.input


def test_what_is_too_large_is_refused_or_fails_its_step(settings: pytest.FixtureRequest) -> None:
    settings.MAX_PAYLOAD_BYTES = 200_000  # type: ignore[attr-defined]
    flow = publish_flow("a -> b", a={"give": {"text": LARGE * 3}})
    with pytest.raises(InputTooLarge, match="at most 200,000"):
        start(flow, {"text": LARGE * 3})
    with driving():
        run = ended(start(flow))
    assert (run.status, run.error["kind"]) == ("failed", "contract")
    assert "artifact" in run.error["message"]
