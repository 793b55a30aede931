"""Prompts in flows: pinned when the flow is published, filled by what is pinned, compared."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from flows.assets.contents import CONTENTS
from flows.assets.selectors import list_users
from flows.backtest.selectors import choose_runs
from flows.backtest.services import Choice, play_part, start_backtest
from flows.engine import events
from flows.models import Journal
from flows.runtime.program import forget_programs
from flows.selectors.run_filters import RunFilters
from flows.services.errors import FlowInvalid, NothingChanged
from flows.services.ledger_check import check_versions, compute_document_digest
from flows.steps.pins import list_newer_pins
from tests.driving import driving, start
from tests.factories import prompts
from tests.factories.probes import publish_flow
from tests.factories.prompts import make_prompt, make_prompted_flow, publish_again, reword
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_is_cached() -> Iterator[None]:
    CONTENTS.forget()
    forget_programs()
    prompts.asked.clear()
    yield
    CONTENTS.forget()


def run_all(flow: Any, *letters: str) -> list[Any]:
    runs = [start(flow, {"letter": letter}) for letter in letters]
    with driving(riders=2):
        for run in runs:
            until(lambda run=run: _is_over(run), "the run to end")
    return runs


def _is_over(run: Any) -> bool:
    run.refresh_from_db()
    return bool(run.status != "running")


def test_a_flows_version_keeps_the_released_number_of_its_prompt() -> None:
    prompt = make_prompt()
    flow = make_prompted_flow()
    assert flow.released.pins == {"prompt/triage": 1}

    reword(prompt, "Anew: {letter} {notes}")
    (run,) = run_all(flow, "No card")

    assert run.outcome == "triage@1"
    row = Journal.objects.get(run=run, step="sort", kind=events.STEP_FINISHED)
    assert row.provenance["prompt"] == "triage@1"


def test_the_same_document_is_published_again_with_newer_prompts_and_only_then() -> None:
    prompt = make_prompt()
    flow = make_prompted_flow()
    with pytest.raises(NothingChanged):
        publish_again(flow)

    reword(prompt, "Anew: {letter} {notes}")
    flow.refresh_from_db()
    (newer,) = list_newer_pins(flow.released.pins)
    assert (newer.name, newer.pinned, newer.released) == ("triage", 1, 2)
    second = publish_again(flow)

    flow.refresh_from_db()
    assert second.pins == {"prompt/triage": 2}
    assert second.document == flow.versions.get(number=1).document
    assert second.digest != flow.versions.get(number=1).digest
    assert list_newer_pins(second.pins) == []
    assert run_all(flow, "x")[0].outcome == "triage@2"


def test_a_prompt_lists_the_released_flows_that_are_pinned_to_it() -> None:
    prompt = make_prompt()
    make_prompted_flow()
    reword(prompt, "Anew: {letter} {notes}")
    make_prompted_flow("other")

    found = {each.flow: each.number for each in list_users(prompt)}

    assert found == {"letters": 1, "other": 2}


def test_a_prompt_that_is_unknown_or_not_released_is_a_problem_of_the_flow() -> None:
    make_prompt("ready", publish=False)
    for name, code in (("absent", "asset.unknown"), ("ready", "asset.not_released")):
        with pytest.raises(FlowInvalid) as refused:
            make_prompted_flow(f"flow-{name}", name)
        (problem,) = refused.value.problems
        assert (problem.code, problem.step) == (code, "sort")
        assert name in problem.message


def test_the_digest_of_a_flow_without_prompts_is_that_of_its_document() -> None:
    flow = publish_flow("a -> b")
    version = publish_again(flow)
    assert version.pins == {}
    assert version.digest == compute_document_digest(version.document)
    payloads = json.dumps(_list_payloads("kit"))
    assert "pins" not in payloads


def _list_payloads(flow: str) -> list[Any]:
    from workbench.audit.models import Entry
    from workbench.audit.selectors import payload_of

    entries = Entry.objects.filter(subject_kind="flow", subject_id=flow)
    return [payload_of(each) for each in entries]


def test_the_ledger_knows_what_a_version_was_pinned_to() -> None:
    make_prompt()
    flow = make_prompted_flow()
    assert list(check_versions()) == []

    flow.versions.update(pins={"prompt/triage": 7})

    assert len(list(check_versions())) == 1


def test_a_kept_result_of_one_version_of_a_prompt_does_not_serve_another() -> None:
    prompt = make_prompt()
    flow = make_prompted_flow(cache={"ttl_seconds": 3600})
    run_all(flow, "same")
    run_all(flow, "same")
    assert [label for label, _ in prompts.asked] == ["triage@1"]

    reword(prompt, "Anew: {letter} {notes}")
    publish_again(flow)
    flow.refresh_from_db()
    run_all(flow, "same")

    assert [label for label, _ in prompts.asked] == ["triage@1", "triage@2"]


def backtest(flow: Any, **choice: Any) -> Any:
    run_ids = choose_runs(flow, RunFilters(flow=flow.name), most=100)
    made = start_backtest(
        flow=flow, choice=Choice(run_ids, "all", **choice), author=None, now=timezone.now(),
        queued=False,
    )  # fmt: skip
    while play_part(backtest_id=made.pk, now=timezone.now(), queued=False):
        pass
    made.refresh_from_db()
    return made


def test_a_backtest_takes_recorded_answers_for_an_unchanged_prompt() -> None:
    make_prompt()
    flow = make_prompted_flow()
    run_all(flow, "a", "b")
    prompts.asked.clear()

    made = backtest(flow, calls_allowed=10)

    assert made.pins == {"prompt/triage": 1}
    assert made.summary["kinds"]["same"] == 2
    assert (made.calls_made, prompts.asked) == (0, [])


def test_a_backtest_asks_the_model_where_the_prompt_changed() -> None:
    prompt = make_prompt()
    flow = make_prompted_flow()
    run_all(flow, "a", "b")
    prompts.asked.clear()
    reword(prompt, "Anew: {letter} {notes}")

    made = backtest(flow, calls_allowed=10)

    assert made.pins == {"prompt/triage": 2}
    assert sorted(prompts.asked) == [
        ("triage@2", 'Anew: a ["new"]'), ("triage@2", 'Anew: b ["new"]'),
    ]  # fmt: skip
    assert made.calls_made == 2
    assert made.summary["kinds"]["flipped"] == 2
    assert made.summary["noisy"] == 0


def test_without_calls_a_backtest_says_that_it_assumed_the_answers_of_the_older_prompt() -> None:
    prompt = make_prompt()
    flow = make_prompted_flow()
    run_all(flow, "a")
    reword(prompt, "Anew: {letter} {notes}")

    made = backtest(flow)

    assert made.summary["assumed"] == {"sort": 1}
    assert made.calls_made == 0
