"""Large inputs and outputs are kept as artifacts, and nobody who reads them notices."""

import pytest
from django.db import transaction
from django.utils import timezone

from flows.models import Artifact, Journal, Wait
from flows.runtime.artifacts import store_artifact
from flows.runtime.payloads import ESCAPED, MARK, fetch
from flows.selectors import get_journal
from flows.services import InputTooLarge, rerun
from flows.services.runs import resolve_wait
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.probes import publish_flow
from tests.waiting import until

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


@pytest.mark.parametrize("size", [{}, {"size": 100_012}, {ESCAPED: 1}])
def test_data_that_looks_like_a_mark_is_data_all_the_way(size: dict[str, int]) -> None:
    flow = publish_flow(
        "a -> b", "b -> c", "c -> d",
        a={"type": "transform", "output": "${ input }"},
        b={"type": "transform", "output": "${ steps.a.output }"},
        c={"type": "transform", "output": {"again": "${ input }", "made": "${ steps.b.output }"}},
        d={},
        output={MARK: "${ steps.b.output['$artifact'] }", "all": "${ steps.c.output }"},
    )  # fmt: skip
    stored = store_artifact(
        content=b'"of another"', media_type="application/json", name="", now=timezone.now()
    )
    given = {MARK: stored["artifact"], **size}
    with driving():
        run = ended(start(flow, given))
        again = ended(rerun(run_id=run.pk, step="c", actor=ACTOR, now=timezone.now()).run)
    expected = {MARK: stored["artifact"], "all": {"again": given, "made": given}}
    assert run.output == again.output == expected
    assert fetch(run.input) == given
    shown = [row.data for row in get_journal(run.pk) if row.step in {"a", "b"}]
    assert shown == [given, given]


def test_what_a_wait_is_told_may_look_like_a_mark() -> None:
    flow = publish_flow(
        "g -> b", g={"type": "test.gate"},
        b={"type": "transform", "output": {"told": "${ steps.g.output }"}},
        output={"told": "${ steps.b.output.told }"},
    )  # fmt: skip
    told = {MARK: "0" * 64, "size": 1}
    with driving():
        run = start(flow)
        wait = until(lambda: Wait.objects.filter(run=run, state="open").first(), "a wait")
        with transaction.atomic():
            resolve_wait(wait_id=wait.pk, port="done", output=told, now=timezone.now(), actor=ACTOR)
        run = ended(run)
    assert run.output == {"told": told}


def test_a_row_from_before_that_kept_such_data_as_it_was_is_read_as_data() -> None:
    assert fetch({MARK: "0" * 64}) == {MARK: "0" * 64}
    assert fetch({MARK: 5, "more": []}) == {MARK: 5, "more": []}
