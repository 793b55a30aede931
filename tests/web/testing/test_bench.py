"""The test drawer: try the draft, pin, decide, keep and run tests; what its expressions give."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from flows.models import Flow
from tests.factories.flows import make_flow
from tests.factories.runs import make_completed_run
from tests.web.pages import text_of
from workbench.accounts.models import Role

pytestmark = pytest.mark.django_db
HERE = "/flows/loan/edit/test/"
STEPS: dict[str, Any] = {
    "score": {"type": "transform", "title": "Score", "with": {"output": {"p": "${ input.p }"}}},
    "route": {
        "type": "branch",
        "with": {
            "cases": [{"port": "clear", "when": "steps.score.output.p >= 0.8"}],
            "otherwise": "unsure",
        },
    },
    "review": {
        "type": "review.case",
        "title": "Look",
        "with": {
            "queue": "underwriting", "sla": "standard", "title": "Loan ${ input.p }",
            "show": [{"title": "Facts", "fields": [
                {"key": "p", "label": "P", "value": "${ steps.score.output.p }"}]}],
        },
    },
    "tell": {"type": "notify", "with": {"to": ["a@example.com"], "subject": "s", "body": "b"}},
    "end": {"type": "end", "with": {"outcome": "told"}},
}  # fmt: skip
EDGES = [
    "score.done -> route", "route.clear -> tell", "route.unsure -> review",
    "review.approved -> tell", "tell.done -> end",
]  # fmt: skip


@pytest.fixture
def flow() -> Flow:
    samples = {"good": {"p": 0.9}, "unsure": {"p": 0.5}}
    return make_flow(steps=STEPS, edges=EDGES, samples=samples, input={}, output={}, layout={})


def play(client: Client, act: str = "all", **form: Any) -> str:
    given = {"input": '{"p": 0.9}', **form, "act": act}
    response = client.post(f"{HERE}play/", given)
    assert response.status_code == 200
    return text_of(response)


def field(html: str, name: str) -> Any:
    """Return the JSON in a hidden text area."""
    from html import unescape

    return json.loads(unescape(html.partition(f'name="{name}"')[2].partition(">")[2].split("<")[0]))


def statuses(html: str) -> Any:
    from html import unescape

    return json.loads(unescape(html.partition("data-statuses>")[2].partition("</template>")[0]))


def test_the_drawer_opens_with_the_first_sample(designer: Client, flow: Flow) -> None:
    shown = text_of(designer.get(HERE))
    assert '<option value="good" selected>' in shown
    assert "&quot;p&quot;: 0.9" in shown


def test_running_all_shows_each_step_and_sends_nothing(designer: Client, flow: Flow) -> None:
    shown = play(designer)
    assert "as <strong>told</strong>" in shown
    assert "Not called" in shown
    assert mail.outbox == []
    states = statuses(shown)
    assert {name: each["state"] for name, each in states["steps"].items()} == {
        "score": "done", "route": "done", "tell": "done", "end": "done",
    }  # fmt: skip
    assert states["edges"]["route.clear -> tell"] == {"state": "taken", "count": 1}


def test_a_checkpoint_asks_and_goes_on_with_the_answer(designer: Client, flow: Flow) -> None:
    asked = play(designer, input='{"p": 0.5}')
    assert 'value="decide:review:approved"' in asked
    assert statuses(asked)["steps"]["review"]["state"] == "waiting_for_person"
    answer = {"outcome": "", "fields": {"p": 0.7}}
    went_on = play(
        designer, "decide:review:approved", input='{"p": 0.5}', decisions="{}",
        **{"decision.review": json.dumps(answer)},
    )  # fmt: skip
    assert "Decided by you" in went_on
    assert field(went_on, "decisions")["review"] == [
        {"port": "approved", "output": {"outcome": "approved", "fields": {"p": 0.7}}}
    ]


def test_a_pinned_output_stands_in_and_can_be_changed(designer: Client, flow: Flow) -> None:
    known = json.dumps({"score": {"port": "done", "output": {"p": 0.9}}})
    pinned = play(designer, "pin:score", known=known)
    assert field(pinned, "pins") == {"score": {"port": "done", "output": {"p": 0.9}}}
    changed = play(designer, pins=json.dumps(field(pinned, "pins")), **{"pin.score": '{"p": 0.1}'})
    assert statuses(changed)["steps"]["review"]["state"] == "waiting_for_person"


def test_running_to_a_step_goes_no_further(designer: Client, flow: Flow) -> None:
    assert statuses(play(designer, "to", step="route"))["steps"].keys() == {"score", "route"}


def test_one_step_alone_takes_what_the_others_gave_last_time(designer: Client, flow: Flow) -> None:
    known = json.dumps({"score": {"port": "done", "output": {"p": 0.95}}})
    alone = play(designer, "only", step="route", input="{}", known=known)
    assert statuses(alone)["steps"].keys() == {"route"}
    assert "clear in" in statuses(alone)["steps"]["route"]["note"]
    assert field(alone, "known") == json.loads(known)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"input": "{oops"}, "not JSON"),
        ({"act": "to", "step": ""}, "Select one step"),
        ({"act": "save", "test_name": ""}, "Give the test a name"),
    ],
)
def test_what_cannot_be_played_is_told_and_kept(
    designer: Client, flow: Flow, form: dict[str, str], said: str
) -> None:
    shown = play(designer, **{"act": "all", **form})
    assert said in shown


def test_what_happened_is_kept_as_a_test_that_passes(designer: Client, flow: Flow) -> None:
    decided = {"review": [{"port": "approved", "output": {"outcome": "approved"}}]}
    said = play(
        designer, "save", sample="unsure", input='{"p": 0.5}', decisions=json.dumps(decided),
        test_name="An unsure one is told once approved",
    )  # fmt: skip
    assert "Kept as test 1" in said
    flow.refresh_from_db()
    [kept] = flow.draft["tests"]
    assert (kept["input"], kept["decisions"]) == ("unsure", decided)
    assert kept["stubs"].keys() == {"tell"}
    assert kept["expect"]["outcome"] == "told"
    ran = text_of(designer.post(f"{HERE}tests/play/"))
    assert "All 1 pass" in ran
    opened = play(designer, "load:0")
    assert field(opened, "decisions") == decided


def test_a_test_that_fails_says_why_and_can_be_removed(designer: Client, flow: Flow) -> None:
    flow.draft = {**flow.draft, "tests": [
        {"name": "wrong", "input": "good", "stubs": {"tell": {"output": {}}},
         "expect": {"outcome": "lost"}}]}  # fmt: skip
    flow.save()
    assert "Its outcome is &#x27;told&#x27;" in text_of(designer.post(f"{HERE}tests/play/"))
    designer.post(f"{HERE}tests/0/delete/", {"test": "other"})
    flow.refresh_from_db()
    assert len(flow.draft["tests"]) == 1
    designer.post(f"{HERE}tests/0/delete/", {"test": "wrong"})
    flow.refresh_from_db()
    assert flow.draft["tests"] == []


def test_coverage_counts_tests_and_real_runs(designer: Client) -> None:
    flow = make_flow()
    make_completed_run(flow)
    real = designer.get(f"{HERE}coverage.json?by=traffic").json()
    assert real["edges"] == {"fee.done -> settle": {"state": "taken", "count": 1}}
    by_tests = designer.get(f"{HERE}coverage.json?by=tests").json()
    assert by_tests["steps"]["fee"] == {"state": "skipped", "note": "Never reached"}


def test_who_may_only_look_plays_nothing(auditor: Client, flow: Flow) -> None:
    assert auditor.get(HERE).status_code == 200
    assert auditor.post(f"{HERE}play/", {"act": "all"}).status_code == 403


# --- Previews in the inspector ---


def evaluate(client: Client, step: str, text: str, kind: str = "bare") -> Any:
    return client.post(
        "/flows/loan/edit/evaluate/", {"step": step, "text": text, "kind": kind}
    ).json()


def test_an_expression_is_tried_on_the_last_run(designer: Client) -> None:
    run = make_completed_run(make_flow())
    made = evaluate(designer, "settle", "double(input.amount) * 2.0 + double(steps.fee.output.fee)")
    assert made == {"value": "2424.0", "type": "number", "run": run.pk}
    mixed = evaluate(designer, "settle", "For ${ input.purpose }", "text")
    assert (mixed["value"], mixed["type"]) == ('"For car"', "string")
    assert "error" in evaluate(designer, "settle", "steps.nowhere.output")


def test_without_a_run_there_is_nothing_to_try_on(designer: Client, flow: Flow) -> None:
    assert evaluate(designer, "score", "input.p") == {"error": "No run yet to try it on."}


def test_a_completion_says_what_the_value_was(designer: Client) -> None:
    make_completed_run(make_flow())
    shown = text_of(designer.get("/flows/loan/edit/inspector/?step=settle"))
    assert "number 1200" in shown


def test_a_checkpoint_is_previewed_as_the_case_on_the_last_run(
    designer: Client, flow: Flow
) -> None:
    make_completed_run(flow, input={"p": 0.5})
    shown = text_of(designer.get("/flows/loan/edit/preview/review/"))
    assert "On run" in shown or "Loan 0.5" in shown


def test_a_preview_says_what_keeps_it_from_being_shown(
    client_of: Callable[..., Client], flow: Flow
) -> None:
    designer = client_of(Role.DESIGNER)
    assert "No run yet" in text_of(designer.get("/flows/loan/edit/preview/review/"))
    assert designer.get("/flows/loan/edit/preview/nowhere/").status_code == 404
