"""The threshold lab: what real runs say of a cutoff, and writing it into the draft."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from flows.graph.operations import normal_form
from flows.lab.estimate import estimate, make_bands
from flows.lab.evidence import Evidence, read_evidence
from flows.lab.thresholds import Threshold, list_thresholds
from flows.models import DraftOperation, Flow, Run, RunStatus
from tests.factories.flows import make_flow
from tests.factories.runs import add_journal, make_run

pytestmark = pytest.mark.django_db
HERE = "/flows/loan/lab/"
STEPS: dict[str, Any] = {
    "score": {"type": "transform", "with": {"output": {"p": "${ input.p }"}}},
    "route": {
        "type": "branch",
        "with": {
            "cases": [
                {"port": "approve", "when": "steps.score.output.p >= 0.8 && input.p < 2.0"},
                {"port": "decline", "when": "steps.score.output.p < 0.3"},
            ],
            "otherwise": "unsure",
        },
    },
    "review": {"type": "review.case", "with": {"queue": "q", "sla": "s", "title": "t"}},
    "yes": {"type": "end", "with": {"outcome": "approved"}},
    "no": {"type": "end", "with": {"outcome": "declined"}},
}
EDGES = [
    "score.done -> route", "route.approve -> yes", "route.decline -> no", "route.unsure -> review",
    "review.approved -> yes", "review.rejected -> no",
]  # fmt: skip
# Value, where it went, and what a person decided.
RUNS = [
    (0.1, "decline", ""), (0.2, "decline", ""), (0.4, "unsure", "declined"),
    (0.55, "unsure", "declined"), (0.6, "unsure", "approved"), (0.65, "unsure", "approved"),
    (0.7, "unsure", "declined"), (0.75, "unsure", "approved"), (0.78, "unsure", ""),
    (0.85, "approve", ""), (0.95, "approve", ""),
]  # fmt: skip


def recorded(flow: Flow, value: float, port: str, decided: str) -> Run:
    usual = {"approve": "approved", "decline": "declined"}.get(port, decided)
    status = RunStatus.COMPLETED if usual else RunStatus.FAILED
    run = make_run(flow, status=status, input={"p": value}, outcome=usual)
    add_journal(run, "step.finished", "score", port="done", data={"p": value})
    add_journal(run, "step.finished", "route", port=port, data={"ports": [port]})
    if decided:
        said = {"outcome": decided, "kind": "person"}
        add_journal(run, "step.finished", "review", port="approved", data=said)
    return run


@pytest.fixture
def flow() -> Flow:
    flow = make_flow(steps=STEPS, edges=EDGES, input={}, output={}, samples={}, layout={})
    for value, port, decided in RUNS:
        recorded(flow, value, port, decided)
    return flow


def evidence_of(flow: Flow, place: int = 0) -> tuple[Evidence, Threshold]:
    document = normal_form(flow.draft)
    threshold = list_thresholds(document)[place]
    ids = list(Run.objects.order_by("pk").values_list("pk", flat=True))
    return read_evidence(document, threshold, ids), threshold


def test_the_estimate_counts_what_brute_force_counts(flow: Flow) -> None:
    evidence, threshold = evidence_of(flow)
    assert (sorted(evidence.people_ports), evidence.unread) == (["unsure"], 0)
    assert evidence.usual == {"approve": "approved", "decline": "declined"}
    for at in (0.0, 0.3, 0.58, 0.7, 0.8, 0.9, 1.0):
        made = estimate(evidence, threshold, at, minutes_each=2)
        # The decline rule comes second: a low cutoff for approval takes from it too.
        unsure = [value for value, _, _ in RUNS if not value >= at and not value < 0.3]
        newly = [(v, d) for v, went, d in RUNS if v >= at and went == "unsure"]
        judged = [decided for _, decided in newly if decided]
        assert made.people == len(unsure)
        assert made.minutes == 2 * len(unsure)
        assert (made.newly, made.judged) == (len(newly), len(judged))
        assert made.wrong == sum(decided != "approved" for decided in judged)
        assert made.low <= made.errors <= made.high <= made.newly


def test_the_other_conditions_of_the_branch_still_hold(flow: Flow) -> None:
    recorded(flow, 3.0, "unsure", "")
    evidence, threshold = evidence_of(flow)
    highest = evidence.points[-1]
    assert (highest.port_if, highest.port_else) == ("unsure", "unsure")
    assert highest.port_at(threshold, 0.1) == "unsure"


def test_runs_without_a_value_are_counted_and_left_out(flow: Flow) -> None:
    make_run(flow, status=RunStatus.FAILED, input={"p": 0.5})
    assert evidence_of(flow)[0].unread == 1


def test_the_bands_hold_every_run_once(flow: Flow) -> None:
    bands = make_bands(evidence_of(flow)[0].points)
    assert sum(band.count for band in bands) == len(RUNS)
    assert sum(sum(band.decided.values()) for band in bands) == 6
    assert (bands[0].start, bands[-1].end) == pytest.approx((0.1, 0.95))


def test_the_page_draws_the_values_with_a_table_and_the_data_for_its_script(
    designer: Client, flow: Flow
) -> None:
    shown = designer.get(f"{HERE}?at=0.6").content.decode()
    assert "<svg" in shown
    assert "Data behind the histogram" in shown
    data = json.loads(shown.partition("data-lab-data>")[2].partition("<")[0].replace("&quot;", '"'))
    assert len(data["points"]) == len(RUNS)
    assert "1.2" not in data["people"]
    assert "1 declined" in shown
    assert " style=" not in shown


def test_applying_a_cutoff_is_an_operation_on_the_draft(designer: Client, flow: Flow) -> None:
    source = "steps.score.output.p >= 0.8 && input.p < 2.0"
    form = {"threshold": "route.0.0", "source": source, "at": "0.65"}
    designer.post(f"{HERE}apply/", form)
    flow.refresh_from_db()
    when = flow.draft["steps"]["route"]["with"]["cases"][0]["when"]
    assert when == "steps.score.output.p >= 0.65 && input.p < 2.0"
    assert DraftOperation.objects.get().operation["op"] == "set_field"
    stale = designer.post(f"{HERE}apply/", form, follow=True).content.decode()
    assert "changed in the meantime" in stale
    assert DraftOperation.objects.count() == 1


def test_a_flow_without_a_cutoff_says_what_one_is(designer: Client) -> None:
    make_flow()
    assert "has no cutoff" in designer.get(HERE).content.decode()


def test_who_may_only_look_cannot_apply(auditor: Client, flow: Flow) -> None:
    assert "Apply to the draft" not in auditor.get(HERE).content.decode()
    assert auditor.post(f"{HERE}apply/", {}).status_code == 403


def test_a_program_reads_the_cutoffs_and_what_one_would_mean(designer: Client, flow: Flow) -> None:
    url = "/api/v1/flows/loan/thresholds"
    assert [each["id"] for each in designer.get(url).json()["items"]] == [
        "route.0.0", "route.0.1", "route.1.0",
    ]  # fmt: skip
    made = designer.get(f"{url}/route.0.0?at=0.6&minutes=2").json()
    assert (made["runs"], made["newly"], made["wrong"]) == (len(RUNS), 5, 1)
    assert made["minutes"] == 2 * made["people"]
    assert sum(band["count"] for band in made["bands"]) == len(RUNS)
    assert designer.get(f"{url}/nowhere.0.0").status_code == 404
    assert designer.get(f"{url}/route.0.0?runs=0").status_code == 422


def test_a_program_runs_the_flows_own_tests(designer: Client, flow: Flow) -> None:
    tests = [{"name": "low", "input": {"p": 0.1}, "expect": {"outcome": "approved"}}]
    flow.draft = {**flow.draft, "tests": tests}
    flow.save()
    answer = designer.post(
        "/api/v1/flows/loan/tests", content_type="application/json",
        headers={"Idempotency-Key": "t1"},
    )  # fmt: skip
    assert answer.status_code == 200
    made = answer.json()
    assert (made["passed"], made["tests"][0]["path"]) == (False, ["score", "route", "no"])
    assert "review" in made["missed_steps"]


@pytest.mark.parametrize("typed", ["1,5", "1.500,00", "many", "9007199254740993"])
def test_a_cutoff_that_is_not_written_as_numbers_are_here_changes_nothing(
    designer: Client, flow: Flow, typed: str
) -> None:
    for name in ("at", "minutes"):
        refused = designer.get(HERE, {"minutes": "4", name: typed})
        assert refused.status_code == 422
        assert (typed if name == "minutes" else "4") in refused.content.decode()
    source = list_thresholds(normal_form(flow.draft))[0].source
    form = {"threshold": "route.0.0", "source": source, "at": typed}
    answer = designer.post(f"{HERE}apply/", form, follow=True).content.decode()
    assert "The draft is as it was." in answer
    assert not DraftOperation.objects.exists()


def test_a_refused_cutoff_is_there_to_be_corrected(designer: Client, flow: Flow) -> None:
    shown = designer.get(HERE, {"at": "0,9"}).content.decode()
    assert re.search(r'name="at"[^>]*value="0,9"', shown)
    source = list_thresholds(normal_form(flow.draft))[0].source
    form = {"threshold": "route.0.0", "source": source, "at": "0,9"}
    shown = designer.post(f"{HERE}apply/", form, follow=True).content.decode()
    assert re.search(r'name="at"[^>]*value="0,9"', shown)
