"""Flows that decide by a table: which row decided, by which version, and how often."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.assets.contents import CONTENTS
from flows.assets.errors import AssetInvalid, AssetTestsFailed
from flows.assets.selectors import get_asset
from flows.assets.tables.coverage import count_hits
from flows.engine import events
from flows.models import Journal, RunStatus
from flows.selectors import list_made_by
from flows.services import publish_version
from flows.services.errors import FlowInvalid
from flows.steps.base import StepContext, StepFailure
from flows.steps.registry import get_step_type
from tests.driving import driving, ended, start
from tests.factories.people import ACTOR
from tests.factories.tables import LIMITS, make_limited_flow, make_table, publish_table

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh_contents() -> None:
    CONTENTS.forget()


def test_the_row_that_decided_stands_in_the_journal_and_the_provenance() -> None:
    make_table()
    flow = make_limited_flow()
    with driving():
        run = ended(start(flow, {"amount": 500, "region": "east"}))
    assert run.outcome == "500"
    row = Journal.objects.get(run=run, kind="step.finished", step="decide")
    assert row.data == {
        "result": 500,
        "rows": [{"id": "r1", "number": 1, "note": "Small"}],
        "default": False,
        "table": "limits@1",
        "reasons": [{"label": "Row 1 of limits@1", "contribution": 0.0, "detail": "Small"}],
    }
    assert row.provenance == {"provider": "table", "table": "limits@1", "rows": ["r1"]}
    assert list_made_by(run.pk).models == [
        {"step": "decide", "provider": "table", "table": "limits@1", "rows": ["r1"]}
    ]


def test_a_flow_stays_on_the_version_that_it_was_published_with() -> None:
    asset = make_table()
    flow = make_limited_flow()
    rows = [{"id": "r1", "when": ["-", "-"], "then": ["1"]}]
    publish_table(asset, rows=rows, tests=[])
    with driving():
        before = ended(start(flow, {"amount": 500, "region": "east"}))
        publish_version(
            flow_id=flow.pk, revision=flow.draft_revision, note="Again", author=None, actor=ACTOR,
            now=timezone.now(),
        )  # fmt: skip
        flow.refresh_from_db()
        after = ended(start(flow, {"amount": 500, "region": "east"}))
    assert (before.outcome, after.outcome) == ("500", "1")


def test_where_no_row_matches_it_leaves_by_its_own_port_or_fails() -> None:
    make_table()
    flow = make_limited_flow()
    with driving():
        run = ended(start(flow, {"amount": 2000, "region": "east"}))
    assert run.outcome == "refused"
    row = Journal.objects.get(run=run, kind="step.finished", step="decide")
    assert (row.port, row.data["rows"], row.provenance["rows"]) == ("none", [], [])


def test_without_that_port_the_run_fails_and_says_what_is_missing() -> None:
    make_table()
    flow = make_limited_flow(none=False)
    with driving():
        run = ended(start(flow, {"amount": 2000, "region": "east"}))
    assert run.status == RunStatus.FAILED
    failed = Journal.objects.filter(run=run, kind=events.STEP_FAILED).get()
    assert failed.data["kind"] == "none"
    assert "No row of limits@1 matches" in failed.data["message"]


def run_step(inputs: Any) -> Any:
    type_: Any = get_step_type("rules.table")
    ctx = StepContext(
        run_id=1, flow="loans", version=1, step_id="decide", token_id=1, activation=1, attempt=1,
        input={}, bindings={}, now=timezone.now(), pins={"table/limits": 1},
    )  # fmt: skip
    return type_.run(ctx, type_.Config(table="limits", inputs=inputs))


def test_inputs_that_the_table_refuses_fail_the_step_by_their_name() -> None:
    make_table()
    for inputs, words in (
        ({"amount": "much", "region": "east"}, "limits@1, Amount: 'much' is no number"),
        ({"amount": 5}, "the input 'region' is not given"),
        ({"amount": 200_000, "region": None}, "200000 is not allowed"),
    ):
        with pytest.raises(StepFailure, match=words) as failure:
            run_step(inputs)
        assert (failure.value.kind, failure.value.retryable) == ("contract", False)
        assert failure.value.provenance == {"provider": "table", "table": "limits@1", "rows": []}


def test_a_flow_that_gives_a_table_the_wrong_inputs_is_not_published() -> None:
    make_table(inputs=[{"name": "sum", "type": "number"}], tests=[],
               rows=[{"id": "r1", "when": ["-"], "then": ["sum"]}])  # fmt: skip
    with pytest.raises(FlowInvalid) as refused:
        make_limited_flow()
    found = {each.message for each in refused.value.problems if each.code == "table.inputs"}
    assert found == {
        "The table limits needs 'sum'.", "The table limits has no input 'amount'.",
        "The table limits has no input 'region'.",
    }  # fmt: skip


def test_a_table_with_a_problem_or_a_failing_test_is_not_published() -> None:
    asset = make_table(publish=False, rows=[*LIMITS["rows"], {"id": "r4", "when": ["5", "-"],
                                                             "then": ["1"]}])  # fmt: skip
    with pytest.raises(AssetInvalid, match="Rows 1 and 4 match the same input"):
        publish_table(asset)
    wrong = [{"name": "Wrong", "inputs": {"amount": 5}, "expect": 6, "rows": ["r2"]}]
    with pytest.raises(AssetTestsFailed, match=r"The result is: The result is another\. The rows"):
        publish_table(asset, rows=LIMITS["rows"], tests=wrong)


def test_the_rows_of_a_released_version_are_counted_in_its_newest_runs() -> None:
    asset = make_table()
    flow = make_limited_flow()
    given = [(500, "east"), (900, "north"), (3000, "north"), (2000, "east")]
    with driving():
        for run in [start(flow, {"amount": amount, "region": region}) for amount, region in given]:
            ended(run)
    asset = get_asset("table", "limits")
    with CaptureQueriesContext(connection) as queries:
        found = count_hits(asset)
    assert len(queries) == 3
    assert {each.id: each.count for each in found.rows} == {"r1": 2, "r2": 1, "r3": 0}
    assert (found.version, found.runs, found.decisions, found.without) == (1, 4, 4, 1)
    assert [each.id for each in found.rows if each.never] == ["r3"]
    publish_table(asset, description="Changed")
    asset.refresh_from_db()
    assert count_hits(asset).decisions == 0
