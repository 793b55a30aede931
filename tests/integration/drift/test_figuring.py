"""The clock's comparison of each day with its contract: figures, slices, notices, repeats."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flows.assets.contents import CONTENTS
from flows.assets.services import publish_asset, save_draft
from flows.drift.clock import KEEP_DAYS, LOOK_BACK_DAYS, figure_days
from flows.drift.models import FieldFigure, FiguredDay
from flows.models import Flow, Journal
from reviews.models.notices import Notice
from tests.factories.contracts import CONTRACT, make_contract, make_fees, record_outputs
from tests.factories.flows import NOW, make_flow
from tests.factories.people import ACTOR, make_person
from workbench.accounts.models import Role
from workbench.dispatch.models import SetAside

pytestmark = pytest.mark.django_db
TODAY = NOW.date()
YESTERDAY = TODAY - timedelta(days=1)
DAY = timedelta(days=1)


@pytest.fixture
def flow() -> Flow:
    return make_flow("loan")


def figure(now: datetime = NOW) -> None:
    while figure_days(now):
        pass


def figures(day: Any = YESTERDAY, by: str = "all", part: str = "") -> FieldFigure:
    return FieldFigure.objects.get(day__day=day, sliced_by=by, part=part, field="fee")


def told() -> list[tuple[str, str]]:
    return [(each.title, each.said) for each in Notice.objects.order_by("pk")]


def test_a_day_is_figured_as_a_whole_and_by_version_model_and_trigger(flow: Flow) -> None:
    make_contract(learned_from=make_fees(400))
    record_outputs(flow, YESTERDAY, make_fees(90, seed=2), trigger="api", model="old")
    record_outputs(flow, YESTERDAY, make_fees(60, mean=40, seed=3), trigger="webhook", model="new")
    record_outputs(flow, TODAY, make_fees(10))
    record_outputs(flow, YESTERDAY - DAY, make_fees(10))
    figure()
    assert figures().outputs == 150
    old, new = figures(by="model", part="old 1"), figures(by="model", part="new 1")
    assert (old.outputs, new.outputs) == (90, 60)
    assert old.psi is not None
    assert new.psi is not None
    assert old.psi < 0.5
    assert new.psi > 1
    assert (old.said, new.said) == ([], ["broken", "psi", "ks"])
    assert new.breaches == {"range": new.broken}
    assert figures(by="trigger", part="webhook").mean == new.mean == pytest.approx(40, abs=2)
    assert figures(by="version", part="1").outputs == 150
    assert figures(YESTERDAY - DAY).psi is None
    assert FiguredDay.objects.count() == LOOK_BACK_DAYS


def test_figuring_again_changes_nothing_until_the_day_has_settled(flow: Flow) -> None:
    make_contract(learned_from=make_fees(400))
    record_outputs(flow, YESTERDAY, make_fees(60))
    figure()
    before = list(FieldFigure.objects.order_by("pk").values())
    figure(NOW + timedelta(hours=1))
    assert list(FieldFigure.objects.order_by("pk").values()) == before
    record_outputs(flow, YESTERDAY, make_fees(5), hour=23)
    figure(NOW + DAY)
    assert figures().outputs == 65
    at = FiguredDay.objects.get(day=YESTERDAY).figured_at
    figure(NOW + 2 * DAY)
    assert FiguredDay.objects.get(day=YESTERDAY).figured_at == at


def test_a_newly_released_version_figures_the_days_anew(flow: Flow) -> None:
    asset = make_contract()
    record_outputs(flow, YESTERDAY, [{"fee": 70}] * 60)
    figure()
    assert figures().broken == 0
    fields = [{"path": "fee", "highest": 60}]
    changed = save_draft(
        asset_id=asset.pk, title=None, content={**CONTRACT, "fields": fields}, actor=ACTOR, now=NOW
    )
    publish_asset(asset_id=asset.pk, revision=changed.draft_revision, note="Tighter", author=None,
                  actor=ACTOR, now=NOW)  # fmt: skip
    CONTENTS.forget()
    figure()
    assert figures().broken == 60
    assert {day.number for day in FiguredDay.objects.all()} == {2}


def test_a_breach_is_told_once_when_it_begins_and_again_after_it_had_ended(flow: Flow) -> None:
    make_person("dora", Role.DESIGNER)
    make_contract(learned_from=make_fees(400))
    days = [TODAY + number * DAY for number in range(4)]
    for day, mean in zip(days, (40, 40, 20, 40), strict=True):
        record_outputs(flow, day, make_fees(60, mean=mean))
    counts = []
    for day in days:
        for hour in (1, 2, 3):
            figure(datetime(day.year, day.month, day.day, hour, tzinfo=UTC) + DAY)
        counts.append(len(told()))
    assert counts == [1, 1, 1, 2]
    title, said = told()[0]
    assert title == "1 field of loan / fee began to break Fees"
    assert said.startswith("10 Mar 2026: fee: ")
    assert "PSI" in said


def test_what_broke_long_ago_is_no_news_but_what_still_breaks_is(flow: Flow) -> None:
    make_person("dora", Role.DESIGNER)
    make_contract(learned_from=make_fees(400))
    for back in (20, 10, 1):
        record_outputs(flow, TODAY - back * DAY, make_fees(60, mean=40))
    figure()
    assert len(told()) == 1
    assert "9 Mar 2026" in told()[0][1]


def test_an_output_that_cannot_be_read_is_counted_and_the_others_are_figured(flow: Flow) -> None:
    make_contract()
    [bad, *_] = record_outputs(flow, YESTERDAY, [{"fee": 5}] * 4)
    Journal.objects.filter(run_id=bad.pk).update(data={"$artifact": "0" * 64, "size": 9})
    figure()
    day = FiguredDay.objects.get(day=YESTERDAY)
    assert (day.outputs, day.unread) == (3, 1)
    assert not SetAside.objects.exists()


def test_a_window_counts_a_day_with_those_before_it(flow: Flow) -> None:
    drift = {"psi_at_least": 0.2, "ks_at_least": 0.15, "window_days": 7}
    make_contract(drift=drift)
    for back in (1, 4, 7, 8):
        record_outputs(flow, TODAY - back * DAY, make_fees(10))
    figure()
    assert figures().outputs == 30


def test_a_flag_a_null_and_an_absent_field_are_counted_apart(flow: Flow) -> None:
    fields = [{"path": "fee", "type": "flag", "missing_at_most": 0.5}]
    make_contract(fields=fields)
    record_outputs(flow, YESTERDAY, [{"fee": True}, {"fee": None}, {}, {"fee": 1}])
    figure()
    found = figures()
    assert (found.outputs, found.missing, found.breaches) == (4, 2, {"type": 1})


def test_drafts_archived_contracts_and_those_of_no_step_are_left_alone(flow: Flow) -> None:
    make_contract("draft", released=False)
    make_contract("guards", flow="", step="")
    gone = make_contract("gone")
    gone.archived_at = NOW
    gone.save()
    record_outputs(flow, YESTERDAY, make_fees(10))
    figure()
    assert not FiguredDay.objects.exists()


def test_days_are_kept_for_a_year_and_some(flow: Flow) -> None:
    asset = make_contract()
    for back in (KEEP_DAYS, KEEP_DAYS + 1):
        FiguredDay.objects.create(
            contract=asset, day=TODAY - back * DAY, number=1, outputs=0, figured_at=NOW
        )
    figure()
    assert FiguredDay.objects.order_by("day")[0].day == TODAY - KEEP_DAYS * DAY
